"""What became of the cards of a replay: whether usage really passed its limit, how long after, and what none told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bot.replay.days import GAUGE_DAYS, Course, Due, Played, Truth
from detectors.base import Bools, Ints

# `fact`: it tells of what has happened (a limit that was passed before, rejected requests) and foretells nothing.
Outcome = Literal["passed", "not_passed", "undecided", "fact"]
EARLY = 5


@dataclass(frozen=True, slots=True)
class Crossings:
    """Limits that were passed after the first day, where they could be judged: those told before, those told early."""

    count: int
    told: int
    could_be_early: int  # at least EARLY days after the replay's first
    early: int


def crossings(truth: Truth) -> Bools:
    """[n, days] the days on which a limit was passed; the first day tells of none."""
    inside, passed = truth.over[:, 0].copy(), np.zeros_like(truth.over)
    for day in range(1, truth.over.shape[1]):
        goes_on = inside & (truth.end[:, day] == truth.end[:, day - 1]) if truth.restarts else inside
        inside = truth.over[:, day] | (goes_on & truth.near[:, day])
        passed[:, day] = inside & ~goes_on
    return passed


def outcomes(played: Played, course: Course) -> Iterator[tuple[Due, Outcome, int | None]]:
    """Of each card: what became of it, and the days until the limit was passed if it was."""
    passed = {metric: crossings(truth) for metric, truth in played.truth.items()}
    for card in course.cards:
        metrics = {said.metric for said in card.signals if said.metric is not None}
        found = [_outcome(played.truth[metric], passed[metric], card) for metric in sorted(metrics)]
        leads = [lead for outcome, lead in found if outcome == "passed" and lead is not None]
        kinds = [outcome for outcome, _ in found]
        order: tuple[Outcome, ...] = ("passed", "undecided", "not_passed")
        yield card, next((outcome for outcome in order if outcome in kinds), "fact"), min(leads, default=None)


def _outcome(truth: Truth, passed: Bools, card: Due) -> tuple[Outcome, int | None]:
    row, day = card.row, card.day
    last, end = truth.over.shape[1] - 1, int(truth.end[card.row, card.day])
    ahead = np.flatnonzero(passed[row, day : end + 1])
    if len(ahead):
        return "passed", int(ahead[0])
    if truth.over[row, day]:
        return "fact", None
    return ("undecided" if end >= last else "not_passed"), None  # the last day is not over


def told(played: Played, course: Course) -> Crossings:
    """Of each crossing, whether a signal of its metric was on before, in the same period or the thirty days before."""
    count = before = could = early = 0
    for metric, truth in played.truth.items():
        rows, days = np.nonzero(crossings(truth))
        judged = truth.judged[rows, days] | truth.judged[rows, days - 1]
        rows, days = rows[judged], days[judged]
        first = _first_on(course.on[metric], rows, _since(truth, rows, days))
        lead = days - first
        count, before = count + len(rows), before + int((lead > 0).sum())
        could, early = could + int((days >= EARLY).sum()), early + int((lead >= EARLY).sum())
    return Crossings(count, before, could, early)


def _since(truth: Truth, rows: Ints, days: Ints) -> Ints:
    """The first day that a warning of these crossings may be of."""
    if not truth.restarts:
        return np.asarray(np.maximum(days - GAUGE_DAYS, 0), np.int64)
    return np.asarray(np.argmax(truth.end[rows] == truth.end[rows, days][:, None], axis=1), np.int64)


def _first_on(on: Bools, rows: Ints, since: Ints) -> Ints:
    """The first day from then on with a signal; a day after all others where there is none."""
    later = on[rows] & (np.arange(on.shape[1]) >= since[:, None])
    return np.asarray(np.where(later.any(1), np.argmax(later, axis=1), on.shape[1]), np.int64)
