"""The request helper: deadlines, waits, redaction."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from crm.api import Api, retry_after
from crm.base import Ambiguous, Invalid, NotApplied
from crm.oauth import Fixed
from sandbox.server import Response, Server

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
