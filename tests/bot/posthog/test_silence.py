"""An answer without rows is told apart from customers who use nothing."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.config import Config
from bot.posthog.client import Client
from bot.posthog.errors import ReadFailedError
from bot.posthog.reader import read
from bot.posthog.state import ReadState
from sandbox.faults import body
from sandbox.posthog.project import Event
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import AT, config, counts_only

QUERY = "/api/projects/1/query/"
HOUR = timedelta(hours=1)
KEYS = [f"account {number:02}" for number in range(24)]


def use(posthog: PostHog, keys: Iterable[str], ago: timedelta = timedelta(days=2)) -> None:
    keys = list(keys)
    posthog.project.set_groups("company", {key: {"name": key} for key in keys})
    posthog.project.capture([Event("api", key, AT - ago, {}, {"company": key}) for key in keys])


def settled(client: Client, posthog: PostHog, of: Config) -> ReadState:
    _, first = read(client, of, AT - HOUR, ReadState())
    _, state = read(client, of, AT, first)
    posthog.forget_calls()
    return state


def answer_only(posthog: PostHog, query: str, kept: int = 0) -> None:
    """From now on this query is answered with the first rows only, as it was answered last."""
    names = ["facts", "late", "daily", "windows"]
    posthog.faults.clear()
    call = posthog.calls[names.index(query)]
    answer = {**call.response, "results": call.response["results"][:kept]}
    posthog.faults.add(QUERY, body(json.dumps(answer)), skip=names.index(query))


def people_only() -> Config:
    return config(metrics={"seats": {"label": "Seats", "measure": "people", "event": "api"}}, signals={})


@pytest.mark.parametrize("fleet", [1, 24])
@pytest.mark.parametrize("query", ["facts", "daily", "windows"])
def test_an_empty_answer_is_no_fall_to_zero(client: Client, posthog: PostHog, query: str, fleet: int) -> None:
    use(posthog, KEYS[:fleet])
    state = settled(client, posthog, counts_only())
    _, state = read(client, counts_only(), AT, state)

    answer_only(posthog, query)
    with pytest.raises(ReadFailedError, match=f"with nothing where there had been {fleet} account") as caught:
        read(client, counts_only(), AT + HOUR, state)

    assert not caught.value.permanent
    assert caught.value.remember == replace(state, doubted={query: (AT + HOUR).isoformat()})


@pytest.mark.parametrize(("kept", "believed"), [(11, False), (12, True)])
@pytest.mark.parametrize("query", ["facts", "daily", "windows"])
def test_half_of_many_is_not_believed(client: Client, posthog: PostHog, query: str, kept: int, believed: bool) -> None:
    use(posthog, KEYS)
    state = settled(client, posthog, counts_only())
    _, state = read(client, counts_only(), AT, state)

    answer_only(posthog, query, kept)
    if believed:
        read(client, counts_only(), AT + HOUR, state)
    else:
        with pytest.raises(ReadFailedError, match="with 11 where there had been 24 accounts"):
            read(client, counts_only(), AT + HOUR, state)


def test_what_stays_the_same_for_a_day_is_believed(client: Client, posthog: PostHog) -> None:
    use(posthog, KEYS)
    state = settled(client, posthog, counts_only())
    read(client, counts_only(), AT, state)

    for hours in (1, 12, 24):
        answer_only(posthog, "daily")
        with pytest.raises(ReadFailedError) as caught:
            read(client, counts_only(), AT + hours * HOUR, state)
        assert caught.value.remember is not None
        state = ReadState.from_json(caught.value.remember.to_json())
        assert state.watermark == AT
    answer_only(posthog, "daily")
    _, after = read(client, counts_only(), AT + 25 * HOUR, state)

    assert after.doubted == {}
    assert after.watermark == AT + 25 * HOUR


def test_a_good_answer_in_between_begins_the_day_anew(client: Client, posthog: PostHog) -> None:
    use(posthog, KEYS)
    state = settled(client, posthog, counts_only())
    _, state = read(client, counts_only(), AT, replace(state, doubted={"daily": (AT - 23 * HOUR).isoformat()}))
    assert state.doubted == {}

    answer_only(posthog, "daily")
    with pytest.raises(ReadFailedError):
        read(client, counts_only(), AT + 2 * HOUR, state)


def test_another_doubt_has_a_day_of_its_own(client: Client, posthog: PostHog) -> None:
    use(posthog, KEYS)
    state = settled(client, posthog, counts_only())
    _, state = read(client, counts_only(), AT, state)

    answer_only(posthog, "windows")
    doubted = replace(state, doubted={"daily": (AT - 30 * HOUR).isoformat()})
    with pytest.raises(ReadFailedError, match="people and pages") as caught:
        read(client, counts_only(), AT + HOUR, doubted)

    assert caught.value.remember is not None
    assert set(caught.value.remember.doubted) == {"windows"}


def test_people_of_one_account_do_not_vanish_from_past_days(client: Client, posthog: PostHog) -> None:
    use(posthog, KEYS[:1])
    state = settled(client, posthog, people_only())
    read(client, people_only(), AT, state)
    names = [call.request.json()["name"] for call in posthog.calls]
    call = posthog.calls[names.index("headroom_windows")]
    posthog.faults.add(QUERY, body(json.dumps({**call.response, "results": []})), skip=len(names) - 1)

    with pytest.raises(ReadFailedError, match="people and pages"):
        read(client, people_only(), AT + HOUR, state)


@pytest.mark.parametrize("later", [timedelta(days=1), timedelta(days=3), timedelta(days=6), timedelta(days=45)])
@pytest.mark.parametrize("fleet", [3, 24])
def test_customers_who_fall_silent_are_believed(client: Client, posthog: PostHog, later: timedelta, fleet: int) -> None:
    """A fleet whose every day is silent from some day on: nothing of the past is missing."""
    use(posthog, KEYS[:fleet], ago=timedelta(hours=5))
    state = settled(client, posthog, counts_only())

    if later > timedelta(days=30) and fleet > 3:  # many at once, in the same hour: a day's delay
        with pytest.raises(ReadFailedError, match="people and pages"):
            read(client, counts_only(), AT + later, state)
    else:
        reading, _ = read(client, counts_only(), AT + later, state)
        assert len(reading.accounts) == fleet


def test_a_customer_who_leaves_and_a_look_at_an_hour_ago_are_believed(client: Client, posthog: PostHog) -> None:
    use(posthog, KEYS)
    state = settled(client, posthog, counts_only())
    read(client, counts_only(), AT, state)
    answer_only(posthog, "facts", kept=23)
    read(client, counts_only(), AT + HOUR, state)

    posthog.faults.clear()
    read(client, counts_only(), AT - 12 * HOUR, state)


def test_a_state_of_an_older_version_has_nothing_to_compare_with(client: Client, posthog: PostHog) -> None:
    use(posthog, KEYS)
    stored = settled(client, posthog, counts_only()).to_json()
    del stored["rows"], stored["doubted"]
    state = ReadState.from_json(stored)
    assert state.watermark == AT
    read(client, counts_only(), AT, state)

    answer_only(posthog, "daily")
    read(client, counts_only(), AT + HOUR, state)
