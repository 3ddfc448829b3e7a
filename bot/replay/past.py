"""What the store remembers of all accounts, and how each day that is over looked at its end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np

from bot.config import Config, Metric
from bot.evaluation import READ_STATE
from bot.evaluation.snapshot import Moment, Stream, alive, snapshot
from bot.evaluation.terms import Terms, terms
from bot.evaluation.usage import stored_as
from bot.model import Account
from bot.periods import day_start
from bot.posthog.reading import REJECTIONS
from bot.posthog.state import ReadState
from bot.store import Transaction, accounts, memory, series, standings
from detectors.base import Floats, Ints, Snapshot

NEEDED = 125  # days that a snapshot looks back: a trailing window before a history of 90, or three periods
READ_EXACTLY = ("people", "trailing_30d")  # what PostHog counted for today is not the sum of days


@dataclass(frozen=True, slots=True)
class Past:
    """All stored days; `today` is the day of the last reading, which was at `at`."""

    config: Config
    zone: ZoneInfo
    at: datetime
    today: date
    total: int  # accounts that there are, where only some are looked at
    accounts: Sequence[Account]  # by the day on which their periods begin: forecasts of like periods are faster
    streams: Mapping[str, Stream]
    told: Mapping[str, Mapping[str, Any]]  # by account, by metric: how the last evaluation saw today

    def first_day(self) -> date | None:
        """The first day of which anything is known."""
        known = np.zeros(series.KEEP_DAYS, np.bool_)
        for stream in self.streams.values():
            known |= ~np.isnan(stream.values).all(0)
        return self.today - timedelta(days=int(len(known) - 1 - np.argmax(known))) if known.any() else None

    def parts(self, size: int) -> Iterator["Part"]:
        """All accounts, so many at a time."""
        for start in range(0, len(self.accounts), size):
            rows = slice(start, start + size)
            some = self.accounts[rows]
            streams = {key: Stream(one.values[rows], one.last_event[rows]) for key, one in self.streams.items()}
            yield Part(self, some, terms(self.config, some), streams, _lives(self.config.metrics, streams))


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the accounts. `lives`: by stream [n, days], the last day with a sign of life up to each; -1: none."""

    past: Past
    accounts: Sequence[Account]
    terms: Terms
    streams: Mapping[str, Stream]
    lives: Mapping[str, Ints]

    def at(self, days_ago: int) -> Snapshot:
        """The columns of that day's end; of today, those of the last reading."""
        past = self.past
        day = past.today - timedelta(days=days_ago)
        at = past.at if days_ago == 0 else day_start(day + timedelta(days=1), past.zone)
        nothing: Mapping[str, Any] = {}
        windows, bad = self._told() if days_ago == 0 else (nothing, nothing)
        moment = Moment(at, day, windows, nothing, bad, (), (), ())
        streams = {key: self._stream(key, days_ago, at) for key in self.streams}
        return snapshot(past.config, self.accounts, streams, moment, self.terms)

    def _stream(self, key: str, days_ago: int, at: datetime) -> Stream:
        stream, lived = self.streams[key], self.lives[key]
        end = stream.values.shape[1] - days_ago
        metric = self.past.config.metrics.get(key)
        start = 0 if metric and metric.measure == "level" else max(0, end - NEEDED)
        last = lived[:, end - 1]
        # Of a day that is over only the day is known of an event that a later one followed: take its end.
        day_end = at.timestamp() - 86400.0 * (end - 1 - last)
        estimated = np.where(last >= 0, day_end, np.nan)
        exact = stream.last_event <= at.timestamp()
        return Stream(stream.values[:, start:end], np.where(exact, stream.last_event, estimated))

    def _told(self) -> tuple[dict[str, dict[str, float]], dict[str, set[str]]]:
        """Figures that only PostHog can tell, and where it met impossible values."""
        windows: dict[str, dict[str, float]] = {
            key: {} for key, metric in self.past.config.metrics.items() if _is_read_exactly(metric)
        }
        bad: dict[str, set[str]] = {}
        for account in self.accounts:
            for key, standing in self.past.told.get(account.key, {}).items():
                if key in windows and standing["used"] is not None:
                    windows[key][account.key] = standing["used"]
                if standing["held_back"] == "impossible_values":
                    bad.setdefault(key, set()).add(account.key)
        return {key: figures for key, figures in windows.items() if figures}, bad


def load(tx: Transaction, config: Config, most: int | None = None) -> Past | None:
    """At most so many accounts, the same each time; None where nothing has been read yet."""
    state = ReadState.from_json(memory.get(tx, READ_STATE))
    if state.watermark is None or state.timezone is None:
        return None
    zone = ZoneInfo(state.timezone)
    today = state.watermark.astimezone(zone).date()
    everybody = accounts.present(tx)
    known = sorted(everybody, key=lambda one: crc32(one.key.encode()))[:most]
    anchors = terms(config, known).anchors
    ordered = [known[row] for row in np.argsort(anchors, kind="stable").tolist()]
    rows = {account.key: row for row, account in enumerate(ordered)}
    names = {key: stored_as(key, config.metrics.get(key)) for key in (*config.metrics, REJECTIONS)}
    streams = {key: Stream(*series.load(tx, name, rows, today)) for key, name in names.items()}
    return Past(config, zone, state.watermark, today, len(everybody), ordered, streams, standings.latest(tx))


def not_stored(metric: Metric) -> bool:
    """People of a period: only those of thirty days are stored day by day."""
    return metric.measure == "people" and metric.window != "trailing_30d"


def _is_read_exactly(metric: Metric) -> bool:
    return metric.measure in READ_EXACTLY or metric.window in READ_EXACTLY


def _lives(metrics: Mapping[str, Metric], streams: Mapping[str, Stream]) -> dict[str, Ints]:
    """People are stored as levels of thirty days: where one rises somebody came, else other usage shows life."""
    people = {key for key, metric in metrics.items() if metric.measure == "people"}
    lives = {key: _last_day(_signs(metrics.get(key), one.values)) for key, one in streams.items() if key not in people}
    tracked = [lives[key] for key, metric in metrics.items() if key in lives and not metric.group_property]
    for key in people:
        levels = np.nan_to_num(streams[key].values)
        came = _last_day(np.diff(levels, axis=1, prepend=0.0) > 0)
        lives[key] = np.where(came >= 0, np.maximum.reduce([came, *tracked]), -1)
    return lives


def _signs(metric: Metric | None, values: Floats) -> Any:
    return alive(values, metric) if metric is not None else np.nan_to_num(values) != 0


def _last_day(signs: Any) -> Ints:
    return np.asarray(np.maximum.accumulate(np.where(signs, np.arange(signs.shape[1]), -1), axis=1), np.int64)
