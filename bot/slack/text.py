"""Words and figures for Slack: whatever an account is called, it reads as text and never acts as markup."""

# ruff: noqa: RUF001 - characters that look alike, without what Slack reads into the usual ones, are the point

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.model import Account

NAME_LENGTH = 80  # enough to tell accounts apart, short enough for a phone
CURRENCY_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BARS = "▁▂▃▄▅▆▇█"
FEWEST_BARS = 5
NEAR = 0.01  # of the limit: closer to it, rounded figures may look the same
MOST_DIGITS = 6

# Controls, formats (bidi marks, zero-width characters), surrogates, private and unassigned code points.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_EMOJI_CODE = re.compile(r":([\w+'-]+):")
# Slack: only these three characters have entities. https://docs.slack.dev/messaging/formatting-message-text
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CUT_SEQUENCE = re.compile(r"(&[a-z]*|<[^>]*)$")


class Mrkdwn(str):
    """Text that is safe as mrkdwn already."""

    __slots__ = ()


def clean(value: object) -> str:
    """One line of visible characters."""
    kept = ("" if unicodedata.category(char) in _UNSEEN and not char.isspace() else char for char in str(value))
    return " ".join("".join(kept).split())


def plain(value: object, limit: int = NAME_LENGTH) -> str:
    """For plain_text objects, which have no escapes: angle brackets become quotes that mean nothing to Slack."""
    return shorten(clean(value).replace("<", "‹").replace(">", "›"), limit)


def escape(value: object, limit: int = 300) -> Mrkdwn:
    """For mrkdwn and top-level `text`: no mention, link, formatting or emoji code survives."""
    if isinstance(value, Mrkdwn):
        return value
    text = clean(value).translate(_LOOKALIKES)
    text = _EMOJI_CODE.sub(r"∶\1∶", _EDGE_UNDERSCORE.sub("＿", text))
    return Mrkdwn("".join(_ENTITIES.get(char, char) for char in shorten(text, limit)))


def called(account: Account) -> str:
    """What to call an account whose name may be empty or invisible; not yet safe for Slack."""
    return clean(account.name) or clean(account.key) or "Unnamed account"


def name_of(account: Account) -> Mrkdwn:
    return escape(called(account), NAME_LENGTH)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters; an entity, mention or link is dropped rather than cut."""
    if len(text) <= limit:
        return text
    return _CUT_SEQUENCE.sub("", text[: limit - 1]).rstrip() + "…"


def mention(user: str) -> Mrkdwn:
    """A person, by an id that came from Slack itself."""
    return Mrkdwn(f"<@{user}>") if re.fullmatch(r"[UW][A-Z0-9]{2,20}", user) else escape(user)


def number(value: float | Decimal | None) -> str:
    """1,234 · 0.5 · 12.3M · "unknown"."""
    if value is None or not math.isfinite(value):
        return "unknown"
    amount = float(value)
    for size, suffix in ((1e12, "T"), (1e9, "B"), (1e7, "M")):
        if size <= abs(amount) < 1e15:
            return f"{amount / (1e6 if suffix == 'M' else size):,.1f}{suffix}"
    if abs(amount) >= 1e15:
        return f"{amount:.3g}"
    if amount == round(amount) or abs(amount) >= 1000:
        return f"{amount:,.0f}"
    return f"{amount:,.1f}" if abs(amount) >= 0.1 else f"{amount:.1g}"


def used_of(used: float | None, limit: float | None) -> str:
    """92,100 of 100,000: near the limit with as many digits as it takes to tell the two apart."""
    if used is None or limit is None or used == limit or not math.isclose(used, limit, rel_tol=NEAR):
        return f"{number(used)} of {number(limit)}"
    written = ([f"{value:,.{digits}f}" for value in (used, limit)] for digits in range(MOST_DIGITS + 1))
    figures = next((both for both in written if both[0] != both[1]), [number(used), number(limit)])
    return " of ".join(figure.rstrip("0").rstrip(".") if "." in figure else figure for figure in figures)


def chance(probability: float | None) -> str:
    """Of what is yet to come nothing is certain: 0.97 is 97 %, 0.999 is over 99 %."""
    if probability is None or not math.isfinite(probability):
        return "unknown"
    whole = round(probability * 100)
    return "under 1 %" if whole < 1 else "over 99 %" if whole > 99 else f"{whole} %"


def percent(share: float | None) -> str:
    """A growth or a fall: 0.096 is 10 %."""
    return "unknown" if share is None or not math.isfinite(share * 100) else f"{number(round(share * 100))} %"


def percent_used(ratio: float | None) -> str:
    """Of a limit: 0.929 is 92 %; never rounded up to a limit that has not been reached."""
    if ratio is None or not math.isfinite(ratio * 100):
        return "unknown"
    return f"{number(math.floor(ratio * 100 + 1e-9))} %"


def money(amount: Decimal | None, currency: str, *, signed: bool = False) -> str:
    """€4,800; with `signed` +€4,800."""
    if amount is None or not amount.is_finite():
        return "unknown"
    sign = "-" if amount < 0 else "+" if signed else ""
    figure = number(abs(amount.quantize(Decimal(1)) if abs(amount) >= 10 else amount))
    symbol = CURRENCY_SIGNS.get(currency.upper())
    return f"{sign}{symbol}{figure}" if symbol else f"{sign}{figure} {plain(currency, 10)}"


def day(value: date) -> str:
    """Wed 26 Nov: names do not depend on the machine's locale."""
    return f"{WEEKDAYS[value.weekday()]} {short_day(value)}"


def short_day(value: date) -> str:
    return f"{value.day} {MONTHS[value.month - 1]}"


def day_range(first: date, last: date) -> str:
    """24 to 29 Nov · 28 Nov to 3 Dec."""
    if first == last:
        return short_day(first)
    begin = str(first.day) if (first.year, first.month) == (last.year, last.month) else short_day(first)
    return f"{begin} to {short_day(last)}"


def expected(value: date, between: tuple[date, date] | None) -> str:
    """Wed 26 Nov (24 to 29 Nov); the day alone where the range says no more."""
    return day(value) if between is None or between[0] == between[1] else f"{day(value)} ({day_range(*between)})"


def moment(value: datetime, timezone: str) -> str:
    """21 Nov 23:58, in the project's time zone."""
    local = value.astimezone(ZoneInfo(timezone))
    return f"{short_day(local)} {local:%H:%M}" + (" UTC" if timezone == "UTC" else "")


def sparkline(values: Sequence[float | None], width: int = 14) -> str:
    """The last `width` values as bars from zero; an unknown day is a gap, and too few days are no picture."""
    shown = [value if value is not None and math.isfinite(value) else None for value in values[-width:]]
    known = [value for value in shown if value is not None]
    if len(known) < FEWEST_BARS:
        return ""
    top = max(known)
    bars = [" " if value is None else _bar(value / top if top > 0 else 0.0) for value in shown]
    return "".join(bars).lstrip()


def _bar(share: float) -> str:
    return BARS[round(max(share, 0.0) * (len(BARS) - 1))]
