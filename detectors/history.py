"""What eight weeks of daily values say of a row: its rhythm, its level, where it is heading and how steadily."""

from dataclasses import dataclass

import numpy as np

from detectors.base import Bools, Floats

WEEKS = 8
DAYS = 7 * WEEKS
SHRINK_WEEKS = 2.0  # a weekday's share of the week counts as much as two weeks without rhythm
CLIP = 3.0  # one day counts at most three times its week's median
FLOOR = 0.02  # of the row's mean: keeps logarithms of empty weeks finite
MAX_GROWTH = 0.25  # a week, as a difference of logarithms
TREND = 0.5  # of the growth seen, as much as can be counted on
LEVEL_WEIGHTS = np.array([0, 0, 0, 0, 0, 0.15, 0.3, 0.55])
GROWTH_WEIGHTS = 0.2 * (np.arange(7) >= 6) + 0.5 * (np.arange(7) >= 3) / 4 + 0.3 / 7  # over 1, 4 and 7 weeks


@dataclass(frozen=True, slots=True)
class History:
    """The shape of n rows; logarithms so that a small and a large account look alike."""

    days: Floats  # [n, 56] gaps filled, oldest first
    profile: Floats  # [n, 7] factor of each day of a week that begins today
    weekly: Floats  # [n, 8] logarithm of the weekly level, rhythm and bursts removed
    level: Floats  # [n] the level now
    growth: Floats  # [n] of the logarithm, a week, already damped
    volatility: Floats  # [n] typical change of the logarithm from week to week


def read(daily: Floats, kind: str) -> History:
    """Summarise the last eight weeks of each row."""
    days = filled(daily, kind)
    weeks = days.reshape(-1, WEEKS, 7)
    profile = _profile(weeks)
    steady = weeks / profile[:, None, :]
    median = np.sort(steady, 2)[:, :, 3]
    mean = np.clip(steady, median[:, :, None] / CLIP, median[:, :, None] * CLIP).mean(2)
    overall = days.mean(1)
    weekly = np.log((median + mean) / 2 + FLOOR * overall[:, None] + 1e-9)
    changes = np.diff(weekly, axis=1)
    volatility = np.abs(changes - np.median(changes, 1)[:, None]).mean(1) * 1.25 + 0.02
    growth = np.clip(TREND * (changes @ GROWTH_WEIGHTS), -MAX_GROWTH, MAX_GROWTH)
    return History(days, profile, weekly, np.exp(weekly @ LEVEL_WEIGHTS), growth, volatility)


def growth_over(shape: History, weeks: int) -> Floats:
    """Change of the logarithm a week, over so many weeks."""
    return np.asarray((shape.weekly[:, -1] - shape.weekly[:, -1 - weeks]) / weeks, np.float64)


def accelerates(shape: History) -> Bools:
    """Whether the last four weeks grew faster than all eight, by more than the changes usually differ."""
    changes = np.diff(shape.weekly, axis=1)
    usual = np.median(np.abs(changes - np.median(changes, 1)[:, None]), 1)
    faster: Bools = growth_over(shape, 4) > growth_over(shape, WEEKS - 1) + np.maximum(usual, 0.005)
    return faster


def filled(daily: Floats, kind: str) -> Floats:
    """The last 56 days without gaps: a level stays as last known, an amount is the mean of the known days."""
    days = _widened(daily)
    known = np.isfinite(days)
    if kind == "gauge":
        days, known = _carried(days, known), np.broadcast_to(known.any(1, keepdims=True), known.shape)
    values = np.where(known, np.maximum(days, 0.0), 0.0)
    mean = values.sum(1) / np.maximum(known.sum(1), 1)
    return np.where(known, values, mean[:, None])


def _widened(daily: Floats) -> Floats:
    recent = daily[:, -DAYS:]
    missing = DAYS - recent.shape[1]
    return np.pad(recent, ((0, 0), (missing, 0)), constant_values=np.nan) if missing else recent


def _carried(days: Floats, known: Bools) -> Floats:
    """Each gap takes the value before it, a gap at the start the first known value."""
    position = np.arange(days.shape[1])
    last = np.maximum.accumulate(np.where(known, position, -1), 1)
    first = np.argmax(known, 1)[:, None]
    return np.take_along_axis(days, np.where(last >= 0, last, first), 1)


def _profile(weeks: Floats) -> Floats:
    mean = weeks.mean(2)
    prior = mean.mean(1)[:, None] * SHRINK_WEEKS + 1e-9
    return np.asarray((weeks.sum(1) + prior) / (mean.sum(1)[:, None] + prior), np.float64)
