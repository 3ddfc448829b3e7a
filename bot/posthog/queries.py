"""The queries for facts, late events and daily usage: all accounts and all metrics in one, one row an account."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.config import Config, Metric
from bot.posthog.hogql import PAGE, Accounts, Moment, Page, Query, Values, property_of, select, spans
from bot.posthog.reading import IMPOSSIBLE

OVERLAP = timedelta(minutes=10)  # between PostHog's clock and ours


def fact_properties(config: Config) -> tuple[str, ...]:
    """Every property that tells something of an account, each once."""
    table = config.account
    named = [table.name, table.domain, table.plan, table.arr, table.owner_email, table.period_anchor]
    for metric in config.metrics.values():
        named += [metric.limit_property, metric.group_property]
    return tuple(dict.fromkeys(name for name in named if name))


def daily_metrics(config: Config) -> dict[str, Metric]:
    """Those whose days are told by events: amounts that add up, and levels that the last event of a day tells."""
    return {
        key: metric
        for key, metric in config.metrics.items()
        if metric.measure in ("count", "sum") or (metric.measure == "level" and metric.event and metric.property)
    }


def facts(config: Config, accounts: Accounts, page: Page) -> Query:
    """Columns: account, then f0, f1, ... in the order of `fact_properties`."""
    values = Values()
    names = fact_properties(config)
    told = [f"toString({property_of('properties', name)})" for name in names]
    columns = ("account", *(f"f{index}" for index in range(len(names))))
    where = [accounts.on_page(accounts.of_fact, page, values)]
    if accounts.group_index is not None:
        named = [f"{told} as f{index}" for index, told in enumerate(told)]
        where.insert(0, f"index = {accounts.group_index}")
        hogql = select([f"{accounts.of_fact} as account", *named], "groups", where, limit=page.limit)
    else:  # of the person who was created last of those who have the property
        named = [f"{told} as p{index}" for index, told in enumerate(told)]
        persons = select([f"{accounts.of_fact} as account", "created_at as born", *named], "persons", where)
        latest = [f"argMaxIf(p{index}, born, p{index} is not null) as f{index}" for index in range(len(names))]
        hogql = select(["account", *latest], f"({persons})", [], "account", page.limit)
    return Query("facts", hogql, values.known, columns, page.limit)


def late(events: Iterable[str], days: Sequence[date], since: datetime, moment: Moment) -> Query:
    """Which of these days got events that PostHog received since then."""
    values = Values()
    where = [
        values.any_of(events),
        _within(days, moment, values),
        f"created_at >= {values.moment(since - OVERLAP)}",
    ]
    hogql = select(["toString(toDate(timestamp)) as day", "count() as events"], "events", where, "day", PAGE)
    return Query("late", hogql, values.known, ("day", "events"), PAGE)


def daily(config: Config, accounts: Accounts, days: Sequence[date], moment: Moment, page: Page) -> Query:
    """Columns: account, days, then for each daily metric vs<i> (as many as days), bs<i> and ls<i>; rejections."""
    values = Values()
    raw = [f"{accounts.of_event} as account", "toString(toDate(timestamp)) as day", "timestamp as moment"]
    by_day = ["account", "day"]
    outer = {"account": "account", "days": "groupArray(day)"}
    for index, metric in enumerate(daily_metrics(config).values()):
        raw += event_columns(index, metric, values)
        by_day += _of_day(index, metric)
        outer |= {f"vs{index}": f"groupArray(v{index})", f"bs{index}": f"sum(b{index})", f"ls{index}": f"max(l{index})"}
    if config.signals.quota_events:
        raw.append(f"{values.any_of(config.signals.quota_events)} as hit")
        by_day.append("countIf(hit) as hits")
        outer["rejections"] = "groupArray(hits)"
    where = [
        values.any_of(daily_events(config)),
        _within(days, moment, values),
        accounts.on_page(accounts.of_event, page, values),
    ]
    of_days = select(by_day, f"({select(raw, 'events', where)})", [], "account, day")
    hogql = select(named(outer), f"({of_days})", [], "account", page.limit)
    return Query("daily", hogql, values.known, tuple(outer), page.limit)


def daily_events(config: Config) -> set[str]:
    metrics = daily_metrics(config).values()
    return {event for metric in metrics for event in metric.event} | set(config.signals.quota_events)


def event_columns(index: int, metric: Metric, values: Values) -> list[str]:
    """Of each event: e<i>, whether it is one of the metric's; a<i>, the amount in it; t<i>, whether it tells one."""
    columns = [f"{values.any_of(metric.event)} as e{index}"]
    if metric.measure in ("sum", "level"):
        told = property_of("properties", metric.property or "")
        # -1 stands for text and for nothing. Without nulls no row falls out of an aggregate or an array.
        columns += [f"ifNull(toFloat({told}), -1) as a{index}", f"(ifNull(toString({told}), '') != '') as t{index}"]
    return columns


def good_amount(index: int) -> str:
    """Whether an event of the metric has a number of 0 or more; NaN and infinity are none."""
    return f"e{index} and a{index} >= 0 and a{index} < {IMPOSSIBLE}"


def _of_day(index: int, metric: Metric) -> list[str]:
    """The figure of one account, day and metric, the events that are left out of it, and the latest event."""
    latest = f"maxIf(moment, e{index}) as l{index}"
    if metric.measure == "count":
        return [f"countIf(e{index}) as v{index}", f"0 as b{index}", latest]
    good = good_amount(index)
    figure = f"sumIf(a{index}, {good})"
    if metric.measure == "level":  # 0 is a level, so that a day without one is told as -1
        figure = f"if(countIf({good}) = 0, -1, argMaxIf(a{index}, moment, {good}))"
    bad = f"countIf(e{index} and t{index}) - countIf(t{index} and {good})"
    return [f"{figure} as v{index}", f"{bad} as b{index}", latest]


def _within(days: Sequence[date], moment: Moment, values: Values) -> str:
    """The outer bounds are said too where days are missing in between: they are what the table is searched by."""
    runs = [values.between(moment.start(first), moment.end(last)) for first, last in spans(days)]
    if len(runs) == 1:
        return runs[0]
    return f"{values.between(moment.start(min(days)), moment.end(max(days)))} and ({' or '.join(runs)})"


def named(columns: Mapping[str, str]) -> list[str]:
    """Expressions with their aliases, by alias."""
    return [name if name == expression else f"{expression} as {name}" for name, expression in columns.items()]


def places(config: Config) -> Mapping[str, int]:
    """Where each metric stands in the configuration: the number in its columns' names."""
    return {key: index for index, key in enumerate(config.metrics)}
