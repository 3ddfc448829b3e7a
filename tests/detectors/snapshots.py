"""Small snapshots for the detectors' tests: healthy by default, so that a test says only what is different."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from detectors.base import Sightings, Snapshot, Usage

DAYS = 90


def column(value: Any, count: int, kind: type[np.generic] = np.float64) -> Any:
    """One number for all rows, or a number a row."""
    return np.broadcast_to(np.asarray(value, kind), count).copy()


def quota(daily: Any = 1000.0, count: int = 1, metric: str = "api_calls", **columns: Any) -> Usage:
    """Day 11 of a period of 30; `daily` is a number, one row of days, or a row per account."""
    days = np.broadcast_to(np.asarray(daily, np.float64), (count, DAYS)).copy()
    elapsed = columns.get("elapsed", 10)
    known = np.where(np.isfinite(days), days, 0.0)
    total = known[:, DAYS - elapsed :].sum(1) if np.ndim(elapsed) == 0 else known[:, -10:].sum(1)
    return _usage(metric, "quota", days, {"used": total, "elapsed": elapsed, "limit": 100_000.0} | columns)


def gauge(daily: Any = 5.0, count: int = 1, metric: str = "seats", **columns: Any) -> Usage:
    """A level of today as it was yesterday."""
    days = np.broadcast_to(np.asarray(daily, np.float64), (count, DAYS)).copy()
    people = {"people": metric == "seats"}
    return _usage(metric, "gauge", days, people | {"used": days[:, -1], "elapsed": 0, "limit": 10.0} | columns)


def _usage(metric: str, kind: Any, daily: Any, given: dict[str, Any]) -> Usage:
    count = len(daily)
    plain = {name: given.pop(name) for name in ("people", "counted", "comparable", "levels", "doubt") if name in given}
    before = np.broadcast_to(np.asarray(given.pop("previous_periods", np.nan), np.float64), (count, 2)).copy()
    defaults = {
        "unlimited": False,
        "bad": False,
        "bad_limit": False,
        "age_hours": 1.0,
        "silent_hours": given.get("age_hours", 1.0),
        "usual_gap_hours": 24.0,
        "observed_days": DAYS,
        "period_days": 30,
        "next_period_days": 30,
    }
    kinds: dict[str, Any] = {"unlimited": np.bool_, "bad": np.bool_, "bad_limit": np.bool_}
    kinds |= dict.fromkeys(("observed_days", "elapsed", "period_days", "next_period_days"), np.int64)
    columns = {name: column(value, count, kinds.get(name, np.float64)) for name, value in (defaults | given).items()}
    return Usage(metric=metric, kind=kind, daily=daily, previous_periods=before, **columns, **plain)


def sightings(*rows: tuple[str, str, str, int], account: int | Sequence[int] = 0) -> Sightings:
    """Rows of (subject, person, session, days ago)."""
    subject, person, session, ago = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Sightings(
        account=column(account, len(rows), np.int64),
        subject=np.array(subject, object),
        person=np.array(person, object),
        session=np.array(session, object),
        days_ago=np.array(ago, np.int64),
    )


def snapshot(*usages: Usage, count: int = 1, **given: Any) -> Snapshot:
    """A snapshot of these usages and, unless given, of nothing else."""
    nothing: dict[str, Any] = {
        "rejections": np.zeros((count, DAYS + 1)),
        "requests": np.full((count, DAYS + 1), 1000.0),
        "active_people": np.full(count, 10.0),
        "lockouts": sightings(),
        "billing_visits": sightings(),
        "save_visits": sightings(),
    }
    return Snapshot(today=date(2026, 11, 22), usages={usage.metric: usage for usage in usages}, **(nothing | given))
