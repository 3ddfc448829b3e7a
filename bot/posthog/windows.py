"""The query for what does not add up over days: distinct people, exact trailing windows, and rare sightings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.config import Config, Metric
from bot.posthog.hogql import Accounts, Moment, Page, Query, Values, property_of, select
from bot.posthog.queries import amount_of, places

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
    return events | set(signals.quota_events) | set(signals.lockout_events) | _page_events(config)


def windows(config: Config, accounts: Accounts, wanted: Wanted, moment: Moment, page: Page) -> Query:
    """First one row for each person and day, then one for each account; the columns are named as below."""
    values = Values()
    account = accounts.of_event
    inner = [f"{account} as account", "person_id as person", "toString(toDate(timestamp)) as day"]
    outer: dict[str, str] = {"account": "account"}
    _add_people(config, wanted, moment, values, inner, outer)
    if wanted.current:
        _add_trailing(config, moment, values, inner, outer)
        _add_sightings(config, moment, values, inner, outer)
    where = [
        values.any_of(_events(config, wanted)),
        values.between(_first(wanted, moment), moment.at),
        accounts.on_page(account, page, values),
    ]
    of_people = select(inner, "events", where, "account, person, day")
    hogql = select(_named(outer), f"({of_people})", [], "account", page.limit)
    return Query("windows", hogql, values.known, tuple(outer), page.limit)


def level_column(place: int, day: date) -> str:
    return f"level{place}_{day:%Y%m%d}"


def period_column(place: int, start: date) -> str:
    return f"period{place}_{start:%Y%m%d}"


def _named(outer: Mapping[str, str]) -> list[str]:
    return [name if name == expression else f"{expression} as {name}" for name, expression in outer.items()]


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


def _add_people(
    config: Config, wanted: Wanted, moment: Moment, values: Values, inner: list[str], outer: dict[str, str]
) -> None:
    """Distinct people a window, by the days on which they were seen; days are compared as text."""
    for key, metric in people_metrics(config).items():
        place = places(config)[key]
        is_it = values.any_of(metric.event)
        inner.append(f"countIf({is_it}) as p{place}")
        for day in wanted.levels:
            first, last = values.put(str(day - timedelta(days=LEVEL_DAYS - 1))), values.put(str(day))
            seen = f"p{place} > 0 and day >= {first} and day <= {last}"
            outer[level_column(place, day)] = f"uniqExactIf(person, {seen})"
        if not wanted.current:
            continue
        for start in wanted.starts.get(key, ()):
            seen = f"p{place} > 0 and day >= {values.put(str(start))}"
            outer[period_column(place, start)] = f"uniqExactIf(person, {seen})"
        inner.append(f"maxIf(timestamp, {is_it}) as s{place}")
        outer[f"last{place}"] = f"max(s{place})"
        if metric.window == "trailing_30d":
            inner.append(f"countIf({is_it} and timestamp >= {values.moment(moment.at - TRAIL)}) as t{place}")
            outer[f"trailing{place}"] = f"uniqExactIf(person, t{place} > 0)"


def _add_trailing(config: Config, moment: Moment, values: Values, inner: list[str], outer: dict[str, str]) -> None:
    since = values.moment(moment.at - TRAIL)
    inner.append(f"countIf(timestamp >= {since}) as alive")
    outer["active"] = "uniqExactIf(person, alive > 0)"
    for key, metric in trailing_metrics(config).items():
        place = places(config)[key]
        is_it = f"{values.any_of(metric.event)} and timestamp >= {since}"
        figure = f"countIf({is_it})"
        if metric.measure == "sum":
            amount, is_good = amount_of(metric)
            figure = f"ifNull(sumIf({amount}, {is_it} and {is_good}), 0)"
        inner.append(f"{figure} as t{place}")
        outer[f"trailing{place}"] = f"sum(t{place})"


def _add_sightings(config: Config, moment: Moment, values: Values, inner: list[str], outer: dict[str, str]) -> None:
    """Arrays of [person, day, [[subject, session], ...]]."""
    recent = f"timestamp >= {values.moment(moment.start(moment.today - SIGHTED))}"
    # Without a session of PostHog's, whatever a person does within half an hour is one.
    session = "ifNull(toString(properties.$session_id), toString(toStartOfInterval(timestamp, toIntervalMinute(30))))"
    for name, subject, is_it in _sighted(config, values):
        inner.append(f"groupUniqArrayIf(tuple({subject}, {session}), {is_it} and {recent}) as {name}_seen")
        inner.append(f"countIf({is_it} and {recent}) as {name}_count")
        outer[name] = f"groupUniqArrayIf(tuple(person, day, {name}_seen), {name}_count > 0)"


def _sighted(config: Config, values: Values) -> list[tuple[str, str, str]]:
    """Name of the column, subject and condition of each kind of sighting that is configured."""
    signals = config.signals
    kinds = []
    if signals.lockout_events:
        subject = "event"
        if signals.lockout_feature:
            subject = f"ifNull(toString({property_of('properties', signals.lockout_feature)}), event)"
        kinds.append(("lockouts", subject, values.any_of(signals.lockout_events)))
    path = f"ifNull(toString({property_of('properties', signals.page_property)}), '')"
    for name, paths in (("billing", signals.billing_paths), ("save", signals.save_paths)):
        if paths:
            on_path = " or ".join(f"{path} like {values.put(pattern)}" for pattern in _patterns(paths))
            kinds.append((name, path, f"{values.any_of([signals.page_event])} and ({on_path})"))
    return kinds


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
