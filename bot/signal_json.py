"""Signals and drivers as JSON: the same in the store, in `evaluate --json` and in what other programs read."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from bot.model import Driver, Signal


def to_json(signal: Signal) -> dict[str, Any]:
    """JSON values only; times are UTC with a Z, what is unknown is null."""
    between = signal.crosses_between
    return {
        **{name: getattr(signal, name) for name in Signal.__slots__},
        "evidence": dict(signal.evidence),
        "crosses_on": signal.crosses_on and signal.crosses_on.isoformat(),
        "crosses_between": between and [day.isoformat() for day in between],
        "as_of": signal.as_of and instant(signal.as_of),
    }


def from_json(stored: Mapping[str, Any]) -> Signal:
    between = stored["crosses_between"]
    return Signal(
        **{
            **stored,
            "crosses_on": _day(stored["crosses_on"]),
            "crosses_between": between and (date.fromisoformat(between[0]), date.fromisoformat(between[1])),
            "as_of": datetime.fromisoformat(stored["as_of"]) if stored["as_of"] else None,
        }
    )


def driver_to_json(driver: Driver) -> dict[str, Any]:
    return {
        **{name: getattr(driver, name) for name in Driver.__slots__},
        "values": [list(value) for value in driver.values],
        "burst_on": driver.burst_on and driver.burst_on.isoformat(),
    }


def driver_from_json(stored: Mapping[str, Any]) -> Driver:
    values = tuple((str(value), float(share)) for value, share in stored["values"])
    return Driver(**{**stored, "values": values, "burst_on": _day(stored["burst_on"])})


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
