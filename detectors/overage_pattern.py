"""The account keeps hitting its rate limits or quotas, or goes over its allowance period after period.

Days are counted, not events, so that one runaway script is no signal. Over after 14 days without a hit.
"""

from collections.abc import Iterator

import numpy as np

from detectors.base import Bools, Context, Findings, Floats, Snapshot, Usage
from detectors.gates import OPEN

KIND = "overage_pattern"
WEIGHT = 2.0
DAYS = 14
MIN_DAYS = 3
MIN_TOTAL = 20.0
MIN_SHARE = 0.005  # of all requests, at the lower end of the 95 % range: hits that hurt, not a rounding error
FULL_DAYS = 7.0  # as many days with hits make full strength
HOLD_RATIO = 0.95  # a period that is corrected down to this still counts, once it counted
HUGE = 1e15  # more than any product answers in a day
Z = 1.959964  # of the 95 % range


def detect(context: Context) -> Iterator[Findings]:
    """Hits on any limit under no metric; periods over the allowance under each quota metric."""
    yield _rejected(context.snapshot)
    for metric, usage in context.snapshot.usages.items():
        if usage.kind == "quota":
            yield _periods(usage, context.gates[metric] == OPEN)


def _rejected(snapshot: Snapshot) -> Findings:
    hits = _amounts(snapshot.rejections[:, -DAYS:])
    rows = np.flatnonzero((hits > 0).any(1))
    hits = hits[rows]
    days, total = (hits > 0).sum(1), hits.sum(1)
    tried = total + _amounts(snapshot.requests[rows, -DAYS:]).sum(1)
    surely = wilson_lower(total, tried)
    return Findings(
        KIND,
        None,
        WEIGHT,
        rows,
        fires=(days >= MIN_DAYS) & (total >= MIN_TOTAL) & (surely >= MIN_SHARE),
        strength=np.clip(days / FULL_DAYS, 0.0, 1.0),
        evidence={"days": days, "total": total, "share": total / tried, "share_at_least": surely},
    )


def _periods(usage: Usage, is_open: Bools) -> Findings:
    rows = np.flatnonzero(is_open)
    limit = usage.limit[rows]
    figures = np.column_stack([usage.used[rows], usage.previous_periods[rows]])  # the running period first
    figures = np.where(np.isfinite(figures), figures, np.nan)
    over = _in_a_row(figures > limit[:, None])
    held = _in_a_row(figures >= HOLD_RATIO * limit[:, None])
    keep = held >= 2
    rows, figures, limit = rows[keep], figures[keep], limit[keep]
    latest_two = np.where(figures[:, 0] >= HOLD_RATIO * limit, figures[:, :2].mean(1), figures[:, 1:].mean(1))
    return Findings(
        KIND,
        usage.metric,
        WEIGHT,
        rows,
        fires=over[keep] >= 2,
        strength=np.clip(latest_two / limit - 0.4, 0.0, 1.0),  # .6 at the limit, 1 at 140 %
        evidence={
            "periods": over[keep],
            "used": figures[:, 0],
            "previous": figures[:, 1],
            "before": figures[:, 2],
            "limit": limit,
            "ratio": latest_two / limit,
        },
    )


def _in_a_row(over: Bools) -> Floats:
    """How many periods in a row, back from the running one if that is over too, else from the last complete one."""
    previous = np.where(over[:, 1], 1 + over[:, 2], 0)
    return np.asarray(previous + over[:, 0] * (previous > 0))


def wilson_lower(hits: Floats, tries: Floats) -> Floats:
    """The lower end of the 95 % range of a share: small numbers prove little."""
    n = np.maximum(tries, 1.0)
    share = hits / n
    middle, width = share + Z**2 / (2 * n), Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n * n))
    return np.asarray((middle - width) / (1 + Z**2 / n), np.float64)


def _amounts(days: Floats) -> Floats:
    return np.clip(np.nan_to_num(days, posinf=0.0, neginf=0.0), 0.0, HUGE)
