"""The query for what does not add up over days: distinct people, exact trailing windows, and rare sightings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.config import Config, Metric, Signals
from bot.posthog.hogql import Accounts, Moment, Page, Query, Values, beginning, property_of, select
from bot.posthog.queries import event_columns, good_amount, named, places

TRAIL = timedelta(days=30)
SIGHTED = timedelta(days=21)
LEVEL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """`levels`: days for which the people of the 30 days up to them are counted. `starts`: of current periods."""

    levels: Sequence[date]
    current: bool
    starts: Mapping[str, Sequence[date]] = field(default_factory=dict)  # people metric -> starts


def people_metrics(config: Config) -> dict[str, Metric]:
    """Anonymous people count too: who sees the product without a name is for the choice of events to say."""
    return {key: metric for key, metric in config.metrics.items() if metric.measure == "people"}


def trailing_metrics(config: Config) -> dict[str, Metric]:
    """Counts and sums over the last 30 days to the second; those over whole days are sums of the daily series."""
    return {
        key: metric
        for key, metric in config.metrics.items()
        if metric.measure in ("count", "sum") and metric.window == "trailing_30d"
    }


def tracked_events(config: Config) -> set[str]:
    """Every event that counts as a sign of life of a person."""
    signals = config.signals
    events = {event for metric in config.metrics.values() for event in metric.event}
    rare = {*signals.quota_events, *signals.lockout_events, *signals.invite_events}
    return events | rare | _page_events(config)


def windows(config: Config, accounts: Accounts, wanted: Wanted, moment: Moment, page: Page) -> Query:
    """Events, then one row for each person and day, then one for each account; the columns are named as below."""
    values = Values()
    parts = _Parts(
        ["person_id as person", "toString(toDate(timestamp)) as day", "timestamp as moment"], [], {"account": "account"}
    )
    _add_people(config, wanted, values, parts)
    if wanted.current:
        _add_trailing(config, moment, values, parts)
        _add_sightings(config, moment, values, parts)
        _add_invited(config.signals, values, parts)
    where = [
        values.any_of(_events(config, wanted)),
        values.between(_first(wanted, moment), moment.at if wanted.current else moment.end(max(wanted.levels))),
        accounts.on_page(accounts.of_event, page, values),
    ]
    events = select([f"{accounts.of_event} as account", *parts.events], "events", where)
    people = select(["account", "person", "day", *parts.people], f"({events})", [], "account, person, day")
    hogql = select(named(parts.accounts), f"({people})", [], "account", page.limit)
    return Query("windows", hogql, values.known, tuple(parts.accounts), page.limit)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The columns of the three selects, the innermost first."""

    events: list[str]
    people: list[str]  # of one day
    accounts: dict[str, str]


def level_column(place: int, day: date) -> str:
    return f"level{place}_{day:%Y%m%d}"


def period_column(place: int, start: date) -> str:
    return f"period{place}_{start:%Y%m%d}"


def _events(config: Config, wanted: Wanted) -> set[str]:
    if wanted.current:
        return tracked_events(config)
    return {event for metric in people_metrics(config).values() for event in metric.event}


def _first(wanted: Wanted, moment: Moment) -> datetime:
    firsts = [moment.start(day - timedelta(days=LEVEL_DAYS - 1)) for day in wanted.levels]
    if wanted.current:
        firsts += [moment.start(start) for starts in wanted.starts.values() for start in starts]
        firsts += [moment.at - TRAIL, moment.start(moment.today - SIGHTED)]
    return min(firsts)


def _add_people(config: Config, wanted: Wanted, values: Values, parts: _Parts) -> None:
    """Distinct people a window, by the days on which they were seen; days are compared as text."""
    for key, metric in people_metrics(config).items():
        place = places(config)[key]
        parts.events.extend(event_columns(place, metric, values))
        parts.people.append(f"if(countIf(e{place}) > 0, day, '') as d{place}")
        for day in wanted.levels:
            seen = f"d{place} >= '{day - timedelta(days=LEVEL_DAYS - 1)}' and d{place} <= '{day}'"
            parts.accounts[level_column(place, day)] = f"uniqExactIf(person, {seen})"
        if not wanted.current:
            continue
        for start in wanted.starts.get(key, ()):
            parts.accounts[period_column(place, start)] = f"uniqExactIf(person, d{place} >= '{start}')"
        if metric.window == "trailing_30d":
            parts.people.append(f"countIf(e{place} and fresh) as t{place}")
            parts.accounts[f"trailing{place}"] = f"uniqExactIf(person, t{place} > 0)"
        parts.people.append(f"maxIf(moment, e{place}) as l{place}")
        parts.accounts[f"last{place}"] = f"max(l{place})"


def _add_trailing(config: Config, moment: Moment, values: Values, parts: _Parts) -> None:
    parts.events.append(f"(timestamp >= {values.moment(moment.at - TRAIL)}) as fresh")
    parts.people.append("countIf(fresh) as alive")
    parts.accounts["active"] = "uniqExactIf(person, alive > 0)"
    for key, metric in trailing_metrics(config).items():
        place = places(config)[key]
        parts.events.extend(event_columns(place, metric, values))
        figure = f"countIf(e{place} and fresh)"
        if metric.measure == "sum":
            figure = f"sumIf(a{place}, fresh and {good_amount(place)})"
        parts.people.append(f"{figure} as t{place}")
        parts.accounts[f"trailing{place}"] = f"sum(t{place})"


def _add_sightings(config: Config, moment: Moment, values: Values, parts: _Parts) -> None:
    """Arrays of [person, day, [[subject, session], ...]], by kind."""
    kinds = _locked_out(config.signals, values, parts) | _visited(config.signals, values, parts)
    if not kinds:
        return
    # Without a session of PostHog's, whatever a person does within half an hour is one.
    half_hour = "toString(toStartOfInterval(timestamp, toIntervalMinute(30)))"
    parts.events.append(f"{beginning(f'ifNull(toString(properties.$session_id), {half_hour})')} as session")
    parts.events.append(f"(timestamp >= {values.moment(moment.start(moment.today - SIGHTED))}) as recent")
    for name, (subject, is_it) in kinds.items():
        parts.people.append(f"groupUniqArrayIf(tuple({subject}, session), recent and {is_it}) as {name}_seen")
        parts.people.append(f"countIf(recent and {is_it}) as {name}_count")
        parts.accounts[name] = f"groupUniqArrayIf(tuple(person, day, {name}_seen), {name}_count > 0)"


def _add_invited(signals: Signals, values: Values, parts: _Parts) -> None:
    """How many were invited in the last 30 days by e-mail addresses that none of the active people has."""
    if not signals.invite_events:
        return
    invitee = property_of("properties", signals.invite_person or "")
    parts.events.append(f"{values.any_of(signals.invite_events)} as is_invite")
    parts.events.append(f"lower(ifNull(toString({invitee}), '')) as invitee")
    parts.events.append("lower(ifNull(toString(person.properties.email), '')) as email")
    parts.people.append("groupUniqArrayIf(invitee, is_invite and fresh and invitee != '') as invitees")
    parts.people.append("any(email) as address")
    known = "length(arrayIntersect(arrayFlatten(groupArray(invitees)), groupUniqArrayIf(address, alive > 0)))"
    parts.accounts["invited"] = f"length(arrayDistinct(arrayFlatten(groupArray(invitees)))) - {known}"


def _locked_out(signals: Signals, values: Values, parts: _Parts) -> dict[str, tuple[str, str]]:
    """The subject is the feature; of an event that names none, the event."""
    if not signals.lockout_events:
        return {}
    feature = "event"
    if signals.lockout_feature:
        feature = f"ifNull(toString({property_of('properties', signals.lockout_feature)}), event)"
    parts.events.extend([f"{beginning(feature)} as feature", f"{values.any_of(signals.lockout_events)} as is_locked"])
    return {"lockouts": ("feature", "is_locked")}


def _visited(signals: Signals, values: Values, parts: _Parts) -> dict[str, tuple[str, str]]:
    kinds = {"billing": signals.billing_paths, "save": signals.save_paths}
    found = {}
    for name, paths in kinds.items():
        if paths:
            on_path = " or ".join(f"path like {values.put(pattern)}" for pattern in _patterns(paths))
            found[name] = ("path", f"is_page and ({on_path})")
    if found:
        path = f"ifNull(toString({property_of('properties', signals.page_property)}), '')"
        parts.events.append(f"{beginning(path)} as path")
        parts.events.append(f"{values.any_of([signals.page_event])} as is_page")
    return found


def _patterns(paths: Sequence[str]) -> list[str]:
    """A path, what is below it, and its queries. % and \\ match any character here: the answer is checked exactly."""
    patterns = []
    for path in paths:
        bare = (path.rstrip("/") or "/").replace("%", "_").replace("\\", "_")
        below = [] if bare == "/" else [f"{bare}/%"]
        patterns += [bare, *below, f"{bare}?%", f"{bare}#%"]
    return patterns


def is_on_path(visited: str, paths: Sequence[str]) -> bool:
    """Whether a path without its query is one of these or below one; below "/" would be everywhere."""
    bare = [path.rstrip("/") for path in paths]
    return any(visited.rstrip("/") == path or (path and visited.startswith(f"{path}/")) for path in bare)


def _page_events(config: Config) -> set[str]:
    signals = config.signals
    return {signals.page_event} if signals.billing_paths or signals.save_paths else set()
