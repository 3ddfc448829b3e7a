"""The sandbox's Zoho is as strict as the real one, by a caller that knows nothing of our adapter."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.zoho import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer

WRONG_QUERIES = [
    "select id from Deals",
    "select id from Leads where id is not null",
    "select Nothing from Deals where id is not null",
    "select id from Deals where Nothing = '1'",
    "select id from Deals where Stage = 'a' and Pipeline = 'b' and id is not null",
    "select id from Deals where (Stage = 'a' and Pipeline = 'b' and id is not null)",
    "select id from Deals where Description = 'a'",
    "select id from Deals where Stage > 'a'",
    "select id from Deals where Amount = 'much'",
    "select id from Deals where Deal_Name = 'O'Brien'",
    "select id from Deals where Deal_Name = 'a\\'b'",
    "select id from Deals where Deal_Name = 'a\nb'",
    "select id from Deals where Deal_Name like 'a%b'",
    "select id from Deals where Deal_Name like '%'",
    "select id from Deals where id is not null limit 2001",
    "select id from Deals where id is not null limit",
    "select id from Deals where id is not null; drop",
    "select id from Deals where id is not null order by Nothing",
    "delete from Deals where id is not null",
    "select id from Deals where Stage in ('1'" + ", '2'" * 50 + ")",
    "",
]


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[ZohoServer]:
    with ZohoServer(clock) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def client(server: ZohoServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/crm/v8") as client:
        client.headers["Authorization"] = f"Zoho-oauthtoken {token(server)['access_token']}"
        yield client


def token(server: ZohoServer, **changes: str) -> Any:
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        **changes,
    }
    return httpx.post(f"{server.url}/oauth/v2/token", data=form).json()


def insert(client: httpx.Client, module: str, *rows: dict[str, Any]) -> httpx.Response:
    return client.post(f"/{module}", json={"data": list(rows)})


def made(client: httpx.Client, module: str, row: dict[str, Any]) -> str:
    answer = insert(client, module, row)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"][0]["details"]["id"])


def deal(**changes: Any) -> dict[str, Any]:
    return {"Deal_Name": "x", "Pipeline": "Sales", "Stage": "Qualification", **changes}


def query(client: httpx.Client, text: str) -> httpx.Response:
    return client.post("/coql", json={"select_query": text})


def test_a_refused_client_is_answered_with_200(server: ZohoServer) -> None:
    assert token(server, client_id="x") == {"error": "invalid_client"}
    assert token(server, client_secret="x") == {"error": "invalid_client_secret"}
    assert token(server, refresh_token="x") == {"error": "invalid_code"}
    assert token(server)["api_domain"] == server.url


def test_the_eleventh_token_within_ten_minutes_is_refused(server: ZohoServer, clock: Clock) -> None:
    tokens = [token(server) for _ in range(11)]
    assert tokens[10]["error"] == "Access Denied"
    assert "too many requests" in tokens[10]["error_description"]
    clock.at += timedelta(minutes=10)
    assert "access_token" in token(server)


def test_the_oldest_of_eleven_tokens_dies(server: ZohoServer, clock: Clock, client: httpx.Client) -> None:
    assert client.get("/org").status_code == 200
    clock.at += timedelta(minutes=10)
    for _ in range(10):
        token(server)
    answer = client.get("/org")
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


def test_a_token_lives_an_hour_and_may_what_its_scopes_say(
    server: ZohoServer, clock: Clock, client: httpx.Client
) -> None:
    server.access.scopes = frozenset({"ZohoCRM.modules.deals.READ", "ZohoCRM.modules.notes.ALL"})
    client.headers["Authorization"] = f"Zoho-oauthtoken {token(server)['access_token']}"
    assert client.get("/Deals", params={"fields": "id"}).status_code == 204
    for answer in (insert(client, "Deals", deal()), client.get("/org"), query(client, "x")):
        assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
    clock.at += timedelta(hours=1)
    assert client.get("/Deals", params={"fields": "id"}).json()["code"] == "INVALID_TOKEN"


@pytest.mark.parametrize("header", ["Bearer {}", "{}", "Zoho-oauthtoken wrong"])
def test_another_header_is_refused(client: httpx.Client, header: str) -> None:
    given = client.headers["Authorization"].split()[1]
    assert client.get("/org", headers={"Authorization": header.format(given)}).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Deal_Name", 5),
        ("Deal_Name", "x" * 121),
        ("Amount", "12"),
        ("Amount", True),
        ("Account_Name", "1"),
        ("Account_Name", {"id": "99"}),
        ("Owner", {"id": "99"}),
        ("Owner", {"id": "5725767000000000003"}),  # who has left
        ("Currency", "XXX"),
        ("Pipeline", "Gone"),
        ("Stage", "Usage signal"),  # of the other pipeline
        ("Layout", {"id": "1"}),
        ("Closing_Date", "31.12.2026"),
        ("Closing_Date", "2026-13-01"),
        ("Reason_For_Loss__s", "Bad luck"),
        ("Modified_Time", "2026-11-23T09:00:00+00:00"),
        ("Expected_Revenue", 5),
        ("Unknown", "x"),
    ],
)
def test_a_wrong_field_is_refused_by_name(client: httpx.Client, field: str, value: Any) -> None:
    answer = insert(client, "Deals", deal(**{field: value}))
    (row,) = answer.json()["data"]
    assert (answer.status_code, row["code"], row["details"]["api_name"]) == (400, "INVALID_DATA", field)
    assert row["status"] == "error"


@pytest.mark.parametrize("field", ["Deal_Name", "Stage", "Pipeline"])
def test_some_fields_are_mandatory(server: ZohoServer, client: httpx.Client, field: str) -> None:
    row = deal()
    del row[field]
    (refused,) = insert(client, "Deals", row).json()["data"]
    assert (refused["code"], refused["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", field)
    assert server.records.rows["Deals"] == {}


def test_each_record_has_its_own_status(client: httpx.Client) -> None:
    answer = insert(client, "Deals", deal(), deal(Amount="much"), deal())
    assert answer.status_code == 207
    assert [row["status"] for row in answer.json()["data"]] == ["success", "error", "success"]
    assert insert(client, "Deals", deal(), deal()).status_code == 201


@pytest.mark.parametrize(("exact", "taken"), [("false", "KEY"), ("true", "key")])
def test_a_unique_field_tells_who_holds_the_value(
    server: ZohoServer, client: httpx.Client, exact: str, taken: str
) -> None:
    server.records.definitions.add("Deals", "Key", unique={"casesensitive": exact})
    first = made(client, "Deals", deal(Key="key"))
    answer = insert(client, "Deals", deal(Key=taken))
    (row,) = answer.json()["data"]
    assert (answer.status_code, row["code"], row["details"]["id"]) == (400, "DUPLICATE_DATA", first)
    assert row["details"]["api_name"] == "Key"
    assert insert(client, "Deals", deal(Key="KEY2")).status_code == 201
    if exact == "true":
        assert insert(client, "Deals", deal(Key="KEY")).status_code == 201


def test_a_field_can_be_made_unique_by_two_at_most(client: httpx.Client) -> None:
    def add(label: str, **more: Any) -> Any:
        row = {"field_label": label, "data_type": "text", **more}
        return client.post("/settings/fields?module=Deals", json={"fields": [row]}).json()["fields"][0]

    assert [add(f"Key {n}", unique={"casesensitive": True})["code"] for n in range(3)] == [
        "SUCCESS",
        "SUCCESS",
        "LIMIT_EXCEEDED",
    ]
    assert add("KEY 1")["code"] == "DUPLICATE_DATA"
    assert add("Long", length=256)["code"] == "INVALID_DATA"
    rows = client.get("/settings/fields?module=Deals").json()["fields"]
    assert {row["api_name"]: row["unique"] for row in rows if row["custom_field"]} == {
        "Key_0": {"casesensitive": "true"},
        "Key_1": {"casesensitive": "true"},
    }


def test_what_was_changed_since_is_not_changed_again(client: httpx.Client, clock: Clock) -> None:
    one = made(client, "Deals", deal())
    read = client.get(f"/Deals/{one}", params={"fields": "Modified_Time"}).json()["data"][0]["Modified_Time"]
    clock.at += timedelta(seconds=1)
    unchanged = {"If-Unmodified-Since": read}
    change = {"data": [{"Amount": 5}]}
    assert client.put(f"/Deals/{one}", json=change, headers=unchanged).status_code == 200
    answer = client.put(f"/Deals/{one}", json=change, headers=unchanged)
    assert (answer.status_code, answer.json()["data"][0]["code"]) == (412, "ALREADY_MODIFIED")
    assert client.put(f"/Deals/{one}", json=change, headers={"If-Unmodified-Since": "today"}).status_code == 400
    assert client.put(f"/Deals/{one}", json=change).status_code == 200


def test_lists_ask_for_fields_and_for_tokens_beyond_two_thousand(server: ZohoServer, client: httpx.Client) -> None:
    for number in range(2001):
        server.records.add("Accounts", {"Account_Name": str(number)})
    assert client.get("/Accounts").json()["code"] == "REQUIRED_PARAM_MISSING"
    assert client.get("/Accounts?fields=id&per_page=201").status_code == 400
    assert client.get("/Accounts?fields=id&sort_by=Website").status_code == 400
    assert client.get("/Accounts?fields=id&page=11").json()["code"] == "DISCRETE_PAGINATION_LIMIT_EXCEEDED"
    first = client.get("/Accounts?fields=Account_Name").json()
    assert (len(first["data"]), first["info"]["more_records"]) == (200, True)
    tenth = client.get("/Accounts?fields=Account_Name&page=10").json()
    last = client.get("/Accounts", params={"fields": "id", "page_token": tenth["info"]["next_page_token"]}).json()
    assert (len(last["data"]), last["info"]["more_records"]) == (1, False)


def test_what_is_deleted_is_shown_by_name_only(client: httpx.Client) -> None:
    one = made(client, "Deals", deal(Deal_Name="Gone"))
    assert client.delete(f"/Deals/{one}").json()["data"][0]["status"] == "success"
    assert client.get(f"/Deals/{one}?fields=id").status_code == 204
    assert client.get(f"/Deals?fields=id&ids={one}").status_code == 204
    again = client.delete(f"/Deals/{one}")
    assert (again.status_code, again.json()["data"][0]["code"]) == (400, "INVALID_DATA")
    (row,) = client.get("/Deals/deleted").json()["data"]
    assert (row["id"], row["display_name"], "Stage" in row) == (one, "Gone", False)


def test_a_task_names_the_module_of_what_it_is_about(client: httpx.Client) -> None:
    one = made(client, "Deals", deal())
    task = {"Subject": "Call", "What_Id": {"id": one}}
    (row,) = insert(client, "Tasks", task).json()["data"]
    assert row["code"] == "DEPENDENT_FIELD_MISSING"
    assert insert(client, "Tasks", {**task, "$se_module": "Deals"}).status_code == 201


def test_notes_are_those_of_the_deal(client: httpx.Client) -> None:
    deals = [made(client, "Deals", deal()) for _ in range(2)]
    for one in deals:
        parent = {"module": {"api_name": "Deals"}, "id": one}
        made(client, "Notes", {"Note_Title": "t", "Note_Content": one, "Parent_Id": parent})
    rows = client.get(f"/Deals/{deals[0]}/Notes?fields=Note_Content").json()["data"]
    assert [row["Note_Content"] for row in rows] == [deals[0]]
    assert client.get(f"/Deals/{deals[0]}/Notes").status_code == 400
    assert insert(client, "Notes", {"Note_Content": "x", "Parent_Id": {"id": deals[0]}}).status_code == 400
    assert insert(client, "Notes", {"Note_Content": "x" * 65_536}).status_code == 400


@pytest.mark.parametrize("text", WRONG_QUERIES)
def test_a_wrong_query_is_refused(client: httpx.Client, text: str) -> None:
    made(client, "Deals", deal())
    answer = query(client, text)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("SYNTAX_ERROR", "INVALID_QUERY", "LIMIT_EXCEEDED")


def test_a_query_finds_what_it_says(client: httpx.Client) -> None:
    account = made(client, "Accounts", {"Account_Name": "O'Brien", "Website": "https://www.Acme.example"})
    ids = [
        made(client, "Deals", deal(Deal_Name=name, Amount=amount, Account_Name={"id": account}))
        for name, amount in (("one", 1), ("TWO", 2), ("three", None))
    ]

    def found(where: str, columns: str = "id", module: str = "Deals") -> list[Any]:
        answer = query(client, " ".join(("select", columns, "from", module, "where", where)))
        return answer.json()["data"] if answer.status_code == 200 else []

    def deals(where: str) -> list[int]:
        return [ids.index(row["id"]) for row in found(where)]

    assert deals("Deal_Name = 'two'") == [1]
    assert deals("Deal_Name in ('one', 'two') and Amount > 1") == [1]
    assert deals("(Amount is null or Amount = 1) and Stage != 'Closed Won'") == [0, 2]
    assert deals("Deal_Name not in ('one')") == [1, 2]
    assert deals("Deal_Name like 't%' order by id desc") == [2, 1]
    assert deals("Deal_Name like '%e' limit 1") == [0]
    assert deals("id is not null limit 1, 1") == [1]
    assert deals(f"Account_Name = '{account}' and id > '{ids[0]}'") == [1, 2]
    assert found("id is not null limit 1", "Account_Name") == [{"id": ids[0], "Account_Name": {"id": account}}]
    assert [row["id"] for row in found("Account_Name = 'O''Brien'", module="Accounts")] == [account]
    assert [row["id"] for row in found("Website like '%acme.EXAMPLE%'", module="Accounts")] == [account]
    assert found("Deal_Name = 'four'") == []


def test_queries_may_be_late_and_lists_are_not(server: ZohoServer, client: httpx.Client, clock: Clock) -> None:
    server.records.search_lag = timedelta(seconds=30)
    made(client, "Accounts", {"Account_Name": "Acme"})
    text = "select id from Accounts where Account_Name = 'Acme'"
    assert query(client, text).status_code == 204
    assert client.get("/Accounts?fields=id").status_code == 200
    clock.at += timedelta(seconds=30)
    assert query(client, text).status_code == 200


def test_credits_and_calls_at_the_same_time_are_limited(server: ZohoServer, client: httpx.Client) -> None:
    server.access.credits = 1
    assert [client.get("/org").status_code for _ in range(2)] == [200, 429]
    server.access.credits, server.access.concurrency = None, 0
    answer = client.get("/org")
    assert (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (
        429,
        "TOO_MANY_REQUESTS",
        False,
    )


def watch(**changes: Any) -> dict[str, Any]:
    row = {"channel_id": "1", "events": ["Deals.all"], "notify_url": "https://headroom.example/crm", "token": "t"}
    return {"watch": [{**row, **changes}]}


def test_a_channel_runs_out_after_a_week_at_most(server: ZohoServer, client: httpx.Client, clock: Clock) -> None:
    asked = (clock.at + timedelta(days=30)).isoformat()
    answer = client.post("/actions/watch", json=watch(channel_expiry=asked))
    (event,) = answer.json()["watch"][0]["details"]["events"]
    assert answer.status_code == 201
    assert datetime.fromisoformat(event["channel_expiry"]) == clock.at + timedelta(days=7)
    assert len(client.get("/actions/watch").json()["watch"]) == 1
    clock.at += timedelta(days=7)
    client.headers["Authorization"] = f"Zoho-oauthtoken {token(server)['access_token']}"
    assert client.get("/actions/watch").status_code == 204
    assert client.put("/actions/watch", json=watch()).json()["watch"][0]["code"] == "NOT_SUBSCRIBED"
    assert client.delete("/actions/watch?channel_ids=7").status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", "t" * 51),
        ("notify_url", "http://headroom.example/crm"),
        ("notify_url", f"https://headroom.example/{'x' * 255}"),
        ("channel_id", "one"),
        ("channel_id", "9" * 19),
        ("events", ["Deals"]),
        ("channel_expiry", "2026-11-29T10:00:00Z"),
        ("channel_expiry", "2026-11-29T10:00:00.000+00:00"),
        ("channel_expiry", "2026-11-22T10:00:00+00:00"),
    ],
)
def test_a_wrong_channel_is_refused(server: ZohoServer, client: httpx.Client, field: str, value: Any) -> None:
    answer = client.post("/actions/watch", json=watch(**{field: value}))
    assert (answer.status_code, answer.json()["watch"][0]["details"]["api_name"]) == (400, field)
    assert server.watch.held == {}


def test_people_work_and_channels_tell_of_it(server: ZohoServer, client: httpx.Client) -> None:
    told: list[tuple[str, str]] = []
    server.records.tell = lambda _, operation, ids: told.extend((operation, one) for one in ids)
    account = made(client, "Accounts", {"Account_Name": "Acme"})
    people = server.people
    one, two = (str(people.add(name, account, "Upsell")["id"]) for name in ("one", "two"))
    note = made(client, "Notes", {"Note_Content": "x", "Parent_Id": {"module": {"api_name": "Deals"}, "id": one}})
    people.rename(one, "renamed")
    assert people.move(one, "Negotiation")["Stage"] == "Negotiation"
    assert people.win(one)["Stage"] == "Closed Won"
    assert people.lose(one, "Price")["Reason_For_Loss__s"] == "Price"
    assert people.reopen(one)["Stage"] == "Usage signal"
    people.edit(one, "Next Step", "call")
    assert people.merge(one, into=two)["Next_Step"] == "call"
    assert [row["id"] for row in client.get(f"/Deals/{two}/Notes?fields=id").json()["data"]] == [note]
    assert [what for what, which in told if which == one] == ["insert", *["update"] * 6, "delete"]
    assert told[-1] == ("update", two)


def test_an_unknown_address_and_an_unknown_parameter_are_refused(client: httpx.Client) -> None:
    assert client.get("/Leads").json()["code"] == "INVALID_URL_PATTERN"
    assert client.get("/Deals/x?fields=id").json()["code"] == "INVALID_URL_PATTERN"
    assert client.get("/Deals?fields=id&limit=5").status_code == 400
    assert client.post("/Deals", content=b"{").status_code == 400
    assert client.post("/Deals", json={"data": []}).json()["code"] == "MANDATORY_NOT_FOUND"
    assert json.loads(client.post("/Deals", json={"data": [deal()] * 101}).text)["code"] == "LIMIT_EXCEEDED"
