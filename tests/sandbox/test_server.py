"""The sandbox's server: routes, the call log, and every way to fail."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from sandbox import faults
from sandbox.server import Refusal, Request, Response, Server

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Counter(Server):
    """One number that a POST raises: shows what was applied."""

    def __init__(self) -> None:
        super().__init__(lambda: NOW)
        self.count = 0
        self.route("POST", "/count/{name}", self.add)
        self.route("GET", "/count", lambda _: Response(200, {"count": self.count}))
        self.route("GET", "/files/{rest:path}", lambda request: Response(200, request.params["rest"]))
        self.route("GET", "/no", self.refuse)
        self.route("GET", "/broken", lambda _: Response(1 // 0))

    def add(self, request: Request) -> Response:
        self.count += request.json()["by"]
        return Response(201, {"name": request.params["name"], "count": self.count}, {"X-Kind": "counter"})

    def refuse(self, _: Request) -> Response:
        raise Refusal(403, {"error": "forbidden"})


@pytest.fixture
def server() -> Iterator[Counter]:
    with Counter() as running:
        yield running


@pytest.fixture
def http(server: Counter) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=5) as client:
        yield client


def post(http: httpx.Client) -> httpx.Response:
    return http.post("/count/a", json={"by": 1})


def test_routes_by_method_and_pattern(http: httpx.Client) -> None:
    answer = post(http)
    assert (answer.status_code, answer.json(), answer.headers["x-kind"]) == (201, {"name": "a", "count": 1}, "counter")
    assert http.get("/files/a/b.txt").text == "a/b.txt"
    assert http.get("/count/a").status_code == 404
    assert http.get("/no").json() == {"error": "forbidden"}


def test_the_call_log_keeps_request_answer_and_time(server: Counter, http: httpx.Client) -> None:
    post(http)
    (call,) = server.calls
    assert (call.method, call.path, call.status, call.at) == ("POST", "/count/a", 201, NOW)
    assert call.request.json() == {"by": 1}
    assert call.response == {"name": "a", "count": 1}
    server.forget_calls()
    assert server.calls == []


def test_status_fault_applies_nothing_and_is_used_up(server: Counter, http: httpx.Client) -> None:
    server.faults.add("POST /count/*", faults.status(429, retry_after=2))
    limited = post(http)
    assert (limited.status_code, limited.headers["retry-after"], server.count) == (429, "2", 0)
    assert post(http).status_code == 201


def test_drop_cuts_before_applying(server: Counter, http: httpx.Client) -> None:
    server.faults.add("/count/*", faults.drop())
    with pytest.raises(httpx.TransportError):
        post(http)
    assert server.count == 0
    assert server.calls[0].status is None


def test_apply_then_drop_applies_and_says_nothing(server: Counter, http: httpx.Client) -> None:
    server.faults.add("/count/*", faults.apply_then_drop())
    with pytest.raises(httpx.TransportError):
        post(http)
    assert server.count == 1


def test_truncate_sends_half(server: Counter, http: httpx.Client) -> None:
    server.faults.add("/count/*", faults.truncate())
    with pytest.raises(httpx.RemoteProtocolError):
        post(http)
    assert server.count == 1


def test_body_answers_something_else(server: Counter, http: httpx.Client) -> None:
    server.faults.add("/count/*", faults.body("<html>Bad gateway</html>", code=502))
    assert post(http).text == "<html>Bad gateway</html>"


def test_slow_answers_late(server: Counter, http: httpx.Client) -> None:
    server.faults.add("/count/*", faults.slow(0.2))
    began = time.monotonic()
    assert post(http).status_code == 201
    assert time.monotonic() - began >= 0.2


def test_a_fault_may_let_calls_through_first_and_last_for_ever(server: Counter, http: httpx.Client) -> None:
    server.faults.add("POST /count/*", faults.status(500), times=None, skip=1)
    assert [post(http).status_code for _ in range(3)] == [201, 500, 500]
    server.faults.clear()
    assert post(http).status_code == 201


def test_another_process_sets_faults_and_reads_calls(http: httpx.Client) -> None:
    http.post("/_sandbox/faults", json={"match": "/count/*", "fault": {"kind": "status", "status": 503}})
    assert post(http).status_code == 503
    assert [(call["path"], call["status"]) for call in http.get("/_sandbox/calls").json()] == [("/count/a", 503)]
    http.delete("/_sandbox/faults")


def test_a_bug_of_the_sandbox_is_shown(server: Counter, http: httpx.Client) -> None:
    assert http.get("/broken").status_code == 500
    assert isinstance(server.errors[0], ZeroDivisionError)


def test_stopping_is_felt_on_open_connections() -> None:
    with Counter() as server, httpx.Client(base_url=server.url, timeout=2) as http:
        assert http.get("/count").status_code == 200
        server.stop()
        with pytest.raises(httpx.TransportError):
            http.get("/count")
