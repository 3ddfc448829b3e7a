"""From one reading to the next: what is read again, what is remembered, and what happens when PostHog cannot."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.config import Config
from bot.posthog.client import Client
from bot.posthog.errors import PostHogError, ReadFailedError
from bot.posthog.reader import read
from bot.posthog.reading import Reading
from bot.posthog.state import ReadState, Sizes
from bot.posthog.state import asked as asked_of
from sandbox.faults import body, status
from sandbox.posthog.heavy import Heavy
from sandbox.posthog.project import Event
from sandbox.posthog.server import PostHog
from tests.bot.posthog.conftest import Clock
from tests.bot.posthog.worlds import AT, ZONE, Expected, config, counts_only, history

QUERY = "/api/projects/1/query/"
TODAY = AT.astimezone(ZONE).date()
KEYS = [f"account {number:02}" for number in range(12)]


def fill(posthog: PostHog, keys: Iterable[str] = KEYS) -> None:
    posthog.project.set_groups("company", {key: {"name": key} for key in keys})


def api(account: str, ago: timedelta, late_by: timedelta = timedelta(0)) -> Event:
    return Event("api", "p", AT - ago, {}, {"company": account}, created_at=AT - ago + late_by)


def settled(client: Client, of: Config) -> ReadState:
    """As a reading at AT of an empty project leaves it, without the time that one takes."""
    known = asked_of(of, client.host, client.project)
    return ReadState("Europe/Berlin", 0, known, watermark=AT, filled_until=TODAY)


def told(reading: Reading, stream: str = "api") -> dict[tuple[str, date], float]:
    found = reading.daily[stream]
    return {(account, day): value for account, day, value in zip(found.account, found.day, found.value, strict=True)}


def asked(posthog: PostHog) -> list[str]:
    return [call.request.json()["name"] for call in posthog.calls if call.path == QUERY]


def days(*ago: int) -> list[date]:
    return [TODAY - timedelta(days=one) for one in ago]


def test_later_readings_read_the_last_days_again_in_four_calls(client: Client, posthog: PostHog, clock: Clock) -> None:
    fill(posthog)
    posthog.project.capture(history(KEYS, seed=1, days=40))

    reading, after = read(client, config(), AT + timedelta(hours=1), settled(client, config()))

    assert list(reading.days_read) == days(3, 2, 1, 0)
    assert not reading.first_fill
    assert asked(posthog) == [f"headroom_{name}" for name in ("facts", "late", "daily", "windows")]
    assert reading.calls == 4
    assert {account.key for account in reading.accounts} == set(KEYS)
    assert after.watermark == AT + timedelta(hours=1)
    assert clock.slept == []


def test_days_touched_by_late_events_are_read_again(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    on_time = [api(KEYS[0], timedelta(days=ago)) for ago in (1, 20, 50)]
    posthog.project.capture(on_time)
    _, state = read(client, counts_only(), AT, ReadState())
    late = [
        api(KEYS[0], timedelta(days=20), late_by=timedelta(days=20, hours=1)),
        api(KEYS[1], timedelta(days=50), late_by=timedelta(days=50, minutes=-5)),  # within the clocks' difference
        api(KEYS[2], timedelta(days=60), late_by=timedelta(days=1)),  # late, but known then
        replace(api(KEYS[3], timedelta(days=30), late_by=timedelta(days=31)), event="untracked"),
    ]
    posthog.project.capture(late)

    reading, _ = read(client, counts_only(), AT + timedelta(hours=2), state)

    assert list(reading.days_read) == days(50, 20, 3, 2, 1, 0)
    expected = Expected([*on_time, *late], AT + timedelta(hours=2))
    assert told(reading) == expected.counts(reading.days_read, "api")
    assert told(reading)[KEYS[0], days(20)[0]] == 2


def test_after_a_pause_all_days_since_are_read(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    state = replace(settled(client, counts_only()), filled_until=days(10)[0])

    reading, _ = read(client, counts_only(), AT, state)
    again, _ = read(client, counts_only(), AT + timedelta(days=95), state)

    assert list(reading.days_read) == days(*range(10, -1, -1))
    assert again.first_fill


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin"])
def test_the_day_of_a_clock_change_is_one_day(client: Client, posthog: PostHog, zone: str) -> None:
    posthog.project.timezone = zone
    fill(posthog)
    events = [api(KEYS[hour % 3], timedelta(hours=hour, minutes=5)) for hour in range(24 * 35)]
    posthog.project.capture(events)

    reading, _ = read(client, counts_only(), AT, ReadState())

    assert reading.timezone == zone
    found = told(reading)
    assert found == Expected(events, AT, zone=type(ZONE)(zone)).counts(reading.days_read, "api")
    by_day = [sum(value for (_, day), value in found.items() if day == wanted) for wanted in reading.days_read]
    assert by_day.count(25) == 1
    assert by_day.count(24) > 30


def test_another_time_zone_begins_anew(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    state = settled(client, counts_only())
    posthog.project.timezone = "Asia/Tokyo"

    reading, after = read(client, counts_only(), AT, state)

    assert reading.first_fill
    assert (reading.timezone, after.timezone) == ("Asia/Tokyo", "Asia/Tokyo")


def test_another_metric_begins_anew_and_another_label_does_not(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    state = settled(client, counts_only())
    metric = {"label": "Calls", "measure": "count", "event": "api"}

    assert not read(client, config(metrics={"api": metric}, signals={}), AT, state)[0].first_fill
    assert read(client, config(metrics={"api": {**metric, "event": "call"}}, signals={}), AT, state)[0].first_fill


def test_the_number_of_calls_grows_with_neither_accounts_nor_metrics(client: Client, posthog: PostHog) -> None:
    many = [f"{number}" for number in range(300)]
    fill(posthog, many)
    posthog.project.capture(history(many[:50], seed=2, days=5))
    six = {f"m{n}": {"label": "M", "measure": "count", "event": f"e{n}"} for n in range(6)}

    reading, _ = read(client, config(metrics=six), AT, settled(client, config(metrics=six)))

    assert reading.calls == 4


def test_without_events_only_accounts_are_read(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    levels = {"storage": {"label": "Storage", "measure": "level", "group_property": "gb"}}

    reading, _ = read(client, config(metrics=levels, signals={}), AT, ReadState())

    assert asked(posthog) == ["headroom_facts"]
    assert len(reading.accounts) == len(KEYS)


def test_too_heavy_windows_are_halved_and_the_size_is_kept(client: Client, posthog: PostHog, clock: Clock) -> None:
    fill(posthog)
    events = history(KEYS, seed=3, days=95)
    posthog.project.capture(events)
    posthog.answers.heavy = Heavy(max_days=36)
    paused = replace(settled(client, config()), filled_until=days(40)[0])

    reading, state = read(client, config(), AT, paused)

    assert len(reading.days_read) == 41
    assert told(reading) == Expected(events).counts(reading.days_read, "api", "api v2")
    assert told(reading, "seats") == Expected(events).people_levels(reading.days_read)
    assert (state.late, state.daily, state.windows) == (Sizes(days=25), Sizes(days=21), Sizes(days=6))
    assert clock.slept == []

    posthog.forget_calls()
    read(client, config(), AT, replace(state, filled_until=days(40)[0]))
    assert all(call.status == 200 for call in posthog.calls)


def test_once_a_day_more_is_tried_again(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    state = replace(settled(client, counts_only()), daily=Sizes(days=2, shards=4), windows=Sizes(days=70))

    _, hour_later = read(client, counts_only(), AT + timedelta(hours=1), state)
    _, day_later = read(client, counts_only(), AT + timedelta(days=1), hour_later)

    assert hour_later.daily == Sizes(days=2, shards=4)
    assert (day_later.daily, day_later.windows) == (Sizes(days=4, shards=2), Sizes())


def test_what_no_window_makes_light_is_read_in_shards(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    events = history(KEYS, seed=4, days=40)
    posthog.project.capture(events)
    posthog.answers.heavy = Heavy(max_days=20, estimate_days=25)  # people are counted over 30 days and more

    reading, state = read(client, config(), AT, settled(client, config()))

    assert told(reading) == Expected(events).counts(reading.days_read, "api", "api v2")
    assert reading.windows["seats"] == {key: Expected(events).people_in_period(key, None) for key in KEYS}
    assert reading.windows["gb"] == pytest.approx({key: Expected(events).trailing_sum(key) for key in KEYS})
    assert (state.late.days, state.daily, state.windows) == (11, Sizes(), Sizes(days=1, shards=2))


@pytest.mark.parametrize("failing", range(5))
def test_one_call_that_fails_for_good_fails_the_reading(client: Client, posthog: PostHog, failing: int) -> None:
    fill(posthog)
    fresh = replace(settled(client, counts_only()), group_index=None)
    posthog.faults.add("/api/projects/1/*", status(500), times=None, skip=failing)

    with pytest.raises(ReadFailedError, match="status 500") as caught:
        read(client, counts_only(), AT, fresh)

    assert not caught.value.permanent
    assert isinstance(caught.value.__cause__, PostHogError)


def test_a_refused_key_is_told_as_lasting(connect: Callable[[str], Client]) -> None:
    with pytest.raises(ReadFailedError, match="POSTHOG_API_KEY") as caught:
        read(connect("phx_wrong"), counts_only(), AT, ReadState())

    assert caught.value.permanent


def test_an_account_that_only_events_know_is_told_and_not_made_up(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    posthog.project.capture([api("stray", timedelta(days=1)), api(KEYS[0], timedelta(days=1))])

    reading, _ = read(client, config(), AT, settled(client, config()))

    assert {account for account, _ in told(reading)} == {KEYS[0]}
    assert set(reading.windows["seats"]) == set(KEYS)
    [problem] = [problem for problem in reading.problems if problem.what == "unknown_account"]
    assert "'stray'" in problem.detail


TEXTS = [None] * 5  # facts that an account lacks


def facts_answer(*rows: list[object]) -> str:
    columns = ["account", *(f"f{place}" for place in range(len(rows[0]) - 1))]
    return json.dumps({"columns": columns, "results": rows, "timezone": "Europe/Berlin"})


GOOD = ["b", ["2026-11-20", "2026-11-21"], [1, 2], 0, "2026-11-21T10:00:00+01:00"]


@pytest.mark.parametrize(
    "bad",
    [
        ["a", ["2026-11-20"], [1]],
        ["a", ["2026-11-20"], [1, 2], 0, None],
        ["a", ["2026-11-20"], ["many"], 0, None],
        ["a", ["2026-11-20"], [None], 0, None],
        ["a", ["20 Nov"], [1], 0, None],
        ["a", "2026-11-20", [1], 0, None],
        ["a", ["2026-11-20"], [1], None, None],
        ["a", ["2026-11-20"], [1], 0, "yesterday"],
        ["a", ["2026-11-20"], [1], 0, "9999-12-31T23:59:59-10:00"],
        ["a", ["2026-11-20"], [10**401], 0, None],
        ["a", ["2026-11-20"], [1], 10**401, None],
        ["a", ["2026-11-20"], [1], "1e400", None],
        [None, ["2026-11-20"], [1], 0, None],
        ["x" * 401, ["2026-11-20"], [1], 0, None],
        "a",
        {},
    ],
)
def test_a_malformed_row_sets_its_account_aside_and_no_other(client: Client, posthog: PostHog, bad: object) -> None:
    fill(posthog, ["a", "b", "c"])
    columns = ["account", "days", "vs0", "bs0", "ls0"]
    answer = {"columns": columns, "results": [bad, GOOD], "timezone": "Europe/Berlin"}
    posthog.faults.add(QUERY, body(json.dumps(answer)), skip=1)

    reading, _ = read(client, counts_only(), AT, ReadState())

    known = isinstance(bad, list) and bad[0] == "a"
    [problem] = reading.problems
    assert problem.what == "malformed_row"
    assert problem.account == ("a" if known else bad[0][:80] if isinstance(bad, list) and bad[0] else None)
    assert [account.key for account in reading.accounts] == (["b", "c"] if known else ["a", "b", "c"])
    assert told(reading) == {("b", days(2)[0]): 1, ("b", days(1)[0]): 2}
    assert set(reading.active_people) == {account.key for account in reading.accounts}


@pytest.mark.parametrize("key", ["a\0b", "a\ud800b", "\udfff"])
def test_a_key_that_cannot_be_stored_is_named_and_left_out(client: Client, posthog: PostHog, key: str) -> None:
    fill(posthog)
    posthog.faults.add(QUERY, body(facts_answer([key, *TEXTS], ["b", *TEXTS])))

    reading, _ = read(client, counts_only(), AT, settled(client, counts_only()))

    assert [account.key for account in reading.accounts] == ["b"]
    [problem] = reading.problems
    shown = re.sub("[\0\ud800-\udfff]", "\ufffd", key)
    assert (problem.what, problem.account) == ("malformed_row", shown)


@pytest.mark.parametrize("told", ["1e999999", "1e15", "-1e300", "1e-999999", "0e999999"])
def test_an_amount_that_nobody_pays_is_none(client: Client, posthog: PostHog, told: str) -> None:
    posthog.project.set_groups("company", {"a": {"arr": told}, "b": {"arr": "999999999999999.99"}})

    reading, _ = read(client, counts_only(), AT, settled(client, counts_only()))

    assert [account.arr for account in reading.accounts] == [None, Decimal("999999999999999.99")]
    assert [(problem.what, problem.account) for problem in reading.problems] == [("impossible_value", "a")]


def test_usage_that_nobody_has_is_left_out_and_told(client: Client, posthog: PostHog) -> None:
    fill(posthog, ["a", "b"])
    huge = ["a", ["2026-11-20", "2026-11-21"], [1e308, 7], 0, None]
    answer = {"columns": ["account", "days", "vs0", "bs0", "ls0"], "results": [huge, GOOD], "timezone": "Europe/Berlin"}
    posthog.faults.add(QUERY, body(json.dumps(answer)), skip=1)

    reading, _ = read(client, counts_only(), AT, ReadState())

    assert told(reading) == {("a", days(1)[0]): 7, ("b", days(2)[0]): 1, ("b", days(1)[0]): 2}
    assert reading.bad_values == {"api": {"a": 1}}
    assert [(one.what, one.account, one.metric) for one in reading.problems] == [("impossible_value", "a", "api")]


def test_an_event_with_an_impossible_amount_is_left_out(client: Client, posthog: PostHog) -> None:
    fill(posthog, ["a"])
    only = config(metrics={"gb": {"label": "GB", "measure": "sum", "event": "data", "property": "gb"}}, signals={})
    amounts = (1e15, 1e14)
    posthog.project.capture(
        [Event("data", "p", AT - timedelta(days=1), {"gb": amount}, {"company": "a"}) for amount in amounts]
    )

    reading, _ = read(client, only, AT, settled(client, only))

    assert told(reading, "gb") == {("a", days(1)[0]): 1e14}
    assert reading.bad_values == {"gb": {"a": 1}}


def test_other_columns_than_asked_for_fail_the_reading(client: Client, posthog: PostHog) -> None:
    posthog.faults.add(QUERY, body(json.dumps({"columns": ["a"], "results": [], "timezone": "UTC"})))

    with pytest.raises(ReadFailedError, match="other columns"):
        read(client, counts_only(), AT, ReadState())


def test_progress_reaches_its_end(client: Client, posthog: PostHog) -> None:
    fill(posthog)
    seen: list[tuple[str, int, int]] = []

    read(client, counts_only(), AT, ReadState(), lambda *step: seen.append(step))

    assert seen == [("accounts", 1, 1), ("daily usage", 91, 91), ("people and pages", 1, 1)]


def domain_config() -> Config:
    return config(
        account={"by": "email_domain", "name": "company", "plan": "plan"},
        metrics={
            "api": {"label": "API", "measure": "count", "event": "api"},
            "seats": {"label": "Seats", "measure": "people", "event": "api", "window": "trailing_30d"},
        },
        signals={},
    )


def test_accounts_by_email_domain(client: Client, posthog: PostHog, clock: Clock) -> None:
    posthog.project.set_person("1", {"email": "Ann@Acme.example", "company": "Old name", "plan": "starter"})
    clock.sleep(60)
    posthog.project.set_person("2", {"email": "bob@acme.example", "company": 'The "new" name'})
    posthog.project.set_person("3", {"email": "eve@gmail.com", "company": "Nobody"})
    posthog.project.set_person("4", {"email": "no address"})
    posthog.project.set_person("5", {"company": "None"})
    posthog.project.set_person("6", {"email": "zoe@b.example"})
    posthog.project.capture(
        [Event("api", person, AT - timedelta(days=1, minutes=int(person)), {}) for person in "1122345"]
    )

    reading, _ = read(client, domain_config(), AT, settled(client, domain_config()))

    assert [(a.key, a.name, a.domain, a.plan) for a in reading.accounts] == [
        ("acme.example", 'The "new" name', "acme.example", "starter"),
        ("b.example", "b.example", "b.example", None),
    ]
    assert told(reading) == {("acme.example", days(1)[0]): 4}
    assert reading.windows["seats"] == {"acme.example": 2, "b.example": 0}
    assert reading.problems == ()


def test_properties_that_posthog_has_given_a_type(client: Client, posthog: PostHog) -> None:
    """PostHog types a property by what it saw first; text in a number then comes as nothing at all."""
    fill(posthog)
    events = history(KEYS, seed=5, days=4)
    posthog.project.capture(events)
    posthog.project.define_property("event", "gb", "Numeric")
    posthog.project.define_property("event", "used", "Numeric")
    posthog.project.define_property("event", "feature", "Boolean")
    posthog.project.define_property("event", "$session_id", "Numeric")

    reading, _ = read(client, config(), AT, settled(client, config()))

    assert told(reading, "gb") == Expected(events).sums(reading.days_read)
    assert told(reading, "disk") == Expected(events).last_levels(reading.days_read)


def test_of_a_long_text_the_beginning_is_read_and_all_of_it_can_be_stored(client: Client, posthog: PostHog) -> None:
    posthog.project.set_groups("company", {"a": {"name": "n" * 100_000, "plan": "p\0" * 1000, "api_limit": "9" * 5000}})
    seen = [
        ("gate", {"feature": "sso \0" + "f" * 100_000}),
        ("$pageview", {"$pathname": "/billing/" + "x" * 100_000, "$session_id": "s" * 100_000}),
    ]
    posthog.project.capture([Event(name, "p", AT - timedelta(days=1), how, {"company": "a"}) for name, how in seen])

    reading, _ = read(client, config(), AT, settled(client, config()))

    (account,), (lock,), (visit,) = reading.accounts, reading.lockouts, reading.billing_visits
    assert account.name == "n" * 240
    assert account.plan == "p\ufffd" * 120
    assert account.limits == {"api": "9" * 240}
    assert re.fullmatch("sso \ufffdf{150,240}", lock.subject)
    assert (len(visit.subject), len(visit.session)) == (240, 240)
    assert len(json.dumps(client.query("size", *_asked_for(posthog, "windows")).rows)) < 2000


def _asked_for(posthog: PostHog, name: str) -> tuple[str, dict[str, Any]]:
    """The text and the values of the query that was asked."""
    bodies = [call.request.json() for call in posthog.calls if call.path == QUERY]
    query = next(body["query"] for body in bodies if body["name"] == f"headroom_{name}")
    return query["query"], query["values"]
