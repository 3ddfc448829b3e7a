"""The request helper: deadlines, waits, redaction; and how it comes by access tokens."""

import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from crm.api import USUAL_LIFE, Api, TokenServer, retry_after
from crm.base import Ambiguous, AuthFailed, CrmError, Invalid, NotApplied, Throttled
from crm.oauth import Fixed, Grant, Granted
from sandbox import faults
from sandbox.server import Request, Response, Server
from tests.crm.grants import KeptGrants

SECRET = "a-token-that-must-not-be-told"


def drip(connection: socket.socket) -> None:
    """An answer that never ends and never pauses for long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    try:
        for _ in range(40):
            connection.sendall(b" ")
            time.sleep(0.05)
    except OSError:
        return  # the caller hung up, as it should


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.route("GET", "/drip", lambda _: Response(upgrade=drip))
        server.route("POST", "/drip", lambda _: Response(upgrade=drip))
        server.route("GET", "/moved", lambda _: Response(302, {}, {"Location": "https://elsewhere.example/"}))
        yield server


@pytest.fixture
def api(server: Server) -> Iterator[Api]:
    with httpx.Client() as client:
        yield Api(client, Fixed(server.url, {"x-api-token": SECRET}, SECRET), deadline=0.3)


def test_a_body_that_drips_is_cut_off(api: Api) -> None:
    began = time.monotonic()
    with pytest.raises(NotApplied, match="no whole answer"):
        api.call("GET", "/drip")
    with pytest.raises(Ambiguous, match="no whole answer"):
        api.call("POST", "/drip")
    assert time.monotonic() - began < 1.5


def test_redirects_are_not_followed_with_our_token(api: Api) -> None:
    with pytest.raises(Invalid, match="redirects"):
        api.call("GET", "/moved")


def test_what_a_header_says_of_waiting() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after(httpx.Headers({"Retry-After": "12"}), 5) == 12
    assert 80 < retry_after(httpx.Headers({"Retry-After": later}), 5) <= 90
    assert retry_after(httpx.Headers({"Retry-After": "soon"}), 5) == 5
    assert retry_after(httpx.Headers({}), 5) == 5
    assert retry_after(httpx.Headers({"Retry-After": "-3"}), 5) == 0


CLIENT = ("an-id", "a-client-secret")
FORM = {"grant_type": "refresh_token", "refresh_token": SECRET}
GOOD = {"access_token": "access-1", "expires_in": 60, "refresh_token": "next", "api_domain": "https://a.example"}


@dataclass
class Vendor:
    """Hands out tokens, and lets in who shows the latest."""

    server: Server
    answer: dict[str, Any] = field(default_factory=lambda: dict(GOOD))
    asked: list[Request] = field(default_factory=list)
    written: int = 0

    def token(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(200, self.answer)

    def write(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.answer['access_token']}":
            return Response(401, {"message": f"who is {request.headers.get('authorization')}?"})
        self.written += 1
        return Response(200, {"id": self.written})


@pytest.fixture
def vendor(server: Server) -> Vendor:
    vendor = Vendor(server)
    server.route("POST", "/oauth/token", vendor.token)
    server.route("POST", "/write", vendor.write)
    return vendor


@pytest.fixture
def tokens(server: Server) -> Iterator[TokenServer]:
    with httpx.Client() as client:
        yield TokenServer("the vendor", client, f"{server.url}/oauth/token", deadline=0.3)


def test_a_grant_is_asked_for_and_read(tokens: TokenServer, vendor: Vendor) -> None:
    vendor.answer["scope"] = "base,deals:full"
    grant = tokens.ask(FORM, CLIENT)
    assert grant == Grant("access-1", timedelta(seconds=60), "next", "https://a.example", "base,deals:full")
    (request,) = vendor.asked
    assert request.form() == FORM
    assert request.headers["authorization"] == "Basic " + b64encode(b"an-id:a-client-secret").decode()
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_what_a_grant_does_not_say_is_not_made_up(tokens: TokenServer, vendor: Vendor) -> None:
    vendor.answer = {"access_token": "access-1"}
    assert tokens.ask(FORM) == Grant("access-1", timedelta(seconds=USUAL_LIFE))
    assert "authorization" not in vendor.asked[0].headers
    odds: list[Any] = ["soon", -5, 10**30, None, [], float("nan")]
    for odd in odds:
        vendor.answer["expires_in"] = odd
        assert tokens.ask(FORM).lasts == timedelta(seconds=USUAL_LIFE)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.status(200, body={"error": "invalid_client"}), AuthFailed),
        (faults.status(400, body={"error": "invalid_grant", "message": f"{SECRET} is invalid"}), AuthFailed),
        (faults.status(401, body={"error": "invalid_client", "error_description": "a-client-secret?"}), AuthFailed),
        (faults.status(400, body={"access_token": "x", "error": "invalid_grant"}), AuthFailed),
        (faults.status(429, retry_after=7, body={"error": "slow down"}), Throttled),
        (faults.status(400, body={"error": "Access Denied", "error_description": "too many requests"}), Throttled),
        (faults.status(500, body={"error": "server_error"}), NotApplied),
        (faults.status(503, body="<html>"), NotApplied),
        (faults.status(200, body={"hello": 1}), NotApplied),
        (faults.status(302, body={}), NotApplied),
        (faults.body("<html>maintenance</html>"), NotApplied),
        (faults.body("[]"), NotApplied),
        (faults.drop(), NotApplied),
        (faults.truncate(), NotApplied),
        (faults.slow(0.5), NotApplied),
    ],
    ids=lambda value: value.kind + str(value.status) if isinstance(value, faults.Fault) else "",
)
def test_a_refusal_says_what_is_wrong_and_no_secret(
    tokens: TokenServer, vendor: Vendor, fault: faults.Fault, error: type[CrmError]
) -> None:
    vendor.server.faults.add("POST /oauth/token", fault)
    with pytest.raises(error) as caught:
        tokens.ask(FORM, CLIENT)
    assert type(caught.value) is error
    assert SECRET not in repr(caught.value)
    assert CLIENT[1] not in repr(caught.value)
    assert not isinstance(caught.value, Throttled) or caught.value.after == (fault.retry_after or 600)


def test_nobody_answers_for_tokens(tokens: TokenServer, vendor: Vendor) -> None:
    vendor.server.stop()
    with pytest.raises(NotApplied):
        tokens.ask(FORM)


def test_tokens_go_to_no_address_that_anybody_can_read(tokens: TokenServer, vendor: Vendor) -> None:
    vendor.answer["api_domain"] = "http://api.vendor.example"
    with pytest.raises(AuthFailed, match="https"):
        tokens.ask(FORM)


def test_a_token_that_ran_out_is_renewed_and_the_call_made_once(tokens: TokenServer, vendor: Vendor) -> None:
    store = KeptGrants(Grant("access-0", timedelta(seconds=60), "stored", vendor.server.url))
    del vendor.answer["api_domain"]

    def renew(last: Grant | None) -> Grant:
        return tokens.ask({"refresh_token": last.refresh if last and last.refresh else "of the environment"})

    access = Granted(store, renew, lambda token: {"Authorization": f"Bearer {token}"}, vendor.server.url)
    api = Api(tokens.client, access, 0.3)
    assert [api.call("POST", "/write")["id"] for _ in range(2)] == [1, 2]
    assert [request.form()["refresh_token"] for request in vendor.asked] == ["stored"]
    assert store.grant is not None
    assert store.grant.refresh == "next"


def test_a_new_token_that_is_refused_as_well_is_told_without_it(tokens: TokenServer, vendor: Vendor) -> None:
    access = Granted(
        KeptGrants(), lambda _: tokens.ask(FORM), lambda token: {"Authorization": f"Bearer x{token}"}, vendor.server.url
    )
    del vendor.answer["api_domain"]
    vendor.answer["access_token"] = SECRET
    with pytest.raises(AuthFailed) as caught:
        Api(tokens.client, access, 0.3).call("POST", "/write")
    assert SECRET not in repr(caught.value)
    assert len(vendor.asked) == 2
    assert vendor.written == 0
