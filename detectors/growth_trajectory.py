"""Usage is on its way over the limit before the period ends, or within 30 days: with a date and a range.

Of a quota told as soon as the probability is high: what is used stays used, and on real series a second look finds
less and later (`sandbox/bench/quotas.py`). Of a level only when it is high on two days running, so that one wild day
does not count. Over when it becomes doubtful.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from detectors.base import Bools, Codes, Columns, Context, Findings, Floats, Forecast, Ints, Usage
from detectors.batches import usage_rows
from detectors.forecast import history, likelihood
from detectors.gates import OPEN

KIND = "growth_trajectory"
WEIGHT = 2.2
HOLD_LESS = 0.2  # once told it holds down to this much below the threshold
HOLD_OVER = 1.05  # a level just over its limit may swing back; a quota that is passed stays so
BURST = 3.0  # times the usual day
BURST_DAYS = 7  # a burst that lasts this long is a new normal


def detect(context: Context) -> Iterator[Findings]:
    """One Findings per metric, only where the history is long enough and the limit is not yet passed."""
    off = max(context.rules.growth_probability - HOLD_LESS, 0.0) - 1e-9
    for metric, usage in context.snapshot.usages.items():
        expected = context.forecasts[metric]
        rows = np.flatnonzero(below(usage, context.gates[metric]) & expected.enough & (expected.probability >= off))
        yield _judge(context, usage_rows(usage, rows), rows)


def below(usage: Usage, gates: Codes) -> Bools:
    """Where it can be judged whether the limit will be passed: it is not passed yet, or a level just swings over it."""
    ceiling = usage.limit * (HOLD_OVER if usage.kind == "gauge" else 1.0)
    return np.asarray((gates == OPEN) & (usage.used < ceiling))


def _judge(context: Context, usage: Usage, rows: Ints) -> Findings:
    """`usage` of the rows that fire or hold."""
    on, expected = context.rules.growth_probability, context.forecasts[usage.metric]
    probability = expected.probability[rows]
    likely = np.flatnonzero((probability >= on) & (usage.used < usage.limit))
    known = context.earlier.get(usage.metric)
    before = known[rows[likely]] if known is not None else earlier(usage, likely)
    lasting = likely[before >= on]
    fires = np.zeros(len(rows), np.bool_)
    fires[lasting] = ~_only_a_burst(usage_rows(usage, lasting))
    evidence = {} if context.brief else _evidence(usage, rows, expected)
    return Findings(KIND, usage.metric, WEIGHT, rows, fires, strength=probability, evidence=evidence)


def earlier(usage: Usage, rows: Ints) -> Floats:
    """The probability of these rows a day ago; of quotas it is not asked for."""
    if usage.kind == "quota":
        return np.ones(len(rows))
    return likelihood(a_day_earlier(usage_rows(usage, rows)))


def _evidence(usage: Usage, rows: Ints, expected: Forecast) -> dict[str, Columns]:
    shape = history.weeks(history.read(usage.daily, usage.kind))
    return {
        "probability": expected.probability[rows],
        "day": expected.day[rows],
        "earliest": expected.earliest[rows],
        "latest": expected.latest[rows],
        "growth_per_week": np.expm1(history.growth_a_week(shape, 4)),
        "accelerating": history.accelerates(shape),
    }


def _only_a_burst(usage: Usage) -> Bools:
    return fresh_burst(usage.daily) & ~certain(usage)


def a_day_earlier(usage: Usage) -> Usage:
    """Levels as yesterday's evaluation began with them."""
    return replace(usage, daily=usage.daily[:, :-1], used=usage.daily[:, -1])


def fresh_burst(daily: Floats) -> Bools:
    """Whether the last week is far above the last four, and became so less than a week ago."""
    month = np.nan_to_num(daily[:, -28:], posinf=0.0, neginf=0.0)
    usual = np.median(month, 1)
    raised = month[:, -14:] > BURST * usual[:, None]
    fresh: Bools = (np.median(month[:, -7:], 1) > BURST * usual) & (raised.sum(1) < BURST_DAYS)
    return fresh


def certain(usage: Usage) -> Bools:
    """Whether a quota will be passed even at the pace before the burst."""
    if usage.kind == "gauge":
        return np.zeros(len(usage.used), np.bool_)
    usual = np.median(np.nan_to_num(usage.daily[:, -28:], posinf=0.0, neginf=0.0), 1)
    sure: Bools = usage.used + usual * np.maximum(usage.period_days - usage.elapsed - 1, 0) >= usage.limit
    return sure
