"""One reading: facts, late events, daily usage and windows, all or nothing, in a handful of queries.

In the steady state these are four, however many accounts and metrics there are: the last days and those that late
events touched are read again, the rest is stored already. The first reading fills ninety days.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.config import Config
from bot.posthog.client import Client
from bot.posthog.errors import PostHogError, ReadFailedError
from bot.posthog.gathering import Column, Daily, Facts, Findings, merge_bad, merge_latest
from bot.posthog.groups import group_index
from bot.posthog.hogql import PAGE, WIDE_PAGE, Accounts, Moment, Query
from bot.posthog.paging import Cut, read_pages, read_parts
from bot.posthog.queries import daily, daily_events, daily_metrics, facts, late
from bot.posthog.reading import IMPOSSIBLE, REJECTIONS, Problem, Reading, Sighting
from bot.posthog.rows import late_day
from bot.posthog.sightings import Windows, current_starts
from bot.posthog.silence import believed
from bot.posthog.state import ReadState, Sizes, asked
from bot.posthog.windows import Wanted, people_metrics, tracked_events, trailing_metrics, windows

HISTORY = 90  # whole days
REREAD = 3  # whole days before today that are always read again
WIDE = 14  # days from which on a row is called wide

T = TypeVar("T")
Progress = Callable[[str, int, int], None]  # step, parts done, parts in all


class _ZoneChangedError(Exception):
    """The project's time zone is not the remembered one: every stored day was cut elsewhere."""


def read(
    client: Client, config: Config, at: datetime, state: ReadState, progress: Progress | None = None
) -> tuple[Reading, ReadState]:
    """What PostHog tells up to `at`, and what to remember once that is stored. All of it, or ReadFailedError."""
    calls = client.calls
    at = at.astimezone(UTC).replace(microsecond=0)
    wanted = asked(config, client.host, client.project)
    known = state if state.asked == wanted else ReadState(asked=wanted)
    try:
        with client.budget():
            reading, after = _read_in_one_zone(client, config, at, known, progress)
    except ReadFailedError:
        raise
    except PostHogError as error:
        raise ReadFailedError(str(error), error.permanent) from error
    return replace(reading, calls=client.calls - calls), after


def _read_in_one_zone(
    client: Client, config: Config, at: datetime, known: ReadState, progress: Progress | None
) -> tuple[Reading, ReadState]:
    try:
        return _Reader(client, config, at, known, progress).read()
    except _ZoneChangedError:
        fresh = ReadState(asked=known.asked)
    try:
        return _Reader(client, config, at, fresh, progress).read()
    except _ZoneChangedError as error:
        raise PostHogError("The project's time zone changed while PostHog was read.") from error


class _Reader:
    def __init__(
        self, client: Client, config: Config, at: datetime, state: ReadState, progress: Progress | None
    ) -> None:
        self._client = client
        self._config = config
        self._at = at
        self._state = state  # of before, with what is learnt now
        self._progress = progress or (lambda *_: None)
        self._timezone: str | None = None
        self._received: Counter[str] = Counter()  # rows, by query
        self._findings = Findings()
        self._facts = Facts(config, self._findings)

    def read(self) -> tuple[Reading, ReadState]:
        before = self._state
        if self._config.account.by == "group" and self._state.group_index is None:
            index = group_index(self._client, self._config.account.group_type or "")
            self._state = replace(self._state, group_index=index)
        self._accounts = Accounts.of(self._config.account, self._state.group_index)
        self._read_facts()
        self._moment = Moment(self._at, self._zone())
        days, first_fill = self._days()
        if not first_fill:
            days = self._late_days(days) + days
        usage = self._read_daily(days)
        present = self._read_windows(days)
        rows = self._rows(days, usage, present)
        after = believed(before, replace(self._next_state(before), rows=rows, doubted={}), self._received)
        return self._reading(days, first_fill, usage, present), after

    def _ask(self, query: Query) -> tuple[list[Any], bool]:
        result = self._client.query(query.name, query.hogql, query.values)
        if tuple(result.columns) != query.columns:
            raise PostHogError(f"PostHog answered the query {query.name} with other columns than asked for.")
        if result.timezone is not None:
            if result.timezone != (self._timezone or self._state.timezone or result.timezone):
                raise _ZoneChangedError
            self._timezone = result.timezone
        self._received[query.name] += len(result.rows)
        return result.rows, result.has_more

    def _zone(self) -> ZoneInfo:
        if self._timezone is None:
            self._timezone = self._state.timezone or _zone_of(self._client.rest(""))
        try:
            return ZoneInfo(self._timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise PostHogError(f"PostHog's project has an unknown time zone: {self._timezone!r}.") from error

    def _days(self) -> tuple[list[date], bool]:
        """Days to read up to today, and whether they are a first fill."""
        today, filled = self._moment.today, self._state.filled_until
        if filled is None or today - filled > timedelta(days=HISTORY):
            return _range(today - timedelta(days=HISTORY), today), True
        return _range(min(filled, today - timedelta(days=REREAD)), today), False

    def _read_facts(self) -> None:
        build = partial(facts, self._config, self._accounts)
        shards = read_pages(self._ask, build, self._facts.take, Cut(shards=self._state.facts.shards))
        self._keys = sorted(self._facts.accounts)
        self._state = replace(self._state, facts=Sizes(shards=shards))
        self._progress("accounts", 1, 1)

    def _late_days(self, read_anyway: Sequence[date]) -> list[date]:
        """Older days that events were added to since the last reading."""
        since = self._state.watermark
        older = _range(self._moment.today - timedelta(days=HISTORY), read_anyway[0] - timedelta(days=1))
        people = people_metrics(self._config).values()
        events = daily_events(self._config) | {event for metric in people for event in metric.event}
        if since is None or not events or not older:
            return []
        touched: set[date] = set()

        def read_some(days: Sequence[date], *_: int) -> int:
            rows, _more = self._ask(late(events, days, since, self._moment))
            touched.update(late_day(row) for row in rows)
            return 1

        sizes = self._in_parts("late events", older, self._state.late, read_some)
        self._state = replace(self._state, late=sizes)
        return sorted(touched & set(older))

    def _read_daily(self, days: Sequence[date]) -> Daily:
        whole = self._empty_daily()

        def read_some(some: Sequence[date], shards: int, most: int) -> int:
            part = self._empty_daily()
            build = partial(daily, self._config, self._accounts, some, self._moment)
            cut = Cut(self._keys, shards, most, WIDE_PAGE if len(some) > WIDE else PAGE)
            needed = read_pages(self._ask, build, part.take, cut)
            whole.merge(part)
            return needed

        if daily_events(self._config):
            sizes = self._in_parts("daily usage", list(reversed(days)), self._state.daily, read_some)
            self._state = replace(self._state, daily=sizes)
        return whole

    def _read_windows(self, days: Sequence[date]) -> Windows:
        starts = current_starts(self._config, self._facts.accounts, self._moment.today)
        distinct = {metric: sorted(set(of_anchor.values())) for metric, of_anchor in starts.items()}
        whole = self._empty_windows(starts, Wanted((), current=True))

        def read_some(some: Sequence[date | None], shards: int, most: int) -> int:
            wanted = Wanted([day for day in some if day is not None], None in some, distinct)
            part = self._empty_windows(starts, wanted)
            build = partial(windows, self._config, self._accounts, wanted, self._moment)
            cut = Cut(self._keys, shards, most, WIDE_PAGE if len(some) > WIDE else PAGE)
            needed = read_pages(self._ask, build, part.take, cut)
            whole.merge(part)
            return needed

        if tracked_events(self._config):
            # The present is one part, and so is each day for which people are counted.
            parts: list[date | None] = [None, *(reversed(days) if people_metrics(self._config) else ())]
            sizes = self._in_parts("people and pages", parts, self._state.windows, read_some)
            self._state = replace(self._state, windows=sizes)
        return whole

    def _in_parts(
        self, step: str, parts: Sequence[T], sizes: Sizes, read_some: Callable[[Sequence[T], int, int], int]
    ) -> Sizes:
        return read_parts(parts, sizes, read_some, lambda done, of: self._progress(step, done, of))

    def _empty_daily(self) -> Daily:
        return Daily(self._config, self._moment.zone, self._facts.accounts, self._findings)

    def _empty_windows(self, starts: Mapping[str, Mapping[str | None, date]], wanted: Wanted) -> Windows:
        return Windows(self._config, self._moment.zone, self._facts.accounts, self._findings, starts, wanted)

    def _reading(self, days: list[date], first_fill: bool, usage: Daily, present: Windows) -> Reading:
        aside = self._findings.set_aside
        accounts = tuple(account for key, account in self._facts.accounts.items() if key not in aside)
        keys = [account.key for account in accounts]
        exact = [*trailing_metrics(self._config), *people_metrics(self._config)]
        merge_bad(usage.bad, present.bad)
        merge_latest(usage.latest, present.latest)
        streams = [*daily_metrics(self._config), *people_metrics(self._config)]
        if self._config.signals.quota_events:
            streams.append(REJECTIONS)
        columns = usage.streams | present.levels
        return Reading(
            at=self._at,
            timezone=str(self._moment.zone),
            accounts=accounts,
            days_read=tuple(days),
            first_fill=first_fill,
            daily={stream: columns.get(stream, Column()).without(aside) for stream in streams},
            bad_values={metric: _without(aside, counts) for metric, counts in usage.bad.items()},
            last_event={metric: _without(aside, moments) for metric, moments in usage.latest.items()},
            windows={metric: _complete(keys, present.figures.get(metric, {})) for metric in exact},
            active_people=_complete(keys, present.active),
            lockouts=_sorted(present.seen.get("lockouts", set()), aside),
            billing_visits=_sorted(present.seen.get("billing", set()), aside),
            save_visits=_sorted(present.seen.get("save", set()), aside),
            problems=(*self._findings.all(), *self._impossible(usage.bad, aside)),
            calls=0,  # counted where all attempts are known
            invited=_without(aside, present.invited),
        )

    def _impossible(self, bad: Mapping[str, Mapping[str, int]], aside: set[str]) -> list[Problem]:
        return [
            Problem(
                "impossible_value",
                account,
                f"{count} events have a {self._config.metrics[metric].property or 'count'} that is not a number "
                f"of 0 or more and below {IMPOSSIBLE:.0e}; they are left out",
                metric,
            )
            for metric, counts in bad.items()
            for account, count in counts.items()
            if account not in aside
        ]

    def _rows(self, days: Sequence[date], usage: Daily, present: Windows) -> dict[str, int]:
        """How many accounts the answers held; of days only those that the next reading reads again."""
        rows = {"facts": len(self._facts.accounts)}
        again = [day for day in days if day >= self._moment.today - timedelta(days=REREAD)]
        if daily_events(self._config):
            rows |= {f"daily {day}": usage.told[day] for day in again}
        if people_metrics(self._config):
            rows |= {f"windows {day}": present.told[day] for day in again}
        if tracked_events(self._config):
            rows["windows"] = present.told[None]
        return rows

    def _next_state(self, before: ReadState) -> ReadState:
        """Once a day it is tried whether PostHog has become faster."""
        state, today = self._state, self._moment.today
        if before.filled_until not in (None, today):
            state = state.relaxed(before)
        return replace(state, timezone=self._timezone, watermark=self._at, filled_until=today)


def _zone_of(project: Any) -> str:
    return str(project.get("timezone") if isinstance(project, dict) else None)


def _range(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _without(accounts: set[str], values: Mapping[str, T]) -> dict[str, T]:
    return {account: value for account, value in values.items() if account not in accounts}


def _complete(accounts: Sequence[str], figures: Mapping[str, float]) -> dict[str, float]:
    """An account that PostHog does not mention has nothing there."""
    return {account: figures.get(account, 0.0) for account in accounts}


def _sorted(sightings: set[Sighting], aside: set[str]) -> tuple[Sighting, ...]:
    kept = (sighting for sighting in sightings if sighting.account not in aside)
    return tuple(sorted(kept, key=lambda one: (one.account, one.day, one.subject, one.person, one.session)))
