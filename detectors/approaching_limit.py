"""The account uses 80, 90, 100 or 120 % of what its plan allows (or its own levels), or has one seat left.

A level is over when usage falls five points below it, when a new period begins, or when the limit is raised; then it
can fire again.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from detectors.base import Bools, Context, Days, Findings, Floats, Ints, Usage
from detectors.gates import OPEN

KIND = "approaching_limit"
WEIGHT = 1.2
HOLD_POINTS = 5.0  # a level holds down to this many points below it
SEATS_LEFT = 1.0
HOLD_SEATS_LEFT = 2.0
STEADY_DAYS = 3  # a level that moves up and down is judged by the median of the last three days known
RECENT_DAYS = 6  # before today; a figure that is older tells nothing of the level now
ROUNDING = 1e-9  # sums of floating-point numbers: a value on the line counts as reached


def detect(context: Context) -> Iterator[Findings]:
    """One Findings per metric; `level` is the highest level reached, in percent of the limit."""
    for metric, usage in context.snapshot.usages.items():
        levels = levels_of(usage, context.rules.approaching)
        if levels.shape[1]:
            yield _judge(usage, context.gates[metric] == OPEN, levels, context.snapshot.today)


def levels_of(usage: Usage, usual: Sequence[float]) -> Floats:
    """[n, k] each row's own levels in percent, else the usual ones, rising; filled up with infinity."""
    default = np.sort(np.asarray(usual, np.float64))
    if usage.levels is None:
        return np.broadcast_to(default, (len(usage.used), len(default)))
    width = max(len(default), usage.levels.shape[1])
    default, own = (
        np.pad(levels, [(0, 0)] * (levels.ndim - 1) + [(0, width - levels.shape[-1])], constant_values=np.inf)
        for levels in (default, usage.levels)
    )
    return np.where(np.isnan(own[:, :1]), default, own)


def _judge(usage: Usage, is_open: Bools, levels: Floats, today: date) -> Findings:
    rows = np.flatnonzero(is_open)
    used, limit, levels = usage.used[rows], usage.limit[rows], levels[rows]
    steady = figure(usage, rows) / limit
    level, held = _highest(steady, levels), _highest(steady + HOLD_POINTS / 100, levels)
    left = np.where(used <= limit, limit - used, np.inf) if usage.people else np.full(len(rows), np.inf)
    level = np.where(left <= SEATS_LEFT, np.fmax(level, levels[:, 0]), level)
    held = np.where(left <= HOLD_SEATS_LEFT, np.fmax(held, levels[:, 0]), held)
    keep = ~np.isnan(held)
    return Findings(
        KIND,
        usage.metric,
        WEIGHT,
        rows[keep],
        fires=~np.isnan(level[keep]),
        strength=np.clip((steady[keep] - 0.6) / 0.4, 0.0, 1.0),  # from nothing at 60 % to all at the limit
        level=level[keep],
        held_level=held[keep],
        evidence={
            "used": used[keep],
            "limit": limit[keep],
            "ratio": used[keep] / limit[keep],
            "steady_ratio": steady[keep],
            "period_start": period_start(usage, today)[rows[keep]],
            **({"seats_left": limit[keep] - used[keep]} if usage.people else {}),
        },
    )


def period_start(usage: Usage, today: date) -> Days:
    """The first day of each row's period; unknown (NaT) for a level, which knows no periods."""
    if usage.kind == "gauge":
        return np.full(len(usage.used), np.datetime64("NaT"), "datetime64[D]")
    return np.asarray(np.datetime64(today) - usage.elapsed.astype("timedelta64[D]"), "datetime64[D]")


def _highest(ratio: Floats, levels: Floats) -> Floats:
    """The highest of its levels, in percent, that each ratio reaches; NaN where it reaches none."""
    count = (levels <= (ratio * 100 * (1 + ROUNDING))[:, None]).sum(1)
    highest = levels[np.arange(len(levels)), np.maximum(count - 1, 0)]
    return np.where(count > 0, highest, np.nan)


def figure(usage: Usage, rows: Ints) -> Floats:
    """What levels are held against: a figure that moves up and down as it mostly was, else as it is now."""
    moves = usage.kind == "gauge" and usage.comparable
    return steady_level(usage.daily[rows], usage.used[rows]) if moves else usage.used[rows]


def steady_level(daily: Floats, used: Floats) -> Floats:
    """The median of the last three known days of a week, today's figure included, or of what there is."""
    recent = np.column_stack([daily[:, -RECENT_DAYS:], used])
    known = np.isfinite(recent)
    latest = known & (np.cumsum(known[:, ::-1], 1)[:, ::-1] <= STEADY_DAYS)
    ordered = np.sort(np.where(latest, recent, np.inf), 1)[:, :STEADY_DAYS]
    count = np.maximum(latest.sum(1), 1)[:, None]
    pair = np.take_along_axis(ordered, np.hstack([(count - 1) // 2, count // 2]), 1)
    return np.asarray(pair.mean(1), np.float64)
