"""What PostHog told and the store remembers, laid out as the columns that detectors read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import numpy as np

from bot.config import Config, Metric
from bot.evaluation.terms import Calendar, Limits, Terms, calendar, terms
from bot.model import Account
from bot.posthog.reading import REJECTIONS, Sighting
from detectors.base import Bools, Floats, Ints, Sightings, Snapshot, Usage

HISTORY = 90  # whole days that detectors look back
TRAIL = 30  # days of a trailing window, today among them


@dataclass(frozen=True, slots=True)
class Stream:
    """The stored days of one metric for all accounts; the last column is today, NaN is a day never read."""

    values: Floats  # [n, days]
    last_event: Floats  # [n] seconds since 1970; NaN: none


@dataclass(frozen=True, slots=True)
class Moment:
    """When, and what PostHog said of the current windows then."""

    at: datetime
    today: date
    windows: Mapping[str, Mapping[str, float]]
    active_people: Mapping[str, float]
    bad_values: Mapping[str, Iterable[str]]  # metric -> accounts with impossible values
    lockouts: Sequence[Sighting]
    billing_visits: Sequence[Sighting]
    save_visits: Sequence[Sighting]
    invited: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What all metrics together tell of the accounts: whole days since they began, hours since the last event."""

    days: Ints
    silent_hours: Floats


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric, its stored days, its limits, and the periods that it is counted by."""

    key: str
    metric: Metric
    stream: Stream
    place: Calendar
    limits: Limits


class _Sums:
    """Of runs of days, unread ones as nothing."""

    def __init__(self, values: Floats) -> None:
        self._rows, self.width = np.arange(len(values)), values.shape[1]
        unread = np.isnan(values)
        self._total = _running(np.where(unread, 0.0, values))
        self._unread = _running(unread) if unread.any() else None

    def between(self, first: Ints, end: Ints) -> Floats:
        """Each row's columns from `first` to before `end`."""
        return self._difference(self._total, first, end)

    def unread(self, first: Ints, end: Ints) -> Bools:
        """Whether a day of them was never read."""
        if self._unread is None:
            return np.zeros(len(self._rows), np.bool_)
        return self._difference(self._unread, first, end) > 0

    def _difference(self, total: Floats, first: Ints, end: Ints) -> Floats:
        return np.asarray(total[self._rows, np.maximum(end, 0)] - total[self._rows, np.maximum(first, 0)])


def _running(days: Floats | Bools) -> Floats:
    total = np.zeros((len(days), days.shape[1] + 1))
    np.cumsum(days, axis=1, out=total[:, 1:])
    return total


def snapshot(
    config: Config,
    accounts: Sequence[Account],
    streams: Mapping[str, Stream],
    moment: Moment,
    known: Terms | None = None,
) -> Snapshot:
    """Columns in the order of `accounts`. Who looks at them on many days works their terms out only once."""
    known = known or terms(config, accounts)
    billing = calendar(known.anchors, moment.today)
    month = calendar(np.ones_like(known.anchors), moment.today)
    tracked = [streams[key] for key, metric in config.metrics.items() if not metric.group_property]
    seen = Seen(_observed(tracked, len(accounts)), _silent(tracked, moment.at, len(accounts)))
    usages = {}
    for key, metric in config.metrics.items():
        place = month if metric.window == "month" else billing
        one = Measured(key, metric, streams[key], place, known.limits[key])
        usages[key] = replace(_usage(one, accounts, moment, seen), levels=known.levels[key])
    rows = {account.key: row for row, account in enumerate(accounts)}
    counted = [streams[key].values for key, metric in config.metrics.items() if metric.measure == "count"]
    width = HISTORY + 1
    nothing = np.zeros((len(accounts), width))
    rejections = streams[REJECTIONS].values if REJECTIONS in streams else nothing
    return Snapshot(
        today=moment.today,
        usages=usages,
        rejections=np.nan_to_num(_last(rejections, width)),
        requests=sum((np.nan_to_num(_last(values, width)) for values in counted), nothing),
        active_people=_column(moment.active_people, accounts),
        lockouts=_sightings(moment.lockouts, rows, moment.today),
        billing_visits=_sightings(moment.billing_visits, rows, moment.today),
        save_visits=_sightings(moment.save_visits, rows, moment.today),
        invited_people=_column(moment.invited, accounts),
    )


def _usage(one: Measured, accounts: Sequence[Account], moment: Moment, seen: Seen) -> Usage:
    metric, place, n = one.metric, one.place, len(accounts)
    gauge = metric.measure in ("people", "level") or metric.window == "trailing_30d"
    bad = _named(moment.bad_values.get(one.key, ()), accounts)
    thirty = np.full(n, 30, dtype=np.int64)
    sums = None if gauge else _Sums(one.stream.values)
    used = _used(one, sums, accounts, moment)
    age, silent = (moment.at.timestamp() - one.stream.last_event) / 3600, seen.silent_hours
    if metric.group_property:
        age, silent = np.where(np.isnan(used) & ~bad, np.nan, 0.0), np.zeros(n)
    return Usage(
        metric=one.key,
        kind="gauge" if gauge else "quota",
        daily=_daily(one.stream.values, metric),
        used=used,
        limit=one.limits.limit,
        unlimited=one.limits.unlimited,
        bad_limit=one.limits.bad,
        bad=bad,
        age_hours=age,
        silent_hours=silent,
        usual_gap_hours=_usual_gap(one.stream, metric),
        observed_days=np.maximum(_observed([one.stream], n), seen.days if metric.group_property else 0),
        elapsed=place.elapsed if not gauge else np.zeros(n, dtype=np.int64),
        period_days=thirty if gauge else place.length,
        next_period_days=thirty if gauge else place.next_length,
        previous_periods=np.full((n, 2), np.nan) if sums is None else _previous(sums, place),
        comparable=metric.measure != "people" or metric.window == "trailing_30d",
        people=metric.measure == "people",
        counted=metric.measure == "count",
    )


def _used(one: Measured, sums: _Sums | None, accounts: Sequence[Account], moment: Moment) -> Floats:
    if one.key in moment.windows:
        return _column(moment.windows[one.key], accounts)
    values = one.stream.values
    if one.metric.measure == "level":
        return _latest(values)
    if one.metric.measure == "people":  # of a period, no day that is over tells how many there had been
        return values[:, -1] if one.metric.window == "trailing_30d" else np.full(len(values), np.nan)
    if sums is None:
        return np.asarray(np.nansum(values[:, -TRAIL:], axis=1), np.float64)
    return sums.between(sums.width - 1 - one.place.elapsed, np.full(len(accounts), sums.width))


def _named(keys: Iterable[str], accounts: Sequence[Account]) -> Bools:
    some = set(keys)
    return np.array([account.key in some for account in accounts], np.bool_) if some else np.zeros(len(accounts), bool)


def _column(values: Mapping[str, float], accounts: Sequence[Account]) -> Floats:
    if not values:
        return np.zeros(len(accounts))
    return np.array([values.get(account.key, 0.0) for account in accounts], dtype=np.float64)


def _last(values: Floats, width: int) -> Floats:
    missing = width - values.shape[1]
    return values[:, -width:] if missing <= 0 else np.pad(values, ((0, 0), (missing, 0)), constant_values=np.nan)


def _daily(values: Floats, metric: Metric) -> Floats:
    """Whole days up to yesterday; what lies before the first sign of life is unknown, not zero."""
    if metric.window == "trailing_30d" and metric.measure in ("count", "sum"):
        values = _trailing(values)
    days = _last(values, HISTORY + 1)[:, :-1]
    return np.where(np.maximum.accumulate(alive(days, metric), axis=1), days, np.nan)


def alive(days: Floats, metric: Metric) -> Bools:
    """Days with events; a level of zero was told by one, too."""
    return ~np.isnan(days) if metric.measure == "level" else _something(days)


def _something(days: Floats) -> Bools:
    return np.asarray((days != 0) & ~np.isnan(days))


def _usual_gap(stream: Stream, metric: Metric) -> Floats:
    """Hours from one day with events to the next, from the first of them to now.

    Of people only the levels of 30 days are stored, which tell nothing of single days.
    """
    if metric.measure == "people":
        return np.full(len(stream.values), np.inf)
    active = alive(_last(stream.values, HISTORY + 1)[:, :-1], metric)
    since = np.where(active.any(axis=1), HISTORY - np.argmax(active, axis=1), 0)
    return np.asarray(24.0 * since / np.maximum(active.sum(axis=1), 1), np.float64)


def _trailing(values: Floats) -> Floats:
    """Of daily amounts, the sum of the 30 days that end with each day; NaN until 30 days are known."""
    windows = np.lib.stride_tricks.sliding_window_view(values, TRAIL, axis=1)
    return np.concatenate([np.full((len(values), TRAIL - 1), np.nan), windows.sum(axis=2)], axis=1)


def _latest(values: Floats) -> Floats:
    """The last known value of each row, NaN where there is none."""
    known = ~np.isnan(values)
    column = values.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    return np.where(known.any(axis=1), values[np.arange(len(values)), column], np.nan)


def _previous(sums: _Sums, place: Calendar) -> Floats:
    """Totals of the last two whole periods; NaN where a day of them was never read."""
    end = sums.width - 1 - place.elapsed
    totals = []
    for length in place.previous.T:
        first = end - length
        unknown = (first < 0) | sums.unread(first, end)
        totals.append(np.where(unknown, np.nan, sums.between(first, end)))
        end = first
    return np.stack(totals, axis=1)


def _silent(streams: Sequence[Stream], at: datetime, count: int) -> Floats:
    """Hours since the last event in any of the streams; NaN where there was none."""
    last = np.full(count, np.nan)
    for stream in streams:
        last = np.fmax(last, stream.last_event)
    return (at.timestamp() - last) / 3600


def _observed(streams: Sequence[Stream], count: int) -> Ints:
    """Whole days since the first sign of life in any of the streams, at most HISTORY."""
    days = np.zeros(count, dtype=np.int64)
    for stream in streams:
        some = _something(_last(stream.values, HISTORY + 1)[:, :-1])
        days = np.maximum(days, np.where(some.any(axis=1), HISTORY - np.argmax(some, axis=1), 0))
    return days


def _sightings(seen: Sequence[Sighting], rows: Mapping[str, int], today: date) -> Sightings:
    known = [one for one in seen if one.account in rows]

    def column(values: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        return np.array(list(values), dtype=object)

    return Sightings(
        account=np.array([rows[one.account] for one in known], dtype=np.int64),
        subject=column(one.subject for one in known),
        person=column(one.person for one in known),
        session=column(one.session for one in known),
        days_ago=np.array([(today - one.day) // timedelta(days=1) for one in known], dtype=np.int64),
    )
