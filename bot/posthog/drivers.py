"""Who and what makes the usage: one query for all accounts that get a card, asked only when there are such accounts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from bot.config import Config, Metric
from bot.model import Driver
from bot.posthog.client import Client
from bot.posthog.errors import PostHogError, TooHeavyError
from bot.posthog.hogql import Accounts, Moment, Query, Values, beginning, property_of, select
from bot.posthog.queries import event_columns, good_amount
from bot.posthog.rows import MalformedError, brief, cells, items, number

DAYS = (30, 7)  # what is asked for first, and what is asked for where PostHog finds that too heavy
PART = 1000  # accounts a query: they are named in its text, which PostHog limits
TOP = 10  # people and values that are told
TOLD = 3  # values that are kept
MOST = 0.8  # of the usage, by as few people as it takes
LONGEST = 80  # characters of a value
ROUNDING, PLACES = 1e-9, 4
TIME = timedelta(minutes=2)
COLUMNS = ("account", "told")


def driven_metrics(config: Config) -> dict[str, Metric]:
    """Those that single events add up to."""
    return {key: metric for key, metric in config.metrics.items() if metric.measure in ("count", "sum")}


def read_drivers(
    client: Client, config: Config, accounts: Accounts, wanted: Mapping[str, Iterable[str]], moment: Moment
) -> dict[str, tuple[Driver, ...]]:
    """By account, of its wanted metrics (keys of `driven_metrics`). An account whose row cannot be read has none.

    Raises PostHogError.
    """
    keys, metrics = sorted(wanted), sorted({metric for some in wanted.values() for metric in some})
    found: dict[str, tuple[Driver, ...]] = dict.fromkeys(keys, ())
    if not metrics:
        return found
    with client.budget(TIME):
        for start in range(0, len(keys), PART):
            part = keys[start : start + PART]
            for account, days, told in _ask(client, partial(query, config, accounts, metrics, part, moment)):
                with suppress(MalformedError, ValueError, ZeroDivisionError):
                    drivers = _drivers(config, metrics, days, told)
                    found[account] = tuple(drivers[metric] for metric in wanted.get(account, ()) if metric in drivers)
    return {key: found[key] for key in keys}


def query(
    config: Config, accounts: Accounts, metrics: Sequence[str], keys: Sequence[str], moment: Moment, days: int
) -> Query:
    """Events; of each a share for its person and one for its value; their totals; the largest; one row an account.

    `told`: [place, how many, total, [[-total, value], ...]], where the place of a metric's people is twice the
    metric's, and that of its values one more. People come without a name.
    """
    values, raw, shares = Values(), [f"{accounts.of_event} as account", "toString(person_id) as person"], []
    for place, metric in enumerate(config.metrics[key] for key in metrics):
        raw += event_columns(place, metric, values)
        amount = f"if({good_amount(place)}, a{place}, 0)" if metric.measure == "sum" else f"if(e{place}, 1, 0)"
        raw.append(f"{amount} as m{place}")
        shares.append(f"tuple({2 * place}, person, m{place})")
        if metric.driver_property:
            value = f"ifNull(toString({property_of('properties', metric.driver_property)}), '')"
            raw.append(f"{beginning(value)} as p{place}")
            shares.append(f"tuple({2 * place + 1}, p{place}, m{place})")
    where = [
        values.any_of(event for key in metrics for event in config.metrics[key].event),
        values.between(moment.at - timedelta(days=days), moment.at),
        f"{accounts.of_event} in {values.put(list(keys))}",
    ]
    split = select(["account", f"arrayJoin([{', '.join(shares)}]) as share"], f"({select(raw, 'events', where)})", [])
    parts = ("tupleElement(share, 1) as place", "tupleElement(share, 2) as what", "tupleElement(share, 3) as amount")
    known = select(["account", *parts], f"({split})", [])
    summed = ["account", "place", "if(place % 2 = 0, '', what) as value", "sum(amount) as total"]
    totals = select(summed, f"({known})", ["amount > 0", "what != ''"], "account, place, what")
    ranked = select(["account", "place", "total", "tuple(negate(total), value) as rank"], f"({totals})", [])
    largest = f"arraySlice(arraySort(groupArray(rank)), 1, {TOP})"
    of_place = ["account", f"tuple(place, count(), sum(total), {largest}) as one"]
    by_place = select(of_place, f"({ranked})", [], "account, place")
    hogql = select(["account", "groupArray(one) as told"], f"({by_place})", [], "account", len(keys))
    return Query("drivers", hogql, values.known, COLUMNS, len(keys))


def _ask(client: Client, build: Callable[[int], Query]) -> Iterator[tuple[str, int, list[Any]]]:
    """Account, days, what is told of it. Rows that are none are left out: they cost a line of a card."""
    for days in DAYS:
        asked = build(days)
        try:
            answer = client.query(asked.name, asked.hogql, asked.values)
        except TooHeavyError:
            if days == DAYS[-1]:
                raise
            continue
        if tuple(answer.columns) != COLUMNS:
            raise PostHogError("PostHog answered the query drivers with other columns than asked for.")
        for row in answer.rows:
            with suppress(MalformedError):
                known = cells(row, COLUMNS)
                yield known["account"], days, items(known["told"])
        return


def _drivers(config: Config, metrics: Sequence[str], days: int, told: Iterable[Any]) -> dict[str, Driver]:
    parts = {place: (many, total, largest) for place, many, total, largest in map(_four, told)}
    found = {}
    for place, metric in enumerate(metrics):
        if 2 * place not in parts:
            continue
        many, whole, people = parts[2 * place]  # a person made each event: theirs is all of it
        makers, share = _makers([amount / whole for amount, _ in people])
        values = parts.get(2 * place + 1, (0, 0.0, []))[2][:TOLD]
        found[metric] = Driver(
            metric,
            days,
            people=many,
            makers=makers,
            makers_share=share,
            property=config.metrics[metric].driver_property if values else None,
            values=tuple((_value(value), round(amount / whole, PLACES)) for amount, value in values),
        )
    return found


def _four(one: Any) -> tuple[int, int, float, list[tuple[float, Any]]]:
    """Place, how many, total, and the largest with their amounts; a total is above 0 as its parts are."""
    parts = items(one)
    if len(parts) != 4:
        raise MalformedError("a driver without its four parts")
    ranked = [(-number(amount), value) for amount, value in map(items, items(parts[3]))]
    place, many, total = map(number, parts[:3])
    return int(place), int(many), total, ranked


def _makers(shares: Sequence[float]) -> tuple[int, float]:
    """The fewest people that make most of it, and what they make; of many equals, those that were told."""
    made = 0.0
    for count, share in enumerate(shares, 1):
        made += share
        if made >= MOST - ROUNDING:
            return count, min(round(made, PLACES), 1.0)
    return len(shares), min(round(made, PLACES), 1.0)


def _value(cell: Any) -> str:
    return (brief(cell) or "")[:LONGEST]
