"""The life of a signal: armed, fired, resolved. What fires and what merely holds differ, so nothing flaps.

A signal is armed as long as it is not on. One with levels fires at each level that usage reaches. It holds a level
down to five points below it; below that, in a new period, or under a raised limit the level is armed again: it
fires anew if usage is at it still, and is resolved if it is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

import numpy as np

from bot.model import Fired, SignalKey
from detectors.base import Bools, Days, Findings, Floats, Ints

ROUNDING = 1e-9  # a limit that is worked out anew is not raised by its last digit


@dataclass(frozen=True, slots=True)
class Live:
    """A signal that is on now, and where its evidence stands in the findings."""

    key: SignalKey
    fired: Fired
    findings: Findings
    index: int


@dataclass(frozen=True, slots=True)
class Lives:
    """The lives of k signals in columns: what `Fired` is of one."""

    on: Bools
    level: Floats  # percent of the limit; NaN: none
    limit: Floats  # that it was on under; NaN: not known
    period: Days  # first day of the period that it was on in; NaT: not known
    anew: Bools  # fired, or rose, just now

    @classmethod
    def none(cls, count: int) -> Self:
        """Nothing is on."""
        off, unknown = np.zeros(count, np.bool_), np.full(count, np.nan)
        return cls(off, unknown, unknown, np.full(count, np.datetime64("NaT"), "datetime64[D]"), off)

    @classmethod
    def of(cls, fired: Sequence[Fired | None]) -> Self:
        return cls(
            np.array([one is not None for one in fired], np.bool_),
            np.array([np.nan if one is None or one.level is None else one.level for one in fired], np.float64),
            np.array([np.nan if one is None or one.limit is None else one.limit for one in fired], np.float64),
            np.array([None if one is None else one.period for one in fired], "datetime64[D]"),
            np.zeros(len(fired), np.bool_),
        )

    def fired(self, index: int, since: datetime) -> Fired:
        """One of those that are on."""
        level, limit = (
            None if np.isnan(column[index]) else float(column[index]) for column in (self.level, self.limit)
        )
        return Fired(since, level, limit, self.period[index].item())

    def rows(self, rows: Ints) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def only(self, kept: Bools) -> Self:
        """The others are over."""
        return self.none(len(kept)).changed(np.flatnonzero(kept), self.rows(np.flatnonzero(kept)))

    def changed(self, rows: Ints, lives: Self) -> Self:
        """These rows as they are in `lives`; of those that are not on nothing is known."""
        columns = {field.name: getattr(self, field.name).copy() for field in fields(self)}
        unknown = self.none(len(rows))
        for name, column in columns.items():
            column[rows] = np.where(lives.on, getattr(lives, name), getattr(unknown, name))
        return type(self)(**columns)


def live(
    findings: Iterable[Findings], accounts: Sequence[str], before: Mapping[SignalKey, Fired], now: datetime
) -> Iterator[Live]:
    """The signals that are on after this evaluation: those that fire, and those that were on and still hold."""
    for found in findings:
        keys = [_key(found, index, accounts) for index in range(len(found.rows))]
        was = [before.get(key) for key in keys]
        lives = turn(found, Lives.of(was))
        for index in np.flatnonzero(lives.on).tolist():
            one = was[index]
            since = now if one is None or lives.anew[index] else one.since
            yield Live(keys[index], lives.fired(index, since), found, index)


def turn(found: Findings, was: Lives) -> Lives:
    """What becomes of the rows of these findings, which were on, or were not, before."""
    if found.level is None or found.held_level is None:
        on = was.on | found.fires
        return replace(was, on=on, anew=on & ~was.on)
    unknown = Lives.none(len(found.rows))
    limit, period = _evidence(found, "limit", unknown.limit), _evidence(found, "period_start", unknown.period)
    # What was known of an older limit or period says nothing of this one.
    armed_again = (limit > was.limit * (1 + ROUNDING)) | (period > was.period)
    stays = was.on & ~armed_again
    on = stays | found.fires
    held = np.minimum(was.level, found.held_level)  # no higher than it was, and as far down as it still holds
    level = np.where(stays, np.fmax(found.level, held), found.level)
    return Lives(on, level, limit, period, anew=on & (~stays | (level > np.nan_to_num(was.level))))


def _evidence(found: Findings, name: str, unknown: Any) -> Any:
    return found.evidence.get(name, unknown)


def _key(found: Findings, index: int, accounts: Sequence[str]) -> SignalKey:
    subject = None if found.subject is None else str(found.subject[index])
    return (accounts[found.rows[index]], found.kind, found.metric, subject)
