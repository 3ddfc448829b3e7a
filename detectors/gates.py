"""When to stay silent: one reason per account and metric why its limit cannot be judged, or none."""

import numpy as np

from detectors.base import Bools, Codes, Usage

REASONS = (
    "",  # open
    "limit_unknown",
    "limit_invalid",
    "impossible_values",
    "stale_data",
    "too_little_history",
    "too_little_usage",
)
OPEN = 0
SILENT = -1  # nothing to judge and nothing to tell: the plan does not limit the metric, or it was never used

STALE_HOURS = 48.0
MIN_DAYS = 14
MIN_DAILY = 5.0  # events a day, over the last four weeks
MIN_IN_PERIOD = 100.0
MIN_SEATS = 3.0


def gate(usage: Usage) -> Codes:
    """The first reason that holds, in the order of REASONS, as its index there."""
    limit_given = ~np.isnan(usage.limit)
    conditions = [
        usage.unlimited | np.isnan(usage.age_hours),
        ~limit_given & ~usage.bad_limit,
        usage.bad_limit | ~(usage.limit > 0) | np.isinf(usage.limit),
        usage.bad | (usage.used < 0) | ~np.isfinite(usage.used),
        usage.age_hours > STALE_HOURS,
        usage.observed_days < MIN_DAYS,
        _too_little(usage),
    ]
    codes = (SILENT, *range(1, len(REASONS)))
    return np.asarray(np.select(conditions, codes, default=OPEN), np.int8)


def healthy(usage: Usage) -> Bools:
    """Whether the usage itself can be believed, whatever its limit."""
    fresh: Bools = np.nan_to_num(usage.age_hours, nan=np.inf) <= STALE_HOURS
    return fresh & ~usage.bad & (usage.observed_days >= MIN_DAYS)


def _too_little(usage: Usage) -> Bools:
    if usage.people:
        return usage.limit < MIN_SEATS
    if usage.kind != "quota" or not usage.counted:
        return np.zeros(len(usage.used), np.bool_)
    month = usage.daily[:, -28:]
    seen = np.isfinite(month)
    mean = np.where(seen, month, 0.0).sum(1) / np.maximum(seen.sum(1), 1)
    little: Bools = (mean < MIN_DAILY) & (usage.used < MIN_IN_PERIOD)
    return little
