"""Who and what makes the usage: figures as they are, nobody named, one call however many ask."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.config import Config
from bot.model import Driver
from bot.posthog.client import Client
from bot.posthog.drivers import read_drivers
from bot.posthog.errors import PostHogError
from bot.posthog.hogql import Accounts, Moment
from sandbox.faults import body, status
from sandbox.posthog.heavy import Heavy
from sandbox.posthog.project import Event
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import AT, ZONE, config

QUERY = "/api/projects/1/query/"
MOMENT = Moment(AT, ZONE)
GROUPS = Accounts(0)
METRICS = {
    "api": {"label": "API", "measure": "count", "event": ["api", "api v2"], "driver_property": "end point"},
    "gb": {"label": "Data", "measure": "sum", "event": "data", "property": "gb", "driver_property": "source"},
    "jobs": {"label": "Jobs", "measure": "count", "event": "job"},
}


def driven() -> Config:
    return config(metrics=METRICS, signals={})


def event(name: str, person: str, ago: float = 1.0, account: str = "acme", **properties: Any) -> Event:
    return Event(name, person, AT - timedelta(days=ago), properties, {"company": account})


def calls(person: str, number: int, to: str | None = None, **where: Any) -> list[Event]:
    properties: dict[str, Any] = {} if to is None else {"end point": to}
    return [event("api", person, **where, **properties)] * number


def told(client: Client, *metrics: str, account: str = "acme") -> tuple[Driver, ...]:
    return read_drivers(client, driven(), GROUPS, {account: metrics}, MOMENT)[account]


def test_people_are_counted_and_values_named(client: Client, posthog: PostHog) -> None:
    posthog.project.capture(
        [
            *calls("ann", 50, "/export"),
            *calls("bob", 30, "/search"),
            *calls("cy", 15, "/export"),
            *calls("dee", 5),
            *calls("eve", 900, "/export", account="other"),
            *calls("eve", 900, "/export", ago=30.1),
            *calls("eve", 900, "/export", ago=-0.1),
            event("other", "eve"),
        ]
    )

    (driver,) = told(client, "api")

    assert driver == Driver("api", 30, 4, 2, 0.8, "end point", (("/export", 0.65), ("/search", 0.3)))
    assert client.calls == 1
    (answer,) = [call for call in posthog.calls if call.path == QUERY]
    assert "ann" not in json.dumps(answer.request.json()), "nobody is asked for"


def test_nobody_is_named_in_the_answer(client: Client, posthog: PostHog) -> None:
    posthog.project.capture([*calls("ann", 3, "/a"), *calls("bob", 2, "/b")])
    asked = driven()
    read_drivers(client, asked, GROUPS, {"acme": ["api"]}, MOMENT)
    query = posthog.calls[0].request.json()["query"]
    answer = client.query("again", query["query"], query["values"])
    [[_, parts]] = answer.rows
    assert {json.dumps(value) for place, *_, top in parts for _, value in top if place % 2 == 0} == {'""'}


def test_amounts_are_summed_and_bad_ones_left_out(client: Client, posthog: PostHog) -> None:
    amounts = [("ann", 6, "s3"), ("bob", "3", "ftp"), ("cy", "text", "s3"), ("cy", -5, "s3"), ("dee", 1, None)]
    posthog.project.capture([event("data", who, gb=gb, source=source) for who, gb, source in amounts])

    (driver,) = told(client, "gb")

    assert driver == Driver("gb", 30, 3, 2, 0.9, "source", (("s3", 0.6), ("ftp", 0.3)))


def test_many_equals_are_told_as_the_ten_that_were_read(client: Client, posthog: PostHog) -> None:
    posthog.project.capture([event("job", f"p{number}") for number in range(40)])

    assert told(client, "jobs") == (Driver("jobs", 30, 40, 10, 0.25),)


@pytest.mark.parametrize("value", ['it\'s "quoted" \\ {v0} % <!channel>', "x" * 500, "\u202enaïve \U0001f680", "0"])
def test_a_value_arrives_as_it_is(client: Client, posthog: PostHog, value: str) -> None:
    posthog.project.capture(calls("ann", 2, value))

    (driver,) = told(client, "api")

    assert driver.values == ((value[:80], 1.0),)


def test_any_number_of_accounts_and_metrics_is_one_call(client: Client, posthog: PostHog) -> None:
    accounts = [f"account {number}" for number in range(900)]
    posthog.project.capture(
        [
            made
            for account in accounts[:30]
            for made in (*calls("ann", 1, account=account), event("job", "bob", 1, account))
        ]
    )

    found = read_drivers(client, driven(), GROUPS, dict.fromkeys(accounts, ("api", "jobs", "gb")), MOMENT)

    assert client.calls == 1
    assert [[one.people for one in found[account]] for account in accounts[:30]] == [[1, 1]] * 30
    assert found[accounts[30]] == ()
    read_drivers(client, driven(), GROUPS, dict.fromkeys([*accounts, *map(str, range(200))], ("api",)), MOMENT)
    assert client.calls == 3, "a thousand accounts a query"


def test_nothing_is_asked_where_nothing_is_wanted(client: Client) -> None:
    assert read_drivers(client, driven(), GROUPS, {}, MOMENT) == {}
    assert read_drivers(client, driven(), GROUPS, {"acme": ()}, MOMENT) == {"acme": ()}
    assert client.calls == 0


def test_what_is_too_heavy_is_asked_of_a_week(client: Client, posthog: PostHog) -> None:
    posthog.project.capture([*calls("ann", 1, ago=2), *calls("bob", 1, ago=20)])
    posthog.answers.heavy = Heavy(max_days=10)

    (driver,) = told(client, "api")

    assert (driver.days, driver.people, client.calls) == (7, 1, 2)


def test_a_refusal_is_an_error_of_posthog(client: Client, posthog: PostHog) -> None:
    posthog.faults.add(QUERY, status(400))

    with pytest.raises(PostHogError):
        told(client, "api")


GOOD = ["b", [[0, 2, 10, [[-9, ""], [-1, ""]]]]]


@pytest.mark.parametrize(
    "bad",
    [
        ["a"],
        ["a", None],
        ["a", [[0, 2, 10]]],
        ["a", [[0, 2, 10, None]]],
        ["a", [[0, 2, 10, [["many", ""]]]]],
        ["a", [[0, 2, 10, [[1]]]]],
        ["a", [[99, 2, 10, [[-1, ""]]]]],
        ["a", [[None, 2, 10, []]]],
        [None, []],
        "a",
    ],
)
def test_a_malformed_row_costs_its_account_only(client: Client, posthog: PostHog, bad: Any) -> None:
    answer = {"columns": ["account", "told"], "results": [bad, GOOD, ["stranger", GOOD[1]]], "timezone": "UTC"}
    posthog.faults.add(QUERY, body(json.dumps(answer)))

    found = read_drivers(client, driven(), GROUPS, {"a": ["api"], "b": ["api"]}, MOMENT)

    assert found == {"a": (), "b": (Driver("api", 30, 2, 1, 0.9),)}


def test_accounts_may_be_email_domains(client: Client, posthog: PostHog) -> None:
    posthog.project.set_person("ann", {"email": "ann@acme.example"})
    posthog.project.capture([*calls("ann", 3, "/a"), *calls("bob", 9, "/b")])

    found = read_drivers(client, driven(), Accounts(None), {"acme.example": ["api"]}, MOMENT)

    assert found == {"acme.example": (Driver("api", 30, 1, 1, 1.0, "end point", (("/a", 1.0),)),)}
