"""Slack's mrkdwn as HTML: https://docs.slack.dev/messaging/formatting-message-text. Whatever is not mrkdwn is text."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

SPECIAL = re.compile(r"<([^<>\n]*)>")
CODE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
MARKS = (
    ("b", re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])")),
    ("i", re.compile(r"(?<![\w_])_(?=\S)([^_\n]*?\S)_(?![\w_])")),
    ("s", re.compile(r"(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])")),
)
DATES = {
    "{date_num}": "%Y-%m-%d",
    "{date}": "%B %-d, %Y",
    "{date_short}": "%b %-d, %Y",
    "{date_long}": "%A, %B %-d, %Y",
    "{date_pretty}": "%B %-d, %Y",
    "{date_short_pretty}": "%b %-d, %Y",
    "{date_long_pretty}": "%A, %B %-d, %Y",
    "{time}": "%H:%M",
    "{time_secs}": "%H:%M:%S",
    "{ago}": "%b %-d, %H:%M",
}
KEPT = re.compile("\ue000(\\d+)\ue001")  # a private place in Unicode marks what is HTML already
EMOJI = {
    "wave": "👋",
    "tada": "🎉",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "x": "❌",
    "bell": "🔔",
    "moneybag": "💰",
    "eyes": "👀",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What ids stand for, and whose time zone dates are told in."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    me: str = ""
    zone: str = "UTC"


def html(text: str, names: Names) -> Markup:
    """Lines stay lines; lines that begin with > are a quotation."""
    kept: list[Markup] = []

    def keep(piece: Markup) -> str:
        kept.append(piece)
        return f"\ue000{len(kept) - 1}\ue001"

    text = re.sub("[\ue000\ue001]", "", text)
    text = CODE.sub(lambda found: keep(_code(found)), text)
    text = SPECIAL.sub(lambda found: keep(_special(found[1], names)), text)
    return Markup("").join(_put_back(line, kept) for line in _lines(text))


def plain(text: str) -> Markup:
    """A plain_text object: nothing in it is a mark, but :emoji: names are."""
    return Markup("<br>").join(escape(line) for line in _emoji(text).split("\n"))


def _code(found: re.Match[str]) -> Markup:
    block, line = found[1], found[2]
    return (
        Markup("<pre>{}</pre>").format(_unescaped(block))
        if block
        else Markup("<code>{}</code>").format(_unescaped(line))
    )


def _lines(text: str) -> Iterator[Markup]:
    quoted: list[Markup] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        is_quote = re.match(r"(?:&gt;|>) ?", line)
        if is_quote:
            quoted.append(_marked(line[is_quote.end() :]))
            continue
        if quoted:
            yield Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(quoted))
            quoted = []
        yield _marked(line) + (Markup("<br>") if number < len(lines) - 1 else Markup(""))
    if quoted:
        yield Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(quoted))


def _marked(line: str) -> Markup:
    words = str(escape(_unescaped(_emoji(line))))
    for tag, mark in MARKS:
        words = mark.sub(rf"<{tag}>\1</{tag}>", words)
    return Markup(words)  # noqa: S704 - escaped above; only the three tags are ours


def _put_back(line: Markup, kept: list[Markup]) -> Markup:
    return Markup(KEPT.sub(lambda found: str(kept[int(found[1])]), str(line)))  # noqa: S704 - each piece is escaped


def _unescaped(text: str) -> str:
    """The three characters that Slack wants escaped, and no others."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _emoji(text: str) -> str:
    return re.sub(r":([a-z_]+):", lambda found: EMOJI.get(found[1], found[0]), text)


def _special(inside: str, names: Names) -> Markup:
    target, _, label = inside.partition("|")
    for sign, make in SIGNS.items():
        if target.startswith(sign):
            return make(target[len(sign) :], _unescaped(label), names)
    if re.match(r"(?:https?|mailto):", target):
        address = _unescaped(target)
        return Markup('<a href="{}" target="_blank" rel="noreferrer">{}</a>').format(
            address, _unescaped(label) or address
        )
    return escape(f"<{_unescaped(inside)}>")


def _user(target: str, label: str, names: Names) -> Markup:
    mine = Markup(" mine") if target == names.me else Markup("")
    return Markup('<span class="mention{}">@{}</span>').format(mine, names.users.get(target, label or target))


def _channel(target: str, label: str, names: Names) -> Markup:
    return Markup('<span class="mention">#{}</span>').format(names.channels.get(target, label or target))


def _group(target: str, label: str, names: Names) -> Markup:
    return Markup('<span class="mention">@{}</span>').format(names.groups.get(target, label or target))


def _date(target: str, label: str, names: Names) -> Markup:
    """<!date^1392734382^{date_short} at {time}|as it would be told to whoever cannot see dates>"""
    stamp, _, pattern = target.partition("^")
    try:
        moment = datetime.fromtimestamp(int(stamp), UTC).astimezone(ZoneInfo(names.zone))
    except (ValueError, OverflowError, OSError):
        return escape(label)
    for token, form in DATES.items():
        pattern = pattern.replace(token, moment.strftime(form))
    words, _, address = pattern.partition("^")
    told = Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), words)
    return Markup('<a href="{}" target="_blank" rel="noreferrer">{}</a>').format(address, told) if address else told


def _broadcast(target: str, label: str, _: Names) -> Markup:
    return Markup('<span class="mention mine">@{}</span>').format(target or label)


SIGNS: Mapping[str, Callable[[str, str, Names], Markup]] = {
    "@": _user,
    "#": _channel,
    "!subteam^": _group,
    "!date^": _date,
    "!": _broadcast,
}
