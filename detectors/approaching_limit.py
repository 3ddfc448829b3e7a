"""The account uses 80, 90, 100 or 120 % of what its plan allows, or has one seat left.

A level is over when usage falls five points below it, as a quota does when its period begins; then it can fire again.
"""

from collections.abc import Iterator

import numpy as np

from detectors.base import Bools, Context, Findings, Floats, Usage
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
    levels = np.sort(np.asarray(context.rules.approaching, np.float64))
    for metric, usage in context.snapshot.usages.items():
        if len(levels):
            yield _judge(usage, context.gates[metric] == OPEN, levels)


def _judge(usage: Usage, is_open: Bools, levels: Floats) -> Findings:
    rows = np.flatnonzero(is_open)
    used, limit = usage.used[rows], usage.limit[rows]
    moves = usage.kind == "gauge" and usage.comparable
    steady = (steady_level(usage.daily[rows], used) if moves else used) / limit
    level, held = _highest(steady, levels), _highest(steady + HOLD_POINTS / 100, levels)
    left = np.where(used <= limit, limit - used, np.inf) if usage.people else np.full(len(rows), np.inf)
    level = np.where(left <= SEATS_LEFT, np.fmax(level, levels[0]), level)
    held = np.where(left <= HOLD_SEATS_LEFT, np.fmax(held, levels[0]), held)
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
            **({"seats_left": limit[keep] - used[keep]} if usage.people else {}),
        },
    )


def _highest(ratio: Floats, levels: Floats) -> Floats:
    """The highest level, in percent, that the ratio reaches; NaN where it reaches none."""
    count = np.searchsorted(levels, ratio * 100 * (1 + ROUNDING), side="right")
    return np.where(count > 0, levels[np.maximum(count - 1, 0)], np.nan)


def steady_level(daily: Floats, used: Floats) -> Floats:
    """The median of the last three known days of a week, today's figure included, or of what there is."""
    recent = np.column_stack([daily[:, -RECENT_DAYS:], used])
    known = np.isfinite(recent)
    latest = known & (np.cumsum(known[:, ::-1], 1)[:, ::-1] <= STEADY_DAYS)
    ordered = np.sort(np.where(latest, recent, np.inf), 1)[:, :STEADY_DAYS]
    count = np.maximum(latest.sum(1), 1)[:, None]
    pair = np.take_along_axis(ordered, np.hstack([(count - 1) // 2, count // 2]), 1)
    return np.asarray(pair.mean(1), np.float64)
