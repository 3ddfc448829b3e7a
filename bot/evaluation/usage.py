"""Stored usage, brought up to date with what was just read: the streams that detectors look at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import numpy as np

from bot.config import Config, Metric
from bot.evaluation.snapshot import Stream
from bot.evaluation.terms import number
from bot.posthog.reading import REJECTIONS, DailyValues, Problem, Reading
from bot.store import Transaction, series
from detectors.base import Floats

PART = 2000  # rows a transaction
NOTHING_READ = DailyValues([], [], [])


@dataclass(frozen=True, slots=True)
class Update:
    """One stream before and after a reading, and the name under which it is stored.

    `anew`: PostHog told all of it, so that nothing of what was stored is kept.
    """

    stored: str
    before: Stream
    after: Stream
    anew: bool

    def rows(self) -> list[int]:
        """Those to be stored."""
        if self.anew:
            return list(range(len(self.after.values)))
        moved = series.changed(self.before.values, self.after.values)
        seen = np.flatnonzero(np.nan_to_num(self.before.last_event) != np.nan_to_num(self.after.last_event))
        return [int(row) for row in np.union1d(moved, seen)]


def update(tx: Transaction, config: Config, reading: Reading, today: date) -> dict[str, Update]:
    """Each stream of every account of the reading, in its order; a first fill forgets what was stored before."""
    rows = {account.key: row for row, account in enumerate(reading.accounts)}
    streams = (*config.metrics, REJECTIONS)
    return {stream: _update(tx, config.metrics.get(stream), stream, reading, today, rows) for stream in streams}


def writes(reading: Reading, today: date, updates: Mapping[str, Update]) -> Iterator[Callable[[Transaction], None]]:
    """What is to be stored, in parts for a short transaction each. Any part may be stored twice."""
    keys = [account.key for account in reading.accounts]
    for one in updates.values():
        if one.anew:
            yield partial(series.forget, stream=one.stored)
        rows = one.rows()
        for start in range(0, len(rows), PART):
            yield partial(
                series.save,
                stream=one.stored,
                keys=keys,
                today=today,
                values=one.after.values,
                last_event=one.after.last_event,
                chosen=rows[start : start + PART],
            )


def stored_as(stream: str, metric: Metric | None) -> str:
    """The name of a metric's stream in the store."""
    return f"{stream}:{metric.group_property}" if metric is not None and metric.group_property else stream


def impossible(config: Config, reading: Reading) -> dict[str, set[str]]:
    """By metric, the accounts whose values are no numbers, or negative ones."""
    bad = {metric: set(counts) for metric, counts in reading.bad_values.items()}
    for problem in impossible_levels(config, reading):
        bad.setdefault(problem.metric or "", set()).add(problem.account or "")
    return bad


def impossible_levels(config: Config, reading: Reading) -> Iterator[Problem]:
    """Levels that accounts carry as a property which holds no number of zero or more."""
    for account in reading.accounts:
        for metric, told in account.levels.items():
            level = number(told)
            if level is None or level < 0:
                name = config.metrics[metric].group_property
                yield Problem("impossible_value", account.key, f"{name} is {told[:40]!r}, which is no level", metric)


def _update(
    tx: Transaction, metric: Metric | None, stream: str, reading: Reading, today: date, rows: Mapping[str, int]
) -> Update:
    if metric is not None and metric.group_property:
        # PostHog keeps no history of a group's properties, so we do: by property, and through every first fill.
        stored = stored_as(stream, metric)
        values, last_event = series.load(tx, stored, rows, today)
        after = Stream(_with_levels(values, reading, stream), last_event)
        return Update(stored, Stream(values, last_event), after, anew=False)
    values, last_event = series.load(tx, stream, rows, today)
    before = Stream(values, last_event)
    if reading.first_fill:
        values, last_event = np.full_like(values, np.nan), np.full_like(last_event, np.nan)
    read = reading.daily.get(stream, NOTHING_READ)
    absent = np.nan if metric is not None and metric.measure == "level" else 0.0
    merged = series.merge(values, rows, today, reading.days_read, (read.account, read.day, read.value), absent)
    after = Stream(merged, _latest(last_event, reading.last_event.get(stream, {}), rows))
    return Update(stream, before, after, anew=reading.first_fill)


def _with_levels(values: Floats, reading: Reading, metric: str) -> Floats:
    """The days known, with today's level as the account's properties tell it."""
    told = (number(account.levels.get(metric) or "") for account in reading.accounts)
    levels = [np.nan if level is None or level < 0 else level for level in told]
    after = values.copy()
    after[:, -1] = levels
    return after


def _latest(known: Floats, read: Mapping[str, datetime], rows: Mapping[str, int]) -> Floats:
    after = known.copy()
    for key, moment in read.items():
        row = rows.get(key)
        if row is not None:
            after[row] = np.fmax(after[row], moment.timestamp())
    return after
