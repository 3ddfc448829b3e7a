"""When usage passes its limit, as a probability and a range of days. No training at run time, no clock."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.base import Bools, Floats, Forecast, Usage
from detectors.forecast import gauge, quota
from detectors.forecast.gauge import Movement
from detectors.forecast.history import History, Weeks, read, weeks
from detectors.forecast.normal import from_log_odds
from detectors.forecast.quota import Window
from detectors.forecast.weights import GAUGE, QUOTA

MIN_DAYS = 35  # none before one full billing cycle and some days
GAUGE_DAYS = 30
MAX_DAYS = 366
UNLIKELY = 0.01  # below it there is no day to speak of
NO_LIMIT = 1e30  # stands for a limit that is not known or not there


def expect(usage: Usage) -> Forecast:
    """Whether and when each row passes its limit. The horizon of a quota is the end of its period."""
    limit = _limit(usage)
    over = used_today(usage) >= limit
    chance, projected, following = (_quota if usage.kind == "quota" else _gauge)(usage, limit)
    chance = np.where(over[:, None], 1.0, chance)
    known = enough(usage)
    probability = np.where(known, chance[:, -1], 0.0)
    day, earliest, latest = (_day(chance, probability * share) for share in (0.5, 0.1, 0.9))
    return Forecast(known, probability, day, earliest, latest, projected, following)


def likelihood(usage: Usage) -> Floats:
    """Only the probability of `expect`, the same to the last digit, at half the cost."""
    limit = _limit(usage)
    if usage.kind == "quota":
        chance = quota_likelihood(*_present(usage), limit)
    else:
        past = read(usage.daily, usage.kind)
        chance = gauge_likelihood(past, gauge.movement(past), limit, GAUGE_DAYS)
    return np.where(enough(usage), np.where(used_today(usage) >= limit, 1.0, chance), 0.0)


def enough(usage: Usage) -> Bools:
    """Whether the history is long enough for an honest word."""
    known_days = np.minimum(usage.observed_days, np.isfinite(usage.daily).sum(1))
    return np.asarray((known_days >= MIN_DAYS) & np.isfinite(usage.used) & (usage.limit > 0))


def _limit(usage: Usage) -> Floats:
    return np.where(usage.limit > 0, np.minimum(usage.limit, NO_LIMIT), NO_LIMIT)


def predict(batch: Floats, limits: Floats, kind: str, info: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """The same for the benchmark: its running total restarts within the horizon, and may pass the limit after that."""
    past, horizon = read(np.asarray(batch, np.float64), kind), int(info["horizon"])
    if kind == "gauge":
        chance = gauge_chances(past, gauge.movement(past), limits, horizon)
        return chance[:, -1], _day(chance, chance[:, -1] / 2)
    shape = weeks(past)
    chance = np.zeros((len(batch), horizon))
    for window in restarting(info):
        inside = Window(window.start, np.maximum(window.length, 1), window.done)
        part = quota_chances(past, shape, inside, limits)
        place = np.arange(horizon) - window.start[:, None]
        moved = np.take_along_axis(part, np.clip(place, 0, part.shape[1] - 1), 1)
        chance = np.maximum(chance, np.where((place >= 0) & (window.length > 0)[:, None], moved, 0.0))
    return chance[:, -1], _day(chance, chance[:, -1] / 2)


def restarting(info: Mapping[str, Any]) -> tuple[Window, Window]:
    """The rest of this period and the part of the next one within the horizon; a length of 0: none."""
    left, horizon = np.asarray(info["period_len"] - info["period_pos"], np.int64), int(info["horizon"])
    zero, done = np.zeros_like(left), np.asarray(info["consumed"], np.float64)
    now = Window(zero, np.minimum(left, horizon), done)
    return now, Window(left, np.maximum(horizon - left, 0), np.zeros(len(done)))


def quota_chances(past: History, shape: Weeks, window: Window, limit: Floats) -> Floats:
    """Day by day of the window, the probability that the quota is passed."""
    curve = quota.chances(quota.pace(shape, window), limit - window.done)
    return np.where((window.done >= limit)[:, None], 1.0, _scaled(curve, _weighed_quota(past, shape, window, limit)))


def quota_likelihood(past: History, shape: Weeks, window: Window, limit: Floats) -> Floats:
    """The probability that the quota is passed by the end of the window."""
    return np.where(window.done >= limit, 1.0, _weighed_quota(past, shape, window, limit))


def _weighed_quota(past: History, shape: Weeks, window: Window, limit: Floats) -> Floats:
    return weighed(quota.features(past, shape, window, limit), QUOTA)


def gauge_chances(past: History, moves: Movement, limit: Floats, horizon: int) -> Floats:
    """Day by day, the probability that the level is over its limit for good."""
    curve = gauge.chances(moves, limit, np.arange(1, horizon + 1))
    return _scaled(curve, gauge_likelihood(past, moves, limit, horizon))


def gauge_likelihood(past: History, moves: Movement, limit: Floats, horizon: int) -> Floats:
    """The probability that the level is over its limit for good by the end of the horizon."""
    return weighed(gauge.features(past, moves, limit, horizon), GAUGE)


def weighed(evidence: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """One probability from all the evidence."""
    odds = sum(weights[name] * column for name, column in evidence.items())
    return from_log_odds(np.asarray(odds + weights["even"], np.float64))


def this_period(usage: Usage) -> Window:
    """From today to the period's end; what counts already ends yesterday, as today is not over."""
    days = np.arange(usage.daily.shape[1], 0, -1)
    inside = (days <= usage.elapsed[:, None]) & np.isfinite(usage.daily)
    used = used_today(usage)
    summed = np.clip(np.where(inside, usage.daily, 0.0).sum(1), 0.0, used)
    known = usage.elapsed <= np.minimum(usage.observed_days, usage.daily.shape[1])
    length = np.clip(usage.period_days - usage.elapsed, 1, MAX_DAYS)
    return Window(np.zeros_like(length), length, np.where(known, summed, used))


def used_today(usage: Usage) -> Floats:
    """The present figure, nothing where it is not known."""
    return np.clip(np.nan_to_num(usage.used, posinf=0.0, neginf=0.0), 0.0, NO_LIMIT)


def _quota(usage: Usage, limit: Floats) -> tuple[Floats, Floats, Floats]:
    """Chances day by day, the total at the period's end, and that of the next period."""
    past, shape, window = _present(usage)
    coming = quota.pace(shape, window).amount
    following = Window(window.length, np.clip(usage.next_period_days, 1, MAX_DAYS), np.zeros(len(limit)))
    chance = quota_chances(past, shape, window, limit)
    return chance, window.done + coming.sum(1), quota.pace(shape, following).amount.sum(1)


def _present(usage: Usage) -> tuple[History, Weeks, Window]:
    """The past, its weeks and the rest of this period; what today has above its pace counts already."""
    past, window = read(usage.daily, usage.kind), this_period(usage)
    shape = weeks(past)
    today = quota.pace(shape, Window(window.start, np.ones_like(window.length), window.done)).amount[:, 0]
    ahead_of_pace = np.maximum(used_today(usage) - window.done - today, 0.0)
    return past, shape, Window(window.start, window.length, window.done + ahead_of_pace)


def _gauge(usage: Usage, limit: Floats) -> tuple[Floats, Floats, Floats]:
    """Chances day by day, and twice the level in 30 days: a level knows no periods."""
    past = read(usage.daily, usage.kind)
    moves = gauge.movement(past)
    level = np.maximum(moves.level + moves.drift * GAUGE_DAYS / 7, 0.0)
    return gauge_chances(past, moves, limit, GAUGE_DAYS), level, level


def _scaled(chance: Floats, probability: Floats) -> Floats:
    """The days as the curve has them, the end as the evidence has it."""
    ramp = np.arange(1, chance.shape[1] + 1) / chance.shape[1]
    curve = chance + 1e-4 * ramp
    return np.asarray(curve / curve[:, -1:] * probability[:, None], np.float64)


def _day(chance: Floats, wanted: Floats) -> Floats:
    """The first day by which the wanted probability is reached."""
    day = np.argmax(chance >= wanted[:, None], 1) + 1.0
    return np.where((chance[:, -1] >= UNLIKELY) & (wanted > 0), day, np.nan)
