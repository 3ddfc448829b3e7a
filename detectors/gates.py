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
USUAL_GAPS = 3.0  # a metric that is used now and then is stale after so many times its usual gap
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
        stale(usage),
        usage.observed_days < MIN_DAYS,
        _too_little(usage),
    ]
    codes = (SILENT, *range(1, len(REASONS)))
    return np.asarray(np.select(conditions, codes, default=OPEN), np.int8)


def healthy(usage: Usage) -> Bools:
    """Whether the usage itself can be believed, whatever its limit."""
    return ~np.isnan(usage.age_hours) & ~stale(usage) & ~usage.bad & (usage.observed_days >= MIN_DAYS)


def stale(usage: Usage) -> Bools:
    """Nothing has come in from the account for two days, or from the metric for far longer than is usual for it."""
    patience = np.maximum(STALE_HOURS, USUAL_GAPS * usage.usual_gap_hours)
    return np.asarray((usage.silent_hours > STALE_HOURS) | (usage.age_hours > patience))


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
