"""The sandbox's Pipedrive is as strict as the real one, by a caller that knows nothing of our adapter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox import faults
from sandbox.pipedrive import TOKEN, PipedriveServer
from sandbox.pipedrive.oauth import FIRST_REFRESH_TOKEN
from sandbox.server import Request, Response, Server
from sandbox.world import eventually


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[PipedriveServer]:
    with PipedriveServer(clock) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def client(server: PipedriveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"x-api-token": TOKEN}) as client:
        yield client


def post(client: httpx.Client, path: str, body: Any) -> Any:
    return client.post(path, json=body).raise_for_status().json()["data"]


def test_a_wrong_token_is_refused_in_pipedrives_words(client: httpx.Client) -> None:
    answer = client.get("/api/v1/users/me", headers={"x-api-token": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized access"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", 5),
        ("value", "12"),
        ("value", True),
        ("org_id", "1"),
        ("owner_id", 99),
        ("owner_id", 3),
        ("currency", "XXX"),
        ("pipeline_id", 9),
        ("stage_id", 9),
        ("expected_close_date", "31.12.2026"),
        ("expected_close_date", "2026-13-01"),
        ("user_id", 1),
        ("custom_fields", []),
    ],
)
def test_a_wrong_field_is_refused_by_name(client: httpx.Client, field: str, value: Any) -> None:
    answer = client.post("/api/v2/deals", json={"title": "x", field: value})
    assert answer.status_code == 400
    assert answer.json()["field_code"] == field


def test_a_deal_needs_a_title_and_known_custom_fields(client: httpx.Client) -> None:
    assert client.post("/api/v2/deals", json={}).json()["field_code"] == "title"
    code = post(client, "/api/v2/dealFields", {"field_name": "Key", "field_type": "varchar"})["field_code"]
    assert len(code) == 40
    assert post(client, "/api/v2/deals", {"title": "x", "custom_fields": {code: "k"}})["custom_fields"] == {code: "k"}
    assert client.post("/api/v2/deals", json={"title": "x", "custom_fields": {"0" * 40: "k"}}).status_code == 400


def test_a_stage_brings_its_pipeline(client: httpx.Client) -> None:
    assert post(client, "/api/v2/deals", {"title": "x", "stage_id": 2})["pipeline_id"] == 2
    assert client.post("/api/v2/deals", json={"title": "x", "stage_id": 2, "pipeline_id": 1}).status_code == 400


def test_lists_are_paged_by_cursor_and_leave_out_what_is_gone(server: PipedriveServer, client: httpx.Client) -> None:
    for number in range(5):
        server.records.add_deal({"title": str(number)})
    server.records.deals[1]["is_archived"] = True
    server.records.deals[2]["is_deleted"] = True
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = client.get("/api/v2/deals", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [row["title"] for row in body["data"]]
        cursor = body["additional_data"]["next_cursor"]
    assert seen == ["2", "3", "4"]
    assert [row["id"] for row in client.get("/api/v2/deals", params={"status": "deleted"}).json()["data"]] == [2]
    assert [row["id"] for row in client.get("/api/v2/deals/archived").json()["data"]] == [1]
    assert client.get("/api/v2/deals", params={"limit": 501}).status_code == 400
    assert client.patch("/api/v2/deals/1", json={"value": 1}).status_code == 403
    assert client.patch("/api/v2/deals/2", json={"value": 1}).status_code == 404


def test_the_search_is_late_and_the_list_is_not(server: PipedriveServer, client: httpx.Client, clock: Clock) -> None:
    server.records.search_lag = timedelta(seconds=30)
    post(client, "/api/v2/organizations", {"name": "Acme"})
    search = {"term": "ACME", "fields": "name", "exact_match": "true"}
    assert client.get("/api/v2/organizations/search", params=search).json()["data"]["items"] == []
    assert [row["name"] for row in client.get("/api/v2/organizations").json()["data"]] == ["Acme"]
    clock.at += timedelta(seconds=31)
    assert len(client.get("/api/v2/organizations/search", params=search).json()["data"]["items"]) == 1
    assert client.get("/api/v2/organizations/search", params={"term": "a"}).status_code == 400


def test_bursts_are_refused_and_hammering_shuts_the_door(
    server: PipedriveServer, client: httpx.Client, clock: Clock
) -> None:
    server.limits.burst = 2
    answers = [client.get("/api/v1/users/me") for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200, 200, *[429] * 5, 403, 403]
    assert answers[2].headers["x-ratelimit-remaining"] == "0"
    assert answers[-1].text.startswith("<html>")
    clock.at += timedelta(seconds=3)
    assert client.get("/api/v1/users/me").status_code == 200


def test_the_days_budget_runs_out(server: PipedriveServer, client: httpx.Client) -> None:
    server.limits.budget = 20
    assert client.get("/api/v1/users").status_code == 200
    answer = client.get("/api/v1/users/me")
    assert (answer.status_code, answer.headers["x-daily-requests-left"]) == (429, "0")


def test_notes_are_sanitised_and_paged_by_offset(client: httpx.Client) -> None:
    deal = post(client, "/api/v2/deals", {"title": "x"})["id"]
    for text in ("<p>one</p><script>bad()</script>", "two", "three"):
        post(client, "/api/v1/notes", {"content": text, "deal_id": deal, "pinned_to_deal_flag": 1})
    body = client.get("/api/v1/notes", params={"deal_id": deal, "limit": 2}).json()
    assert [row["content"] for row in body["data"]] == ["<p>one</p>", "two"]
    assert body["additional_data"]["pagination"]["next_start"] == 2
    assert client.post("/api/v1/notes", json={"content": "x"}).status_code == 400
    assert (
        client.post("/api/v1/notes", json={"content": "x", "deal_id": 1, "pinned_to_deal_flag": True}).status_code
        == 400
    )


def test_parameters_that_it_does_not_know_are_refused(client: httpx.Client) -> None:
    answer = client.get("/api/v2/deals", params={"organisation": 1})
    assert (answer.status_code, answer.json()["field_code"]) == (400, "organisation")
    for odd in ({"status": "gone"}, {"cursor": "?"}, {"org_id": ""}, {"ids": "a"}, {"sort_by": "title"}):
        assert client.get("/api/v2/deals", params=odd).status_code == 400
    assert client.get("/api/v2/deals", params={"ids": ",".join(map(str, range(101)))}).status_code == 400


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("varchar", "x", "x" * 256),
        ("text", "x" * 256, 5),
        ("double", 1.5, "1.5"),
        ("monetary", {"value": 5, "currency": "EUR"}, 5),
        ("date", "2026-11-26", "26.11.2026"),
        ("enum", 1, "EU"),
        ("enum", 2, 3),
        ("set", [1, 2], []),
        ("set", None, 1),
    ],
)
def test_custom_fields_take_their_own_type(
    server: PipedriveServer, client: httpx.Client, kind: str, good: Any, bad: Any
) -> None:
    code = server.records.add_field("deal", "Theirs", kind, ("EU", "US") if kind in ("enum", "set") else ())[
        "field_code"
    ]
    assert post(client, "/api/v2/deals", {"title": "x", "custom_fields": {code: good}})["custom_fields"] == {code: good}
    answer = client.post("/api/v2/deals", json={"title": "x", "custom_fields": {code: bad}})
    assert (answer.status_code, answer.json()["field_code"]) == (400, code)


def test_requirements_of_fields_are_told_if_asked_for_and_bind_people_only(
    server: PipedriveServer, client: httpx.Client
) -> None:
    server.records.definitions.require(server.records.add_field("deal", "Region"), [2])
    assert "required_fields" not in client.get("/api/v2/dealFields").json()["data"][-1]
    rows = client.get("/api/v2/dealFields", params={"include_fields": "required_fields"}).json()["data"]
    assert [row["field_name"] for row in rows if row["required_fields"]["enabled"]] == ["Region"]
    assert rows[0]["field_code"] == "title"
    assert post(client, "/api/v2/deals", {"title": "x", "stage_id": 2})["custom_fields"] == {}


def test_an_activity_is_of_a_kind_in_use_and_can_be_deleted_once(client: httpx.Client) -> None:
    deal = post(client, "/api/v2/deals", {"title": "x"})["id"]
    made = post(client, "/api/v2/activities", {"subject": "Go", "type": "call", "deal_id": deal, "note": "<p>y</p>"})
    listed = client.get("/api/v2/activities", params={"deal_id": deal}).json()["data"]
    assert [(row["id"], row["note"], row["done"]) for row in listed] == [(made["id"], "<p>y</p>", False)]
    for odd in ({"type": "fax"}, {"due_date": "soon"}, {"done": 0}, {"person_id": 1}, {"deal_id": 99}):
        assert client.post("/api/v2/activities", json={"subject": "x", **odd}).status_code == 400
    path = f"/api/v2/activities/{made['id']}"
    assert [client.delete(path).status_code for _ in range(2)] == [200, 404]
    assert client.get("/api/v2/activities", params={"deal_id": deal}).json()["data"] == []


def test_people_move_win_lose_reopen_and_merge(server: PipedriveServer, client: httpx.Client) -> None:
    code = server.records.add_field("deal", "Key")["field_code"]
    one = post(client, "/api/v2/deals", {"title": "one", "stage_id": 2, "custom_fields": {code: "k"}})["id"]
    other = post(client, "/api/v2/deals", {"title": "other"})["id"]
    note = post(client, "/api/v1/notes", {"content": "x", "deal_id": one})["id"]
    people = server.people
    assert people.move(one, "Negotiation")["stage_id"] == 3
    assert people.edit(one, "Owner", 2)["owner_id"] == 2
    assert people.edit(one, "Key", "k2")["custom_fields"] == {code: "k2"}
    assert (people.lose(one, "price")["status"], server.records.deals[one]["lost_reason"]) == ("lost", "price")
    assert (people.reopen(one)["status"], server.records.deals[one]["lost_reason"]) == ("open", None)
    assert people.win(one)["won_time"]
    kept = people.merge(one, into=other)
    assert (kept["title"], kept["custom_fields"], kept["status"]) == ("other", {code: "k2"}, "open")
    assert server.records.notes[note]["deal_id"] == other
    assert client.get(f"/api/v2/deals/{one}").json()["data"]["is_deleted"]
    assert [row["id"] for row in client.get("/api/v2/deals").json()["data"]] == [other]


def refresh(server: PipedriveServer, token: str, client: tuple[str, str] | None = None) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return httpx.post(f"{server.url}/oauth/token", data=form, auth=client or server.oauth.client)


def test_a_refresh_token_is_good_once_and_an_access_token_for_an_hour(server: PipedriveServer, clock: Clock) -> None:
    assert refresh(server, FIRST_REFRESH_TOKEN, ("sandbox-client", "wrong")).json()["error"] == "invalid_client"
    granted = refresh(server, FIRST_REFRESH_TOKEN).json()
    again = refresh(server, FIRST_REFRESH_TOKEN)
    assert (again.status_code, again.json()["message"]) == (400, "Invalid grant: refresh_token is invalid")
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    me = f"{granted['api_domain']}/api/v1/users/me"
    assert httpx.get(me, headers=bearer).status_code == 200
    assert httpx.get(me, headers={"Authorization": "Bearer unknown"}).status_code == 401
    clock.at += timedelta(seconds=granted["expires_in"])
    assert httpx.get(me, headers=bearer).status_code == 401
    clock.at += timedelta(days=61)
    assert refresh(server, granted["refresh_token"]).status_code == 400


def test_an_app_may_what_its_scopes_say(server: PipedriveServer) -> None:
    server.oauth.install({"base", "deals:read"})
    granted = refresh(server, FIRST_REFRESH_TOKEN).json()
    assert granted["scope"] == "base,deals:read"
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    assert httpx.get(f"{server.url}/api/v2/deals", headers=bearer).status_code == 200
    answer = httpx.post(f"{server.url}/api/v2/deals", headers=bearer, json={"title": "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "Scope and URL mismatch")


@dataclass
class Receiver:
    """A bot's end of a webhook."""

    server: Server
    heard: list[Request] = field(default_factory=list)

    def hear(self, request: Request) -> Response:
        self.heard.append(request)
        return Response(200, {})

    def metas(self) -> list[dict[str, Any]]:
        return [request.json()["meta"] for request in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Server() as server:
        receiver = Receiver(server)
        server.route("POST", "/crm", receiver.hear)
        yield receiver


def subscribe(client: httpx.Client, receiver: Receiver, **more: str) -> Any:
    body = {"subscription_url": f"{receiver.server.url}/crm", "event_action": "*", "event_object": "deal", "name": "x"}
    return post(client, "/api/v1/webhooks", {**body, "http_auth_user": "u", "http_auth_password": "secret", **more})


def soon(look: Callable[[], bool]) -> bool:
    return bool(eventually(look, 10))


def called(receiver: Receiver, times: int) -> Callable[[], bool]:
    return lambda: len(receiver.server.calls) == times


def test_webhooks_tell_with_basic_authentication(
    server: PipedriveServer, client: httpx.Client, receiver: Receiver
) -> None:
    assert "secret" not in str(subscribe(client, receiver))
    assert "secret" not in client.get("/api/v1/webhooks").text
    deal = post(client, "/api/v2/deals", {"title": "before"})["id"]
    server.people.edit(deal, "Title", "after")
    other = post(client, "/api/v2/deals", {"title": "other"})["id"]
    server.people.merge(deal, into=other)
    assert soon(lambda: len(receiver.heard) == 5)
    assert [(meta["action"], meta["entity_id"]) for meta in receiver.metas()] == [
        ("create", str(deal)),
        ("change", str(deal)),
        ("create", str(other)),
        ("delete", str(deal)),
        ("change", str(other)),
    ]
    changed = receiver.heard[1].json()
    assert (changed["data"]["title"], changed["previous"]["title"]) == ("after", "before")
    assert receiver.heard[3].json()["data"] is None
    assert receiver.heard[0].headers["authorization"] == "Basic dTpzZWNyZXQ="


def test_webhooks_hear_of_what_they_asked_for(
    server: PipedriveServer, client: httpx.Client, receiver: Receiver
) -> None:
    subscribe(client, receiver, event_action="delete")
    deal = post(client, "/api/v2/deals", {"title": "x"})["id"]
    server.people.delete(deal)
    assert soon(lambda: bool(receiver.heard))
    assert [meta["action"] for meta in receiver.metas()] == ["delete"]


def test_what_fails_is_told_three_times_more(server: PipedriveServer, client: httpx.Client, receiver: Receiver) -> None:
    server.hooks.retries = (0.01, 0.01, 0.01)
    subscribe(client, receiver)
    receiver.server.faults.add("/crm", faults.status(500), times=2)
    post(client, "/api/v2/deals", {"title": "x"})
    assert soon(lambda: bool(receiver.heard))
    assert [meta["attempt"] for meta in receiver.metas()] == [3]
    receiver.server.faults.add("/crm", faults.status(500), times=None)
    receiver.server.forget_calls()
    post(client, "/api/v2/deals", {"title": "y"})
    assert soon(called(receiver, 4))


def test_who_fails_ten_times_is_banned_and_misses_what_happens(
    server: PipedriveServer, client: httpx.Client, receiver: Receiver, clock: Clock
) -> None:
    server.hooks.retries = ()
    subscribe(client, receiver)
    receiver.server.faults.add("/crm", faults.status(500), times=10)
    for number in range(10):
        post(client, "/api/v2/deals", {"title": "x"})
        assert soon(called(receiver, number + 1))
    assert soon(lambda: "_banned_until" in server.hooks.held[1])
    post(client, "/api/v2/deals", {"title": "missed"})
    clock.at += timedelta(minutes=31)
    heard = post(client, "/api/v2/deals", {"title": "heard"})["id"]
    assert soon(lambda: bool(receiver.heard))
    assert [meta["entity_id"] for meta in receiver.metas()] == [str(heard)]


def test_who_never_answers_is_dropped_after_three_days(
    server: PipedriveServer, client: httpx.Client, receiver: Receiver, clock: Clock
) -> None:
    server.hooks.retries = ()
    subscribe(client, receiver)
    receiver.server.faults.add("/crm", faults.drop(), times=None)
    post(client, "/api/v2/deals", {"title": "x"})
    assert soon(lambda: "_failing_since" in server.hooks.held[1])
    clock.at += timedelta(days=3, minutes=1)
    post(client, "/api/v2/deals", {"title": "y"})
    assert client.get("/api/v1/webhooks").json()["data"] == []


def test_webhooks_need_an_address_that_can_be_reached_and_are_few(client: httpx.Client, receiver: Receiver) -> None:
    body = {"subscription_url": "http://bot.example/", "event_action": "*", "event_object": "deal", "name": "x"}
    answer = client.post("/api/v1/webhooks", json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["subscription_url"])
    ids = [subscribe(client, receiver)["id"] for _ in range(40)]
    assert client.post("/api/v1/webhooks", json={**body, "subscription_url": "https://a.example/"}).status_code == 403
    assert [client.delete(f"/api/v1/webhooks/{ids[0]}").status_code for _ in range(2)] == [200, 404]
