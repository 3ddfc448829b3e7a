"""A running total against a quota: what is known of the coming days, as numbers of one size for all accounts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.base import Bools, Floats, Ints
from detectors.forecast.history import DAYS, TINY, WEEKS, History, Weeks, growth_a_week
from detectors.forecast.normal import cumulative, log_odds

KEPT, LOST = 0.9, 0.1  # of the growth, each week
FAR = 8.0  # so many times the spread says as much as more
MAX_LENGTH = 31  # months are what the weights were fitted on
LARGE_DAYS = 3  # a day that large was seen on three of the last 28


@dataclass(frozen=True, slots=True)
class Window:
    """The days that count against a limit: `length` days, the first of them `start` days after today."""

    start: Ints  # [n]
    length: Ints  # [n] at least 1
    done: Floats  # [n] what counts already


@dataclass(frozen=True, slots=True)
class Pace:
    """What a day brings, day by day of a window."""

    amount: Floats  # [n, days] expected; 0 after the window's end
    spread: Floats  # [n, days] of the logarithm of the total until that day


def features(history: History, shape: Weeks, window: Window, limit: Floats) -> dict[str, Floats]:
    """The evidence for and against: how far the paces of the past would carry, and how often they did."""
    rhythm = _rhythm(shape, window).sum(1)
    need = np.maximum(limit - window.done, TINY)
    floor = (history.days[:, -56:].mean(1) + TINY) * 0.01
    ahead = (window.start + window.length / 2) / 7
    growth = shape.growth * damped(ahead)
    spread = np.sqrt(_doubt(shape, ahead) + _noise(history, shape) ** 2 * 1.5 / window.length)

    def surplus(pace: Floats) -> Floats:
        reached = np.log(np.maximum(pace, floor) * rhythm / need) + growth
        return np.asarray(np.clip(reached / spread, -FAR, FAR), np.float64)

    total = np.concatenate([np.zeros((len(need), 1)), np.cumsum(history.days, 1)], 1)
    return {
        "pace_of_the_week": surplus(history.days[:, -7:].mean(1)),
        "pace_of_large_days": surplus(np.sort(history.days[:, -28:], 1)[:, -LARGE_DAYS]),
        "trend": log_odds(cumulative((shape.now + np.log(rhythm / need) + growth) / spread)),
        "doubtful_growth": np.clip(_doubtful_growth(shape) * ahead / spread, -3, 3),
        "past_totals": log_odds(_past_totals(total, history.first, window, need)) * (1 - shape.trust),
        "past_rises": log_odds(_past_rises(total, history.first, window, need)),
        "length": np.log(np.minimum(window.length, MAX_LENGTH)),
    }


def pace(shape: Weeks, window: Window) -> Pace:
    """The coming days at the present level, rhythm and trusted growth."""
    day = np.arange(1, int(window.length.max(initial=1)) + 1)
    inside = np.minimum(day, window.length[:, None])
    remaining = KEPT ** (window.start / 7)[:, None] * KEPT ** (day / 7)
    amount = np.exp((shape.now + shape.growth / LOST)[:, None] - (shape.growth / LOST)[:, None] * remaining)
    doubt = _doubt(shape, (window.start[:, None] + inside / 2) / 7) + 0.1 / inside**2
    return Pace(amount * _rhythm(shape, window), np.sqrt(doubt))


def chances(pace: Pace, need: Floats) -> Floats:
    """Day by day, the probability that the amounts have come to what is needed."""
    coming = np.maximum(np.cumsum(pace.amount, 1), TINY)
    chance = cumulative(np.log(coming / np.maximum(need, TINY)[:, None]) / pace.spread)
    return np.maximum.accumulate(chance, 1)


def damped(weeks: Floats) -> Floats:
    """Weeks of growth that are left of so many, as it loses a tenth each week."""
    return np.asarray((1 - KEPT**weeks) / LOST, np.float64)


def _rhythm(shape: Weeks, window: Window) -> Floats:
    length = int(window.length.max(initial=1))
    week = np.take_along_axis(shape.profile, (window.start[:, None] + np.arange(7)) % 7, 1)
    factor = np.tile(week, (1, -(-length // 7)))[:, :length]
    return np.asarray(factor * (np.arange(length) < window.length[:, None]), np.float64)


def _doubt(shape: Weeks, ahead: Floats) -> Floats:
    """Variance of the logarithm so many weeks ahead."""
    wander = shape.volatility if ahead.ndim == 1 else shape.volatility[:, None]
    return np.asarray(wander**2 * (0.5 + 0.5 * ahead) + 0.001, np.float64)


def _doubtful_growth(shape: Weeks) -> Floats:
    """The part of the eight weeks' growth that is not trusted: it rather turns back."""
    return growth_a_week(shape, WEEKS - 1) * (1 - shape.trust)


def _noise(history: History, shape: Weeks) -> Floats:
    """How far single days of the last four weeks are from their week's level and rhythm."""
    expected = np.tile(shape.profile, (1, 4)) * np.repeat(np.exp(shape.level[:, -4:]), 7, axis=1)
    floor = history.days[:, -56:].mean(1)[:, None] * 0.05 + TINY
    return np.asarray(np.abs(np.log((history.days[:, -28:] + floor) / (expected + floor))).mean(1), np.float64)


def _past_totals(total: Floats, first: Ints, window: Window, need: Floats) -> Floats:
    """Share of the past windows of this length whose total was enough."""
    hits, tries = np.zeros(len(need)), np.zeros(len(need))
    for rows, _, length in _alike(window):
        known = np.arange(max(DAYS + 1 - length, 0)) >= first[rows, None]
        sums = total[rows]
        amount = sums[:, length:] - sums[:, : known.shape[1]]
        hits[rows], tries[rows] = ((amount >= need[rows, None]) & known).sum(1), known.sum(1)
    return drawn(hits, tries)


def _past_rises(total: Floats, first: Ints, window: Window, need: Floats) -> Floats:
    """Share of the past weeks after which such a window would be enough, had that week been like the last one."""
    hits, tries = np.zeros(len(need)), np.zeros(len(need))
    last = (total[:, -1] - total[:, -8])[:, None]
    for rows, start, length in _alike(window):
        begin, weeks = 7 + start, max(DAYS - 6 - start - length, 0)
        known = np.arange(weeks) >= first[rows, None]
        sums = total[rows]
        amount = sums[:, begin + length : begin + length + weeks] - sums[:, begin : begin + weeks]
        before = np.maximum(sums[:, 7 : 7 + weeks] - sums[:, :weeks], TINY)
        enough = amount * last[rows] >= need[rows, None] * before
        hits[rows], tries[rows] = (enough & known).sum(1), known.sum(1)
    return drawn(hits, tries)


def _alike(window: Window) -> Iterator[tuple[Ints, int, int]]:
    """The rows of each start and length that there are: slices of all of them at once are far faster than gathering."""
    pairs = np.stack([window.start, window.length], 1)
    order = np.lexsort(pairs.T)
    for rows in np.split(order, np.flatnonzero((np.diff(pairs[order], axis=0) != 0).any(1)) + 1):
        if len(rows):
            yield rows, int(window.start[rows[0]]), int(window.length[rows[0]])


def drawn(hits: Floats, tries: Floats) -> Floats:
    """A share, drawn toward a half where there were few tries."""
    return np.asarray((hits + 0.5) / (tries + 1.0), np.float64)


def share(hits: Bools, tries: Bools) -> Floats:
    """Of each row, the share of the tries that are hits."""
    return drawn(hits.sum(1), tries.sum(1))
