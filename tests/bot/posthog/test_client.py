"""The client under every answer that PostHog, and the network in between, can give."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.posthog.client import Client
from bot.posthog.errors import PostHogError, TooHeavyError
from bot.posthog.failures import LONGEST_WAIT
from bot.posthog.groups import group_index
from sandbox.faults import Fault, apply_then_drop, body, drop, status, truncate
from sandbox.posthog.server import PostHog
from tests.bot.posthog.conftest import Clock

QUERY = "/api/projects/1/query/"


def ask(client: Client) -> list[list[int]]:
    return client.query("test", "select 1 as one", {}).rows


def test_asks_for_a_fresh_answer_with_values_beside_the_text(client: Client, posthog: PostHog) -> None:
    result = client.query("test", "select {word} as word, {words} as words", {"word": "it's {x}", "words": ["a", "'"]})

    assert result.rows == [["it's {x}", ["a", "'"]]]
    assert (result.columns, result.timezone, result.has_more) == (["word", "words"], "Europe/Berlin", False)
    sent = posthog.calls[0].request.json()
    assert sent["refresh"] == "force_blocking"
    assert sent["name"] == "headroom_test"
    assert sent["client_query_id"]
    assert client.calls == 1


@pytest.mark.parametrize(
    ("retry_after", "slept"), [(7, 7), (0, 1), (9000, LONGEST_WAIT), (-3, 30)], ids=["usual", "zero", "huge", "absurd"]
)
def test_throttled_it_sleeps_as_long_as_told_within_reason(
    client: Client, posthog: PostHog, clock: Clock, retry_after: float, slept: float
) -> None:
    posthog.faults.add(QUERY, status(429, retry_after=retry_after), times=2)

    assert ask(client) == [[1]]
    assert clock.slept == [slept, slept]
    assert client.calls == 3


def test_without_retry_after_it_backs_off_for_longer_and_longer(client: Client, posthog: PostHog, clock: Clock) -> None:
    posthog.faults.add(QUERY, status(429), times=4)

    assert ask(client) == [[1]]
    assert len(clock.slept) == 4
    assert all(5 <= seconds <= 30 for seconds in clock.slept)
    assert len(set(clock.slept)) == 4


@pytest.mark.parametrize(("code", "times"), [(500, 2), (502, 3), (503, 4), (429, 5)])
def test_what_passes_is_asked_again(client: Client, posthog: PostHog, code: int, times: int) -> None:
    posthog.faults.add(QUERY, status(code), times=times)

    assert ask(client) == [[1]]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_what_does_not_pass_is_given_up(client: Client, posthog: PostHog, code: int) -> None:
    posthog.faults.add(QUERY, status(code), times=None)

    with pytest.raises(PostHogError) as caught:
        ask(client)

    assert not caught.value.permanent
    assert client.calls <= 6


@pytest.mark.parametrize("code", [504, 512])
def test_too_heavy_is_never_asked_again_as_it_is(client: Client, posthog: PostHog, code: int) -> None:
    posthog.faults.add(QUERY, status(code))

    with pytest.raises(TooHeavyError):
        ask(client)

    assert client.calls == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (400, "headroom.toml"),
        (401, "POSTHOG_API_KEY"),
        (402, "billing limit"),
        (403, "scope query:read"),
        (404, "POSTHOG_PROJECT_ID"),
        (302, "POSTHOG_HOST"),
        (418, "status 418"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_mend(client: Client, posthog: PostHog, code: int, words: str) -> None:
    posthog.faults.add(QUERY, status(code))

    with pytest.raises(PostHogError, match=words) as caught:
        ask(client)

    assert caught.value.permanent
    assert client.calls == 1


def test_a_missing_scope_is_named(connect: Callable[[str], Client], posthog: PostHog) -> None:
    posthog.keys.scopes["phx_narrow"] = frozenset({"group:read"})

    with pytest.raises(PostHogError, match="lacks the scope query:read"):
        ask(connect("phx_narrow"))


def test_a_project_token_is_told_apart_before_it_is_sent(connect: Callable[[str], Client], posthog: PostHog) -> None:
    with pytest.raises(PostHogError, match="personal API key"):
        ask(connect("phc_sandbox"))

    assert posthog.calls == []


@pytest.mark.parametrize("key", ["", "phx_1\n", "phx_ü"])
def test_what_cannot_be_a_key_is_not_sent(connect: Callable[[str], Client], posthog: PostHog, key: str) -> None:
    with pytest.raises(PostHogError, match="characters that no key has"):
        ask(connect(key))

    assert posthog.calls == []


def test_the_mistake_in_a_query_is_shown(client: Client) -> None:
    with pytest.raises(PostHogError, match=r"the query test as wrong: .*nonsense"):
        client.query("test", "select nonsense from events limit 1", {})


def test_the_key_is_in_no_message(connect: Callable[[str], Client], posthog: PostHog) -> None:
    key = "phx_very_secret"
    posthog.faults.add(QUERY, status(400, body={"detail": f"bad key {key}", "code": key}))

    with pytest.raises(PostHogError) as caught:
        ask(connect(key))

    assert key not in str(caught.value)
    assert key not in repr(connect(key))


@pytest.mark.parametrize("fault", [drop(), apply_then_drop(), truncate(), body('{"results": [')])
def test_an_answer_that_breaks_off_is_asked_for_again(client: Client, posthog: PostHog, fault: Fault) -> None:
    posthog.faults.add(QUERY, fault, times=2)

    assert ask(client) == [[1]]


@pytest.mark.parametrize("fault", [drop(), truncate()])
def test_an_answer_that_always_breaks_off_is_an_error(client: Client, posthog: PostHog, fault: Fault) -> None:
    posthog.faults.add(QUERY, fault, times=None)

    with pytest.raises(PostHogError, match=r"cannot be reached|could not be read"):
        ask(client)


def test_a_web_page_is_recognised(client: Client, posthog: PostHog) -> None:
    posthog.faults.add(QUERY, body("<!doctype html><title>Log in</title>"))

    with pytest.raises(PostHogError, match="web page") as caught:
        ask(client)

    assert caught.value.permanent


@pytest.mark.parametrize("code", [200, 400])
def test_lists_within_lists_without_end_are_an_error(client: Client, posthog: PostHog, code: int) -> None:
    posthog.faults.add(QUERY, body("[" * 200_000, code), times=None)

    with pytest.raises(PostHogError, match=r"not valid JSON|no explanation"):
        ask(client)


@pytest.mark.parametrize(
    "answer", [[], {"results": []}, {"columns": []}, {"error": "memory", "results": [], "columns": []}]
)
def test_an_answer_of_another_shape_is_an_error(client: Client, posthog: PostHog, answer: object) -> None:
    posthog.faults.add(QUERY, body(json.dumps(answer)))

    with pytest.raises(PostHogError, match="query test"):
        ask(client)


def test_the_time_for_an_evaluation_ends(client: Client, posthog: PostHog, clock: Clock) -> None:
    posthog.faults.add(QUERY, status(429, retry_after=100), times=None)

    with client.budget(timedelta(seconds=250)):
        with pytest.raises(PostHogError, match="used up"):
            ask(client)
        assert clock.slept == [100, 100]
        clock.sleep(100)
        with pytest.raises(PostHogError, match="used up"):
            ask(client)

    posthog.faults.clear()
    assert ask(client) == [[1]]


def test_lists_are_read_to_their_end(client: Client, posthog: PostHog) -> None:
    posthog.project.set_groups("company", {"a": {f"property_{n:03}": n for n in range(25)}})

    found = list(client.rest_list("property_definitions/", {"type": "group", "group_type_index": "0", "limit": "10"}))

    assert [item["name"] for item in found] == [f"property_{n:03}" for n in range(25)]
    assert client.calls == 3


def test_a_following_page_elsewhere_does_not_get_the_key(client: Client, posthog: PostHog) -> None:
    page = {"results": [{"name": "a"}], "next": "https://evil.example/?limit=1&offset=1"}
    posthog.faults.add("/api/projects/1/event_definitions/", body(json.dumps(page)))

    assert [item["name"] for item in client.rest_list("event_definitions/")] == ["a"]
    assert posthog.calls[1].request.query == {"limit": "1", "offset": "1"}


def test_the_project_tells_its_time_zone(client: Client) -> None:
    assert client.rest("")["timezone"] == "Europe/Berlin"


def test_a_wrong_group_type_is_answered_with_those_there_are(client: Client, posthog: PostHog) -> None:
    posthog.project.group_types = ["workspace", "company"]

    assert group_index(client, "company") == 1
    with pytest.raises(PostHogError, match="'team'; it has: company, workspace"):
        group_index(client, "team")
    posthog.project.group_types = []
    with pytest.raises(PostHogError, match="email_domain"):
        group_index(client, "team")
