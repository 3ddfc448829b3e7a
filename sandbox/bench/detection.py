"""How fast health and all detectors are and what memory they take: `python -m sandbox.bench.detection [accounts ...]`.

Three metrics, 90 days. Memory is beyond the input's own; `cost` is the time an account, against the first line.
"""

import sys
import time
import tracemalloc
from collections.abc import Sequence
from datetime import date

import numpy as np

from detectors import health, scan
from detectors.base import Rules, Sightings, Snapshot, Usage
from detectors.health import Days

DAYS = 90
SIZES = (1_000, 10_000, 100_000)
TARGET = 20_000  # accounts a second on one core


def usage(metric: str, rng: np.random.Generator, count: int) -> Usage:
    """Accounts of all sizes with a weekly rhythm and some growth; one in seven near its limit."""
    gauge = metric == "seats"
    daily = rng.random((count, DAYS))
    daily *= 0.2
    daily += 1 + 0.3 * (np.arange(DAYS) % 7 < 5)
    daily *= np.exp(rng.normal(0, 0.01, (count, 1)) * np.arange(DAYS)) * np.exp(rng.uniform(3, 9, (count, 1)))
    elapsed = np.zeros(count, np.int64) if gauge else rng.integers(0, 30, count)
    used = daily[:, -1].copy() if gauge else daily[:, -15:].sum(1) * elapsed / 15
    return Usage(
        metric=metric,
        kind="gauge" if gauge else "quota",
        daily=daily,
        used=used,
        limit=daily[:, -30:].mean(1) * (1 if gauge else 30) * rng.uniform(0.8, 3, count),
        unlimited=np.zeros(count, np.bool_),
        bad=np.zeros(count, np.bool_),
        bad_limit=np.zeros(count, np.bool_),
        age_hours=np.ones(count),
        silent_hours=np.ones(count),
        usual_gap_hours=np.full(count, 24.0),
        observed_days=np.full(count, DAYS),
        elapsed=elapsed,
        period_days=np.full(count, 30),
        next_period_days=np.full(count, 31),
        previous_periods=np.tile(daily[:, -60:-30].sum(1)[:, None], 2),
        people=gauge,
        levels=np.tile([70.0, 90.0], (count, 1)) if gauge else None,
    )


def seen(rng: np.random.Generator, count: int) -> Sightings:
    """Something for one account in five."""
    rows = rng.integers(0, count, count // 5)
    named = np.array([f"{number}" for number in range(50)], object)
    subject, person, session = (named[rng.integers(0, 50, len(rows))] for _ in range(3))
    return Sightings(rows, subject, person, session, rng.integers(0, 21, len(rows)))


def fleet(count: int) -> Snapshot:
    """Made-up accounts, the same on each run."""
    rng = np.random.default_rng(count)
    requests = np.full((count, DAYS + 1), 1000.0)
    rejections = np.zeros((count, DAYS + 1))
    rejections[rng.integers(0, count, count // 5), rng.integers(DAYS - 14, DAYS + 1, count // 5)] = 12
    usages = {metric: usage(metric, rng, count) for metric in ("api_calls", "data_gb", "seats")}
    active = np.full(count, 10.0)
    return Snapshot(
        date(2026, 11, 22), usages, rejections, requests, active, seen(rng, count), seen(rng, count), seen(rng, 5)
    )


def examined(snapshot: Snapshot) -> int:
    """The health of the data, as an evaluation looks at it before it detects anything; the accounts in doubt."""
    days = {metric: Days(one.daily[:, :-1], one.daily[:, -1], 15.0) for metric, one in snapshot.usages.items()}
    plan = np.arange(len(snapshot.active_people)) % 3
    found = int(health.lives(list(days.values())).ended.sum())
    for metric, one in snapshot.usages.items():
        if health.vanished(days[metric]) is None and health.shift(days[metric]) is None:
            found += len(health.sudden_zero(days[metric], one.counted))
        found += int(health.absurd_limit(one, plan).sum())
    return found


def measured(count: int) -> tuple[float, float, int]:
    """Processor seconds, megabytes beyond the input at the peak, rows found. Tracing is slow: it has its own pass."""
    snapshot = fleet(count)
    start = time.process_time()
    examined(snapshot)
    result = scan(snapshot, Rules())
    seconds = time.process_time() - start
    found = sum(len(findings.rows) for findings in result.findings)
    del result
    tracemalloc.start()
    examined(snapshot)
    scan(snapshot, Rules())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak / 1e6, found


def main(sizes: Sequence[int]) -> None:
    """One line per size."""
    measured(1000)  # the first run loads and warms up
    first = 0.0
    for count in sizes:
        seconds, megabytes, found = measured(count)
        first = first or seconds / count
        sys.stdout.write(
            f"{count:>9,} accounts  {seconds:7.2f} s  {count / seconds:>8,.0f} accounts/s (target {TARGET:,})"
            f"  {megabytes:5.0f} MB beyond the input  {found:>7,} found  cost {seconds / count / first:.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main([int(given) for given in sys.argv[1:]] or SIZES)
