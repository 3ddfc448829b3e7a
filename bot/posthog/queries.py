"""The queries for facts, late events and daily usage: all accounts and all metrics in one, one row an account."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.config import Config, Metric
from bot.posthog.hogql import PAGE, Accounts, Moment, Page, Query, Values, property_of, select, spans

IMPOSSIBLE = 10**18  # no usage is this large: infinity, or a mistake
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
    account = accounts.of_fact
    names = fact_properties(config)
    told = [f"{_fact(accounts, name)} as f{index}" for index, name in enumerate(names)]
    where, table, group_by = [accounts.on_page(account, page, values)], "persons", "account"
    if accounts.group_index is not None:
        where, table, group_by = [f"index = {accounts.group_index}", *where], "groups", ""
    hogql = select([f"{account} as account", *told], table, where, group_by, page.limit)
    columns = ("account", *(f"f{index}" for index in range(len(names))))
    return Query("facts", hogql, values.known, columns, page.limit)


def _fact(accounts: Accounts, name: str) -> str:
    value = property_of("properties", name)
    if accounts.group_index is not None:
        return f"toString({value})"
    return f"argMaxIf(toString({value}), created_at, {value} is not null)"


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
    """Columns: account, days, then for each daily metric v<i> (an array as long as days), b<i> and l<i>; rejections."""
    values = Values()
    account = accounts.of_event
    inner = [f"{account} as account", "toString(toDate(timestamp)) as day"]
    outer, columns = ["account", "groupArray(day) as days"], ["account", "days"]
    for index, metric in enumerate(daily_metrics(config).values()):
        inner += _of_day(index, metric, values)
        outer += [f"groupArray(v{index}) as vs{index}", f"sum(b{index}) as bs{index}", f"max(l{index}) as ls{index}"]
        columns += [f"vs{index}", f"bs{index}", f"ls{index}"]
    if config.signals.quota_events:
        inner.append(f"countIf({values.any_of(config.signals.quota_events)}) as hits")
        outer.append("groupArray(hits) as rejections")
        columns.append("rejections")
    where = [
        values.any_of(daily_events(config)),
        _within(days, moment, values),
        accounts.on_page(account, page, values),
    ]
    of_days = select(inner, "events", where, "account, day")
    hogql = select(outer, f"({of_days})", [], "account", page.limit)
    return Query("daily", hogql, values.known, tuple(columns), page.limit)


def daily_events(config: Config) -> set[str]:
    metrics = daily_metrics(config).values()
    return {event for metric in metrics for event in metric.event} | set(config.signals.quota_events)


def _of_day(index: int, metric: Metric, values: Values) -> list[str]:
    """The figure of one account, day and metric, the events that are no part of it, and the latest event."""
    is_it = values.any_of(metric.event)
    latest = f"maxIf(timestamp, {is_it}) as l{index}"
    if metric.measure == "count":
        return [f"countIf({is_it}) as v{index}", f"0 as b{index}", latest]
    amount, is_good = amount_of(metric)
    told = property_of("properties", metric.property or "")
    figure = f"sumIf({amount}, {is_it} and {is_good})"
    absent = 0
    if metric.measure == "level":
        figure, absent = f"argMaxIf({amount}, timestamp, {is_it} and {is_good})", -1  # a level of 0 is a level
    bad = f"countIf({is_it} and {told} is not null) - countIf({is_it} and {told} is not null and {is_good})"
    # groupArray leaves nulls out, which would shift the days against the values.
    return [f"ifNull({figure}, {absent}) as v{index}", f"{bad} as b{index}", latest]


def amount_of(metric: Metric) -> tuple[str, str]:
    """The number in an event, and whether it is one. Not a number, infinite, negative or text: it is none."""
    amount = f"toFloat({property_of('properties', metric.property or '')})"
    return amount, f"ifNull({amount} >= 0 and {amount} < {IMPOSSIBLE}, 0)"


def _within(days: Sequence[date], moment: Moment, values: Values) -> str:
    runs = [values.between(moment.start(first), moment.end(last)) for first, last in spans(days)]
    return runs[0] if len(runs) == 1 else f"({' or '.join(runs)})"


def places(config: Config) -> Mapping[str, int]:
    """Where each metric stands in the configuration: the number in its columns' names."""
    return {key: index for index, key in enumerate(config.metrics)}
