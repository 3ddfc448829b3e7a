"""The sandbox's Pipedrive is as strict as the real one, by a caller that knows nothing of our adapter."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.pipedrive import TOKEN, PipedriveServer


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
