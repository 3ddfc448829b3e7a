"""A level against a limit: what its past movements say of the coming days, as numbers of one size for all accounts."""

from dataclasses import dataclass

import numpy as np

from detectors.base import Floats, Ints
from detectors.forecast.history import TINY, History, calm
from detectors.forecast.normal import cumulative, log_odds
from detectors.forecast.quota import share

# Exchanges that sort the middle of seven values into place: a median without sorting each week.
# https://en.wikipedia.org/wiki/Selection_algorithm#Comparison-based (networks); the table is checked by a test.
MEDIAN_OF_SEVEN = (
    (0, 5),
    (0, 3),
    (1, 6),
    (2, 4),
    (0, 1),
    (3, 5),
    (2, 6),
    (2, 3),
    (3, 6),
    (4, 5),
    (1, 4),
    (1, 3),
    (3, 4),
)
RISES_FROM = 14  # at least so many past days to rise from


@dataclass(frozen=True, slots=True)
class Movement:
    """How the level of n rows moves. Medians of seven days ignore a day that stands alone."""

    medians: Floats  # [n, 84] of the seven days that end with each day
    level: Floats  # [n] now: the last day where days are smooth, else the last median
    drift: Floats  # [n] a week, less where the changes contradict each other
    wander: Floats  # [n] typical change a week, beside the drift
    change: Floats  # [n] typical change a week, with the drift
    weekly: Floats  # [n, 12] the medians a week apart, oldest first


def movement(history: History) -> Movement:
    """Level, drift and their spread over the last eight weeks."""
    days = history.days
    scale = np.maximum(days.mean(1), TINY)
    medians = rolling_median(days)
    weekly = medians[:, ::-7][:, ::-1]
    changes = np.diff(weekly, axis=1)[:, -8:]
    middle, short = np.median(changes, 1), calm(history, 8)
    change = np.sqrt((changes**2).mean(1)) * short + 2e-5 * scale
    wander = np.abs(changes - middle[:, None]).mean(1) * 1.25 * short + 0.05 * np.abs(middle) + 2e-5 * scale
    steps = np.diff(days[:, -57:], axis=1)
    restless = np.abs(steps - np.median(steps, 1)[:, None]).mean(1)
    smooth = 1 / (1 + (2 * restless / change) ** 2)
    drift = 0.25 * changes[:, -1] + 0.45 * changes[:, -4:].mean(1) + 0.3 * changes.mean(1)
    kept = drift**2 / (drift**2 + wander**2)
    level = smooth * days[:, -1] + (1 - smooth) * medians[:, -1]
    return Movement(medians, level, drift * kept, wander, change, weekly)


def features(history: History, moves: Movement, limit: Floats, horizon: int) -> dict[str, Floats]:
    """The evidence for and against passing the limit for good within so many days."""
    ahead = horizon / 7
    reach = moves.change * np.sqrt(ahead)
    at_or_over = history.days >= limit[:, None]
    return {
        "drifting": log_odds(chances(moves, limit, np.array([horizon]))[:, 0]),
        "distance": np.clip((limit - moves.level) / reach, -3, 6),
        "above_median": np.clip((moves.level - moves.medians[:, -1]) / reach, -3, 3),
        "past_rises": log_odds(_past_rises(history, moves, limit, horizon)),
        "days_over": at_or_over.mean(1),
        "last_days_over": at_or_over[:, -7:].mean(1),
        "liveliness": np.log(moves.change / np.maximum(history.days.mean(1), TINY) + 1e-4),
        "change_1_week": np.clip((moves.weekly[:, -1] - moves.weekly[:, -2]) / moves.change, -3, 3),
        "change_4_weeks": np.clip((moves.weekly[:, -1] - moves.weekly[:, -5]) / 4 / moves.change, -2, 2),
    }


def chances(moves: Movement, limit: Floats, days: Ints) -> Floats:
    """The probability that a drifting, wandering level has passed the limit by each day (reflection principle)."""
    ahead = days / 7
    drift = moves.drift[:, None] * ahead
    spread = moves.wander[:, None] * np.sqrt(ahead + 0.5) + TINY
    distance = (limit - moves.level)[:, None]
    mirrored = np.exp(np.clip(2 * drift / spread * distance / spread, -50, 50)) * cumulative(
        (-distance - drift) / spread
    )
    chance = np.minimum(cumulative((drift - distance) / spread) + mirrored, 1.0)
    return np.maximum.accumulate(np.where(distance <= 0, 1.0, chance), 1)


def rolling_median(days: Floats) -> Floats:
    """The median of each seven days in a row."""
    width = days.shape[1] - 6
    seven = [days[:, start : start + width] for start in range(7)]
    for low, high in MEDIAN_OF_SEVEN:
        seven[low], seven[high] = np.minimum(seven[low], seven[high]), np.maximum(seven[low], seven[high])
    return seven[3]


def rolling_maximum(days: Floats, width: int) -> Floats:
    """The highest of each so many days in a row; two overlapping windows make one that is up to twice as wide."""
    highest, reach = days, 1
    while reach < width:
        step = min(reach, width - reach)
        highest, reach = np.maximum(highest[:, :-step], highest[:, step:]), reach + step
    return highest


def _past_rises(history: History, moves: Movement, limit: Floats, horizon: int) -> Floats:
    """Share of the past days after which the level rose, within the horizon, by what is missing now."""
    horizon = min(horizon, moves.medians.shape[1] - RISES_FROM)
    highest = rolling_maximum(moves.medians[:, 1:], horizon)
    starts = moves.medians[:, : highest.shape[1]]
    known = np.arange(starts.shape[1]) >= history.first[:, None]
    return share((highest - starts >= (limit - moves.level)[:, None]) & known, known)
