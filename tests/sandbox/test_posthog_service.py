"""The service around the queries: keys, rates, the cache, what is too heavy, and the REST look-ups."""

# ruff: noqa: S608 - these tests write HogQL

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sandbox import faults
from sandbox.posthog import Event, PostHog
from sandbox.posthog.heavy import Heavy
from tests.sandbox.asking import Asking


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def posthog(time: Time) -> Iterator[PostHog]:
    with PostHog(time, timezone="America/New_York") as server:
        server.project.capture([Event("seen", "u1", time.now - timedelta(hours=1), {"page": "/"}, {"company": "acme"})])
        yield server
        assert server.errors == []


@pytest.fixture
def ask(posthog: PostHog) -> Iterator[Asking]:
    with Asking(posthog) as asking:
        yield asking


def said(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    assert set(body) == {"type", "code", "detail", "attr"}
    return response.status_code, body["code"], body["detail"]


@pytest.mark.parametrize("key", ["phx_wrong", "phc_project_token"])
def test_a_wrong_key_is_refused(ask: Asking, key: str) -> None:
    ask.use(key)
    status, code, detail = said(ask.ask("select 1"))
    assert (status, code) == (401, "authentication_failed")
    assert detail == "Personal API key found in request Authorization header is invalid."


def test_no_key_is_refused(posthog: PostHog) -> None:
    response = httpx.post(f"{posthog.url}/api/projects/1/query/", json={})
    assert said(response)[:2] == (401, "not_authenticated")


def test_a_missing_scope_is_named(posthog: PostHog, ask: Asking) -> None:
    posthog.keys.scopes["phx_small"] = frozenset({"group:read"})
    ask.use("phx_small")
    assert said(ask.ask("select 1")) == (403, "permission_denied", "API key missing required scope 'query:read'")
    assert ask.http.get("/api/projects/1/groups_types/").status_code == 200


def test_another_project_is_not_found(ask: Asking) -> None:
    assert ask.http.get("/api/projects/2/").status_code == 404


def test_unknown_keys_of_a_request_are_refused(ask: Asking) -> None:
    query = {"kind": "HogQLQuery", "query": "select 1"}
    assert ask.http.post("/api/projects/1/query/", json={"query": query, "limit": 5}).status_code == 400
    assert ask.http.post("/api/projects/1/query/", json={"query": {**query, "offset": 5}}).status_code == 400
    assert ask.http.post("/api/projects/1/query/", json={"query": query, "refresh": "now"}).status_code == 400
    assert ask.http.post("/api/projects/1/query/", content=b"{").status_code == 400
    assert ask.http.post("/api/environments/1/query/", json={"query": query, "name": "a"}).status_code == 200


def test_an_answer_is_kept_for_six_hours_unless_forced(posthog: PostHog, ask: Asking, time: Time) -> None:
    count = "select count() from events"
    assert ask.answer(count, refresh="blocking")["results"] == [[1]]
    posthog.project.capture([Event("seen", "u2", time.now, {}, {"company": "acme"})])
    kept = ask.answer(count, refresh="blocking")
    assert (kept["results"], kept["is_cached"]) == ([[1]], True)
    time.now += timedelta(hours=6, minutes=1)
    assert ask.answer(count, refresh="blocking")["results"] == [[2]]
    posthog.project.capture([Event("seen", "u3", time.now, {}, {"company": "acme"})])
    assert ask.answer(count, refresh="force_blocking")["results"] == [[3]]


def test_an_asynchronous_query_is_polled(ask: Asking) -> None:
    started = ask.ask("select 7 as seven", refresh="force_async")
    assert started.status_code == 202
    status = started.json()["query_status"]
    assert status["complete"] is False
    done = ask.http.get(f"/api/projects/1/query/{status['id']}/").json()["query_status"]
    assert (done["complete"], done["results"]["results"]) == (True, [[7]])
    failed = ask.ask("select nothing", refresh="force_async").json()["query_status"]["id"]
    assert ask.http.get(f"/api/projects/1/query/{failed}/").status_code == 400


def test_too_many_a_minute_are_told_when_to_come_back(posthog: PostHog, ask: Asking) -> None:
    posthog.limits.per_minute = 2
    assert [ask.ask("select 1").status_code for _ in range(2)] == [200, 200]
    throttled = ask.ask("select 1")
    wait = int(throttled.headers["retry-after"])
    assert said(throttled) == (429, "throttled", f"Request was throttled. Expected available in {wait} seconds.")
    assert 0 < wait <= 60


def test_a_fourth_query_at_once_is_refused_without_a_time(posthog: PostHog, ask: Asking) -> None:
    posthog.limits.queue_seconds = 0.05
    with posthog.limits.slot(), posthog.limits.slot():
        assert ask.ask("select 1").status_code == 200
        with posthog.limits.slot():
            refused = ask.ask("select 1")
    assert refused.status_code == 429
    assert "Exceeded maximum concurrency limit: 3" in refused.json()["detail"]
    assert "retry-after" not in refused.headers
    assert ask.ask("select 1").status_code == 200


WINDOW = "timestamp >= toDateTime({a}) and timestamp < toDateTime({b})"
LONG = {"a": "2026-10-01T00:00:00Z", "b": "2026-11-01T00:00:00Z"}
SHORT = {"a": "2026-10-25T00:00:00Z", "b": "2026-11-01T00:00:00Z"}


def test_a_long_window_is_too_heavy_until_halved_or_sharded(posthog: PostHog, ask: Asking) -> None:
    posthog.answers.heavy = Heavy(max_days=10, estimate_days=50)
    count = f"select count() from events where event = 'seen' and ({WINDOW})"
    assert said(ask.ask(count, **LONG))[0] == 504
    assert ask.ask(count, **SHORT).status_code == 200
    assert ask.ask(f"{count} and cityHash64($group_0) % 4 = 0", **LONG).status_code == 200
    assert ask.ask(f"select n from ({count.replace('count()', 'count() as n')}) limit 1", **LONG).status_code == 504
    two = f"({WINDOW}) or (timestamp >= toDateTime('2026-11-15T00:00:00Z') and timestamp < now())"
    assert ask.ask(f"select count() from events where {two}", **SHORT).status_code == 504
    assert ask.ask("select count() from events").status_code == 512
    assert ask.ask("select count() from groups").status_code == 200
    assert ask.ask(count, refresh="force_async", **LONG).status_code == 202


@pytest.mark.parametrize(
    ("status", "code"), [(402, "payment_required"), (503, "error"), (504, "error"), (500, "error")]
)
def test_faults_speak_as_posthog_does(posthog: PostHog, ask: Asking, status: int, code: str) -> None:
    posthog.faults.add("POST */query/", faults.status(status))
    assert said(ask.ask("select 1"))[:2] == (status, code)
    assert ask.ask("select 1").status_code == 200


def test_the_project_its_time_zone_and_group_types(ask: Asking) -> None:
    assert ask.http.get("/api/projects/1/").json()["timezone"] == "America/New_York"
    (kind,) = ask.http.get("/api/projects/1/groups_types/").json()
    assert (kind["group_type"], kind["group_type_index"]) == ("company", 0)
    assert ask.http.get("/api/users/@me/").status_code == 200


def test_definitions_are_paged_and_searched(posthog: PostHog, ask: Asking, time: Time) -> None:
    posthog.project.capture(Event(f"event {number}", "u1", time.now) for number in range(3))
    first = ask.http.get("/api/projects/1/event_definitions/", params={"limit": 3}).json()
    assert (first["count"], len(first["results"])) == (4, 3)
    second = ask.http.get(first["next"]).json()
    assert [one["name"] for one in second["results"]] == ["seen"]
    assert second["next"] is None
    found = ask.http.get("/api/projects/1/event_definitions/", params={"search": "event 2"}).json()["results"]
    assert [one["name"] for one in found] == ["event 2"]


def test_property_definitions_by_owner(posthog: PostHog, ask: Asking) -> None:
    posthog.project.set_group("company", "acme", {"plan": "starter", "seats": 5})
    posthog.project.define_property("group_0", "seats", "Numeric")
    params = {"type": "group", "group_type_index": "0"}
    found = ask.http.get("/api/projects/1/property_definitions/", params=params).json()["results"]
    assert [(one["name"], one["property_type"]) for one in found] == [("plan", "String"), ("seats", "Numeric")]
    (seen,) = ask.http.get("/api/projects/1/property_definitions/").json()["results"]
    assert (seen["name"], seen["property_type"]) == ("page", "String")
