"""When to stay silent: one reason per account and metric why its limit cannot be judged, or none."""

import numpy as np

from detectors.base import Bools, Codes, Floats, Usage

REASONS = (
    "",  # open
    "limit_unknown",
    "limit_invalid",
    "impossible_values",
    "metric_vanished",
    "fleet_shift",
    "key_changed",
    "limit_absurd",
    "stale_data",
    "sudden_zero",
    "too_little_history",
    "too_little_usage",
)
DOUBTS = ("metric_vanished", "fleet_shift", "key_changed", "limit_absurd", "sudden_zero")  # of detectors.health
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
    found = reasons(usage)
    conditions = [usage.unlimited | np.isnan(usage.age_hours), *found.values()]
    codes = (SILENT, *(REASONS.index(reason) for reason in found))
    return np.asarray(np.select(conditions, codes, default=OPEN), np.int8)


def reasons(usage: Usage) -> dict[str, Bools]:
    """Where each reason holds, whatever else does; doubts only where there is one of any row."""
    found = {
        "limit_unknown": np.isnan(usage.limit) & ~usage.bad_limit,
        "limit_invalid": usage.bad_limit | ~(usage.limit > 0) | np.isinf(usage.limit),
        "impossible_values": usage.bad | (usage.used < 0) | ~np.isfinite(usage.used),
        "stale_data": stale(usage),
        "too_little_history": usage.observed_days < MIN_DAYS,
        "too_little_usage": _too_little(usage),
    }
    if usage.doubt is not None:
        found |= {reason: usage.doubt == REASONS.index(reason) for reason in DOUBTS}
    return dict(sorted(found.items(), key=lambda one: REASONS.index(one[0])))


def trusted(usage: Usage) -> Bools:
    """Whether nothing of the whole fleet, of the account or of its limit speaks against the figures."""
    return np.ones(len(usage.used), np.bool_) if usage.doubt is None else usage.doubt == OPEN


def healthy(usage: Usage) -> Bools:
    """Whether the usage itself can be believed, whatever its limit."""
    known = ~np.isnan(usage.age_hours) & ~stale(usage) & ~usage.bad & (usage.observed_days >= MIN_DAYS)
    return known & (trusted(usage) | (usage.doubt == REASONS.index("limit_absurd")))


def stale(usage: Usage) -> Bools:
    """Nothing has come in from the account for two days, or from the metric for far longer than is usual for it."""
    return np.asarray((usage.silent_hours > STALE_HOURS) | (usage.age_hours > patience(usage)))


def patience(usage: Usage) -> Floats:
    """Hours for which the metric may be silent."""
    return np.asarray(np.maximum(STALE_HOURS, USUAL_GAPS * usage.usual_gap_hours), np.float64)


def _too_little(usage: Usage) -> Bools:
    if usage.people:
        return usage.limit < MIN_SEATS
    if usage.kind != "quota" or not usage.counted:
        return np.zeros(len(usage.used), np.bool_)
    little: Bools = (daily_mean(usage) < MIN_DAILY) & (usage.used < MIN_IN_PERIOD)
    return little


def daily_mean(usage: Usage) -> Floats:
    """Of the last four weeks, as far as they are known."""
    month = usage.daily[:, -28:]
    seen = np.isfinite(month)
    return np.asarray(np.where(seen, month, 0.0).sum(1) / np.maximum(seen.sum(1), 1), np.float64)
