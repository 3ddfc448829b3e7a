"""HogQL in the sandbox obeys what PostHog obeys: limits, time, types, NULL, names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.posthog import Event, PostHog
from tests.sandbox.asking import Asking

NOW = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # in Berlin it is the 22nd already
ACME = {"company": "acme"}


def event(name: str, hours_ago: float, *, person: Any = "u1", **properties: Any) -> Event:
    return Event(name, person, NOW - timedelta(hours=hours_ago), properties, ACME)


@pytest.fixture(scope="module")
def posthog() -> Iterator[PostHog]:
    with PostHog(lambda: NOW, timezone="Europe/Berlin") as server:
        project = server.project
        project.define_property("event", "seconds", "Numeric")
        project.define_property("event", "paid", "Boolean")
        project.define_property("event", "due", "DateTime")
        project.define_property("group_0", "seats", "Numeric")
        project.capture(event("many", 1 + hour / 100) for hour in range(150))
        project.capture(
            [
                event("typed", 1, gb="1.5", seconds=3, paid=True, due="2026-11-22T00:00:00Z", **{"a b": "x"}),
                event("typed", 2, gb="lots", seconds="4", paid=False, due="soon", **{"a b": None}),
                event("typed", 3, gb="", seconds=None),
                event("typed", 4, person="u2", gb=2, seconds=float("nan")),
            ]
        )
        project.set_group("company", "acme", {"name": 'Acme "Corp"', "plan": "starter", "seats": 5})
        project.set_group("company", "acme", {"plan": "growth"})
        project.set_person("u1", {"email": "user1@acme.example"})
        yield server
        assert server.errors == []


@pytest.fixture(scope="module")
def ask(posthog: PostHog) -> Iterator[Asking]:
    with Asking(posthog) as asking:
        yield asking


@pytest.mark.parametrize(
    "hogql",
    [
        "select 1 limit 5 offset 1",
        "select event from events limit 1 by event offset 1",
        "select a from (select 1 as a limit 3 offset 1)",
        "select 1 union all select 2 limit 1 offset 1",
    ],
)
def test_offset_is_refused_anywhere(ask: Asking, hogql: str) -> None:
    status, code, detail = ask.refusal(hogql)
    assert (status, code) == (400, "hogql_query_error")
    assert detail.startswith("OFFSET is not supported on queries made with a personal API key.")


def test_without_limit_there_are_100_rows_and_a_word_that_there_are_more(ask: Asking) -> None:
    answer = ask.answer("select timestamp from events where event = 'many'")
    assert (len(answer["results"]), answer["hasMore"], answer["limit"], answer["offset"]) == (100, True, 100, 0)
    assert ask.answer("select 1")["hasMore"] is False


def test_with_a_limit_nothing_says_that_there_is_more(ask: Asking) -> None:
    answer = ask.answer("select timestamp from events where event = 'many' limit 120")
    assert (len(answer["results"]), answer["hasMore"], answer["limit"]) == (120, None, None)


def test_more_than_50_000_is_cut_without_a_word(ask: Asking) -> None:
    answer = ask.answer("select arrayJoin(range(60000)) as n limit 60000")
    assert (len(answer["results"]), answer["hasMore"]) == (50_000, None)
    assert len(ask.rows("select arrayJoin(range(60000)) as n limit {n}", n=60_000)) == 50_000


def test_each_branch_of_a_union_has_its_own_100(ask: Asking) -> None:
    branch = "select arrayJoin(range(150)) as n"
    assert len(ask.rows(f"{branch} limit 150 union all {branch}")) == 250
    assert len(ask.rows(f"{branch} union all {branch} limit 150")) == 250


def test_an_inner_query_is_not_limited(ask: Asking) -> None:
    assert ask.one("select count() from (select timestamp from events where event = 'many')") == 150


def test_values_are_constants_never_text(ask: Asking) -> None:
    nasty = "x' or 1=1 --\\"
    assert ask.one("select {v}", v=nasty) == nasty
    assert ask.one("select count() from events where event = {v}", v=nasty) == 0
    assert ask.one("select count() from events where event in {names}", names=["typed", "other"]) == 4
    assert ask.one("select count() from events where event in {names}", names=[]) == 0
    assert ask.rows("select {n}, {f}, {b}, {nothing}", n=1, f=1.5, b=True, nothing=None) == [[1, 1.5, True, None]]


def test_an_unresolved_placeholder_is_refused(ask: Asking) -> None:
    assert ask.refusal("select {missing}") == (400, "hogql_query_error", "Unresolved placeholder: {missing}")


def test_time_is_the_projects(ask: Asking) -> None:
    assert ask.one("select now()") == "2026-11-22T00:30:00+01:00"
    assert ask.one("select today()") == "2026-11-21"  # of the server, which is in UTC
    hogql = "select timestamp, toDate(timestamp), toStartOfDay(timestamp) from events where event = 'typed' {order}"
    (first, *_) = ask.rows(hogql.replace("{order}", "order by timestamp desc"))
    assert first == ["2026-11-21T23:30:00+01:00", "2026-11-21", "2026-11-21T00:00:00+01:00"]


def test_bare_text_is_project_time_and_an_offset_is_honoured(ask: Asking) -> None:
    count = "select count() from events where event = 'typed' and timestamp >= "
    assert ask.one(count + "'2026-11-21 23:00:00'") == 1
    assert ask.one(count + "toDateTime('2026-11-21 23:00:00')") == 1
    assert ask.one(count + "toDateTime({at})", at="2026-11-21T21:00:00Z") == 2
    assert ask.rows("select toDateTime('2026-11-21T00:00:00Z'), toDateTime('x')") == [
        ["2026-11-21T01:00:00+01:00", None]
    ]


def test_a_property_is_text_unless_defined(ask: Asking) -> None:
    hogql = "select properties.gb, toFloat(properties.gb), properties.seconds, properties.paid, properties.due"
    rows = ask.rows(
        hogql + ", properties['a b'], properties.nothing from events where event = 'typed' order by timestamp desc"
    )
    assert rows == [
        ["1.5", 1.5, 3, True, "2026-11-22T01:00:00+01:00", "x", None],
        ["lots", None, 4, False, None, None, None],
        [None, None, None, None, None, None, None],
        ["2", 2, None, None, None, None, None],
    ]


def test_a_sum_over_text_is_refused(ask: Asking) -> None:
    status, code, _ = ask.refusal("select sum(properties.gb) from events")
    assert (status, code) == (400, "illegal_type_of_argument")
    assert ask.one("select sum(properties.seconds) from events where event = 'typed'") is None  # NaN
    assert ask.one("select sum(toFloat(properties.gb)) from events") == 3.5
    assert ask.one("select sumIf(toFloat(properties.gb), event = 'none') from events") is None
    assert ask.refusal("select toFloatOrZero(properties.seconds) from events")[1] == "illegal_type_of_argument"


def test_comparisons_know_only_true_and_false(ask: Asking) -> None:
    count = "select count() from events where event = 'typed' and "
    assert ask.one(count + "properties.gb = '2'") == 1
    assert ask.one(count + "properties.gb != '2'") == 3  # the missing one included
    assert ask.one(count + "properties.gb not in ('2')") == 3
    assert ask.one(count + "properties.gb is null") == 1
    assert ask.one(count + "toFloat(properties.gb) > 1") == 2


def test_no_number_and_infinity_come_as_null(ask: Asking) -> None:
    assert ask.rows("select 0/0, 1/0, [0/0, 1.0], tuple(1, 0/0)") == [[None, None, [None, 1], [1, None]]]


def test_groups_show_their_latest_properties_untyped(ask: Asking) -> None:
    rows = ask.rows("select key, properties.plan, properties.seats, index from groups where index = 0")
    assert rows == [["acme", "growth", "5", 0]]


def test_a_quote_in_a_property_comes_escaped(ask: Asking) -> None:
    """PostHog cuts the quotes off the raw JSON; what is inside stays as JSON writes it."""
    assert ask.one("select properties.name from groups") == 'Acme \\"Corp\\"'


def test_events_know_their_group_and_person(ask: Asking) -> None:
    hogql = (
        "select $group_0, group_0.properties.plan, group_0.properties.seats, group_0.key, person.properties.email, "
        "person.id = person_id, $group_1 from events where event = 'typed' order by timestamp desc"
    )
    rows = ask.rows(hogql)
    assert rows[0] == ["acme", "growth", 5, "acme", "user1@acme.example", 1, ""]
    assert rows[3][4] is None
    assert ask.one("select uniqExact(person_id) from events") == 2


def test_events_and_groups_can_be_joined(ask: Asking) -> None:
    hogql = "select g.properties.plan, count() as n from events e join groups g on g.key = e.$group_0 group by 1"
    assert ask.rows(hogql) == [["growth", 154]]


def test_arrays_an_account(ask: Asking) -> None:
    """The shape of a bot's main query: one row an account."""
    hogql = (
        "select account, groupArray(tuple(day, n)) as days from (select $group_0 as account, toDate(timestamp) as day, "
        "count() as n from events where event in {events} and timestamp >= toDateTime({start}) group by account, day) "
        "where account > {cursor} group by account order by account limit 50000"
    )
    rows = ask.rows(hogql, events=["typed"], start="2026-11-01T00:00:00Z", cursor="")
    assert rows == [["acme", [["2026-11-21", 4]]]]


@pytest.mark.parametrize(
    ("hogql", "code", "detail"),
    [
        ("select nothing from events", "hogql_query_error", "Unable to resolve field: nothing"),
        ("select e.nothing from events e", "hogql_query_error", "Field not found: nothing"),
        ("select 1 from nothing", "hogql_query_error", "Unknown table `nothing`."),
        ("select nothing(1)", "hogql_query_error", "Unsupported function call 'nothing(...)'."),
        ("select COUNTIF(1)", "hogql_query_error", "Unsupported function call 'COUNTIF(...)'."),
        ("select countif(1)", "hogql_query_error", "Perhaps you meant 'countIf(...)'?"),
        ("select uniqCombined(1)", "hogql_query_error", "Unsupported function call 'uniqCombined(...)'."),
        ("select substring('abc', 1)", "hogql_query_error", "Function 'substring' expects 3 arguments, found 2"),
        ("select from where", "hogql_syntax_error", ""),
        ("select `a%b` from events", "hogql_query_error", "Unable to resolve field: a%b"),
        ("select event, count() from events", "not_an_aggregate", ""),
        ("select key from events join groups on 1 = 1 group by properties.a", "hogql_query_error", "Ambiguous query."),
    ],
)
def test_mistakes_are_refused_in_posthogs_words(ask: Asking, hogql: str, code: str, detail: str) -> None:
    status, found, text = ask.refusal(hogql)
    assert (status, found) == (400, code)
    assert detail in text


def test_the_answer_describes_itself(ask: Asking) -> None:
    answer = ask.answer("select count(), event as name from events group by name order by name")
    assert answer["columns"] == ["count()", "name"]
    assert answer["types"][0] == ["count()", "UInt64"]
    assert (answer["timezone"], answer["error"], answer["is_cached"]) == ("Europe/Berlin", None, False)


def test_with_and_star(ask: Asking) -> None:
    hogql = "with 3 as three, few as (select event, timestamp from events limit 2) select *, three from few"
    assert [len(row) for row in ask.rows(hogql)] == [3, 3]


def test_late_events_are_told_by_created_at(posthog: PostHog, ask: Asking) -> None:
    late = Event("late", "u1", NOW - timedelta(days=9), {}, ACME, created_at=NOW)
    posthog.project.capture([late])
    hogql = "select toDate(timestamp) from events where created_at >= {since} and event = 'late'"
    assert ask.one(hogql, since="2026-11-22 00:00:00") == "2026-11-13"
