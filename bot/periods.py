"""Billing periods: months counted from an anchor, whatever the anchor's day, in the project's time zone."""

from calendar import monthrange
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


class AnchorError(ValueError):
    """The anchor is neither a date nor a day of the month."""


def anchor_day(anchor: str | None) -> int:
    """Day of the month on which periods start: of "2024-01-31", "31" or None (calendar months)."""
    if anchor is None or not anchor.strip():
        return 1
    text = anchor.strip()
    try:
        day = float(text) if len(text) <= 4 else datetime.fromisoformat(text).day
    except ValueError as error:
        raise AnchorError(f"{text[:40]!r} is neither a date nor a day of the month") from error
    if not 1 <= day <= 31 or day != int(day):
        raise AnchorError(f"{text[:40]!r} is not a day of the month")
    return int(day)


def _start(year: int, month: int, day: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(day, monthrange(year, month)[1]))


def period(anchor: str | None, today: date, shift: int = 0) -> tuple[date, date]:
    """Start and end (exclusive) of the period that holds `today`, or of the one `shift` periods later.

    An anchor on the 31st starts on the last day of shorter months, and on the 31st again afterwards.
    """
    day = anchor_day(anchor)
    month = today.month if _start(today.year, today.month, day) <= today else today.month - 1
    return _start(today.year, month + shift, day), _start(today.year, month + shift + 1, day)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant at which `day` begins in `zone`."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
