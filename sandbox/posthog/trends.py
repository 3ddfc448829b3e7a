"""The shapes that usage takes over days, before it is scaled to a figure. The last day is today."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Shape = npt.NDArray[np.float64]
Trend = Callable[[int], Shape]  # number of days -> relative usage of each


def steady(days: int) -> Shape:
    return np.ones(days)


def growing(weekly: float) -> Trend:
    """By this share a week, all along; shrinking where it is negative."""
    return lambda days: (1 + weekly) ** ((np.arange(days) - days + 1) / 7)


def accelerating(first: float, last: float) -> Trend:
    """The weekly growth itself rises from `first` to `last`."""
    return lambda days: np.exp(np.cumsum(np.log1p(np.linspace(first, last, days))) / 7)


def shrinking_lately(weekly: float, weeks: int) -> Trend:
    """Steady, then less by this share in each of the last weeks."""
    return lambda days: (1 - weekly) ** np.maximum(0.0, weeks - (days - 1 - np.arange(days)) / 7)


def spiky(bursts: Sequence[int], height: float) -> Trend:
    """Even, but for single days (counted back from today) of so many times the usual."""

    def shape(days: int) -> Shape:
        usage = np.ones(days)
        usage[[days - 1 - back for back in bursts]] = height
        return usage

    return shape


def plateau(weeks: int) -> Trend:
    """Rises for months and has been level for so many weeks."""
    return lambda days: np.clip((np.arange(days) + 20) / (days - 7 * weeks + 20), 0.0, 1.0)


WORKDAYS = (1.0, 1.05, 1.05, 1.0, 0.9, 0.35, 0.3)  # Monday first
WEEKENDS = (0.4, 0.4, 0.5, 0.7, 1.2, 2.0, 1.8)


def with_weekdays(shape: Shape, first_weekday: int, profile: Sequence[float], seed: int) -> Shape:
    """The week's rhythm and a little noise, the same for the same seed."""
    weekdays = (first_weekday + np.arange(len(shape))) % 7
    noise = np.random.default_rng(seed).normal(1.0, 0.06, len(shape)).clip(0.7, 1.3)
    usage: Shape = shape * np.asarray(profile)[weekdays] * noise
    return usage


def counts(shape: Shape, since: int, total: int) -> list[int]:
    """Whole events a day, scaled so that the days from `since` on hold exactly `total`."""
    scaled = shape * (total / shape[since:].sum())
    before = np.diff(np.rint(np.cumsum(scaled[:since])), prepend=0)
    after = np.diff(np.rint(np.cumsum(scaled[since:])), prepend=0)
    return [int(count) for count in (*before, *after)]
