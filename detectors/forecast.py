"""When usage passes its limit, as a probability and a range of days. No training at run time, no clock."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors import history
from detectors.base import Floats, Forecast, Ints, Usage
from detectors.history import History
from detectors.normal import cumulative

MIN_DAYS = 35  # none before one full billing cycle and some days
GAUGE_DAYS = 30
MAX_DAYS = 366
UNLIKELY = 0.01  # below it there is no day to speak of
DAMPING = 0.9  # growth loses a tenth each week
NEVER = 1e300  # stands for a limit that is not known or not there


@dataclass(frozen=True, slots=True)
class Window:
    """The days that count against a limit: `length` days, the first of them `start` days after today."""

    start: Ints  # [n]
    length: Ints  # [n] at least 1
    done: Floats  # [n] what counts already


@dataclass(frozen=True, slots=True)
class Curve:
    """Day by day of a window: the expected figure, and the probability that the limit is passed by then."""

    expected: Floats  # [n, days]
    chance: Floats  # [n, days] never falls


def forecast(usage: Usage) -> Forecast:
    """Whether and when each row passes its limit. The horizon of a quota is the end of its period."""
    shape = history.read(usage.daily, usage.kind)
    enough = (usage.observed_days >= MIN_DAYS) & np.isfinite(usage.used)
    used = np.where(np.isfinite(usage.used), usage.used, 0.0)
    limit = np.where(usage.limit > 0, usage.limit, NEVER)
    if usage.kind == "quota":
        window = this_period(usage)
        curve = quota_curve(shape, window, limit, today=used - window.done)
        after = Window(window.length, np.maximum(usage.next_period_days, 1), np.zeros(len(used)))
        following = _last(expected_total(shape, after), after.length)
    else:
        window = Window(np.zeros(len(used), np.int64), np.full(len(used), GAUGE_DAYS), used)
        curve = gauge_curve(shape, limit, GAUGE_DAYS)
        following = _last(curve.expected, window.length)
    chance = np.where((used >= limit)[:, None], 1.0, curve.chance)
    probability = np.where(enough, _last(chance, window.length), 0.0)
    day, earliest, latest = (_day(chance, probability * share) for share in (0.5, 0.1, 0.9))
    return Forecast(enough, probability, day, earliest, latest, _last(curve.expected, window.length), following)


def predict(batch: Floats, limits: Floats, kind: str, info: dict[str, Any]) -> tuple[Floats, Floats]:
    """The same for the benchmark: its running total restarts within the horizon, and may pass the limit after that."""
    horizon, count = int(info["horizon"]), len(batch)
    shape = history.read(np.asarray(batch, np.float64), "gauge" if kind == "gauge" else "quota")
    if kind == "gauge":
        chance = gauge_curve(shape, limits, horizon).chance
        return chance[:, -1], _day(chance, chance[:, -1] / 2)
    left = np.asarray(info["period_len"] - info["period_pos"], np.int64)
    zero = np.zeros(count)
    first = quota_curve(
        shape, Window(zero.astype(np.int64), np.maximum(left, 1), info["consumed"]), limits, zero
    ).chance
    second = quota_curve(shape, Window(left, np.full(count, info["period_len"]), zero), limits, zero).chance
    day = np.arange(1, horizon + 1)
    before = np.take_along_axis(first, np.clip(np.minimum(day, left[:, None]) - 1, 0, first.shape[1] - 1), 1)
    after = np.take_along_axis(second, np.clip(day - left[:, None] - 1, 0, second.shape[1] - 1), 1)
    before = np.where((left > 0)[:, None], before, 0.0)
    chance = np.maximum(before, np.where(day > left[:, None], after, 0.0))
    return chance[:, -1], _day(chance, chance[:, -1] / 2)


def this_period(usage: Usage) -> Window:
    """From today to the period's end; what counts already ends yesterday, as today is not over."""
    days = np.arange(usage.daily.shape[1], 0, -1)
    inside = (days <= usage.elapsed[:, None]) & np.isfinite(usage.daily)
    used = np.where(np.isfinite(usage.used), usage.used, 0.0)
    summed = np.where(inside, usage.daily, 0.0).sum(1)
    covered = usage.elapsed <= np.minimum(usage.observed_days, usage.daily.shape[1])
    done = np.where(covered, np.minimum(summed, used), used)
    length = np.clip(usage.period_days - usage.elapsed, 1, MAX_DAYS)
    return Window(np.zeros(len(done), np.int64), length, done)


def expected_days(shape: History, window: Window) -> Floats:
    """The amount of each day of the window, 0 after its end."""
    day = np.arange(int(window.length.max(initial=1)))
    offset = window.start[:, None] + day
    rhythm = np.take_along_axis(shape.profile, offset % 7, 1)
    amount = shape.level[:, None] * rhythm * np.exp(_drift(shape, offset + 1))
    return np.where(day < window.length[:, None], amount, 0.0)


def expected_total(shape: History, window: Window) -> Floats:
    """The running total at the end of each day of the window."""
    return window.done[:, None] + np.cumsum(expected_days(shape, window), 1)


def quota_curve(shape: History, window: Window, limit: Floats, today: Floats) -> Curve:
    """The running total against a quota; `today` is the part of today's amount that is already there."""
    amount = expected_days(shape, window)
    amount[:, 0] = np.maximum(amount[:, 0], today)
    coming = np.cumsum(amount, 1)
    day = np.arange(1, amount.shape[1] + 1)
    need = limit - window.done
    weeks = (window.start[:, None] + day / 2) / 7
    spread = np.sqrt(shape.volatility[:, None] ** 2 * (0.5 + 0.5 * weeks) + 0.1 / day**2 + 0.001)
    ratio = np.log(np.maximum(coming, 1e-9) / np.maximum(need, 1e-9)[:, None])
    chance = np.where((need <= 0)[:, None], 1.0, cumulative(ratio / spread))
    return Curve(window.done[:, None] + coming, np.maximum.accumulate(chance, 1))


def gauge_curve(shape: History, limit: Floats, horizon: int) -> Curve:
    """A level that drifts and wanders, and passes the limit if its highest point does (reflection principle)."""
    day = np.arange(1, horizon + 1)
    drift = _drift(shape, day[None, :])
    spread = shape.volatility[:, None] * np.sqrt(0.3 + day / 7 * 0.7)
    distance = np.log(limit / np.maximum(shape.level, 1e-9))[:, None]
    mirrored = np.exp(np.clip(2 * drift * distance / spread**2, -60, 60)) * cumulative((-distance - drift) / spread)
    chance = np.where(distance <= 0, 1.0, np.minimum(cumulative((drift - distance) / spread) + mirrored, 1.0))
    return Curve(shape.level[:, None] * np.exp(drift), np.maximum.accumulate(chance, 1))


def _drift(shape: History, day: Ints) -> Floats:
    """Growth of the logarithm from now to that day: less each week."""
    weeks = (1 - DAMPING ** (day / 7)) / (1 - DAMPING)
    return np.asarray(shape.growth[:, None] * weeks, np.float64)


def _last(curve: Floats, length: Ints) -> Floats:
    return np.take_along_axis(curve, length[:, None] - 1, 1)[:, 0]


def _day(chance: Floats, wanted: Floats) -> Floats:
    """The first day by which the wanted probability is reached."""
    reached = chance >= wanted[:, None]
    return np.where((wanted > UNLIKELY / 2) & reached.any(1), np.argmax(reached, 1) + 1.0, np.nan)
