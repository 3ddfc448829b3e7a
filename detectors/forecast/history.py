"""Ninety days without gaps, and what their weeks say: level, rhythm, growth, and how steady all that is."""

from dataclasses import dataclass

import numpy as np

from detectors.base import Bools, Floats, Ints

DAYS = 90
WEEKS = 8
HUGE = 1e15  # more than any product counts in a day
TINY = 1e-9
SHRINK_WEEKS = 2.0  # a weekday's share of the week counts as much as two weeks without rhythm
CLIP = 3.0  # one day counts at most three times its week's median
MAX_GROWTH = 0.25  # a week, as a difference of logarithms
UNSURE = 0.02  # no week is known better than this, as a logarithm
AROUND = np.arange(WEEKS) - (WEEKS - 1) / 2  # the weeks, seen from their middle
SQUARES = float((AROUND**2).sum())
FLOOR = 0.02  # of the row's mean: keeps logarithms of empty weeks finite


@dataclass(frozen=True, slots=True)
class History:
    """The last 90 days of n rows. In a gap a level stays as it was; an amount is the mean of the known days."""

    days: Floats  # [n, 90] finite, not negative, oldest first
    first: Ints  # [n] the first known day; 90: none


@dataclass(frozen=True, slots=True)
class Weeks:
    """Eight weeks of n rows, in logarithms so that a small and a large account look alike."""

    profile: Floats  # [n, 7] factor of each day of a week that begins today
    level: Floats  # [n, 8] logarithm of each week's level, rhythm and single bursts removed; oldest first
    now: Floats  # [n] logarithm of the level now
    growth: Floats  # [n] a week, as far as it can be trusted
    trust: Floats  # [n] 0..1: 1 where the weeks lie on one line
    volatility: Floats  # [n] typical change of the logarithm from week to week, beside the trusted growth


def read(daily: Floats, kind: str) -> History:
    """The last 90 days, gaps and impossible values filled."""
    recent = daily[:, -DAYS:]
    missing = DAYS - recent.shape[1]
    days = np.pad(recent, ((0, 0), (missing, 0)), constant_values=np.nan) if missing else recent
    known = np.isfinite(days) & (days >= 0)
    first = np.where(known.any(1), np.argmax(known, 1), DAYS)
    values = np.where(known, np.minimum(days, HUGE), 0.0)
    if not known.all():
        values = _carried(values, known) if kind == "gauge" else _averaged(values, known)
    return History(np.asarray(values, np.float64), first)


def _averaged(values: Floats, known: Bools) -> Floats:
    mean = values.sum(1) / np.maximum(known.sum(1), 1)
    return np.where(known, values, mean[:, None])


def _carried(values: Floats, known: Bools) -> Floats:
    """Each gap takes the value before it, a gap at the start the first known value."""
    last = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), -1), 1)
    return np.take_along_axis(values, np.where(last >= 0, last, np.argmax(known, 1)[:, None]), 1)


def weeks(history: History) -> Weeks:
    """The last eight weeks. Growth counts as far as it is a line: steady growth goes on, a jump seldom does."""
    days = history.days[:, -7 * WEEKS :].reshape(-1, WEEKS, 7)
    profile = _profile(days)
    level = _levels(days, profile)
    changes = np.diff(level, axis=1)
    spread = np.abs(changes - np.median(changes, 1)[:, None]).mean(1) * 1.25 * calm(history, WEEKS - 1) + UNSURE
    mean, slope = level.mean(1), (level * AROUND).sum(1) / SQUARES
    total = ((level - mean[:, None]) ** 2).sum(1)
    along = slope**2 * SQUARES
    trust = (along / (total + WEEKS * UNSURE**2)) ** 2
    beside = np.sqrt(np.maximum(total - along, 0.0) / (WEEKS - 2) + UNSURE**2)
    last, line = level[:, -1], mean + slope * AROUND[-1]
    return Weeks(
        profile,
        level,
        now=last + trust * (line - last) / 2,
        growth=np.clip(slope * trust, -MAX_GROWTH, MAX_GROWTH),
        trust=trust,
        volatility=trust * beside + (1 - trust) * spread,
    )


def _levels(days: Floats, profile: Floats) -> Floats:
    steady = days / profile[:, None, :]
    median = np.sort(steady, 2)[:, :, 3]
    mean = np.minimum(steady, median[:, :, None] * CLIP).mean(2)
    floor = FLOOR * days.mean((1, 2))
    return np.asarray(np.log((median + mean) / 2 + floor[:, None] + TINY), np.float64)


def calm(history: History, changes: int) -> Floats:
    """How much a spread over so many weekly changes is too small because some of the weeks are not known."""
    known = np.clip((DAYS - history.first) // 7 - 1, 1, changes)
    return np.asarray(np.sqrt(changes / known), np.float64)


def _profile(days: Floats) -> Floats:
    mean = days.mean(2)
    prior = mean.mean(1)[:, None] * SHRINK_WEEKS + TINY
    return np.asarray((days.sum(1) + prior) / (mean.sum(1)[:, None] + prior), np.float64)


def growth_a_week(shape: Weeks, over: int) -> Floats:
    """Change of the logarithm a week, over so many weeks."""
    return np.asarray((shape.level[:, -1] - shape.level[:, -1 - over]) / over, np.float64)


def accelerates(shape: Weeks) -> Bools:
    """Whether the last four weeks grew faster than all eight, by more than changes differ within each half."""
    earlier, later = np.split(np.diff(shape.level, axis=1), [3], axis=1)
    apart = [np.abs(half - np.median(half, 1)[:, None]) for half in (earlier, later)]
    usual = np.maximum(np.median(np.hstack(apart), 1), 0.005)
    faster: Bools = growth_a_week(shape, 4) > growth_a_week(shape, WEEKS - 1) + usual
    return faster
