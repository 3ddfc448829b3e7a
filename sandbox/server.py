"""A small threaded HTTP server on the loopback that the sandbox's PostHog, Slack and Pipedrive are made of."""

import itertools
import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from bot.model import Clock
from sandbox.faults import Fault, Faults

log = logging.getLogger(__name__)
CONTROL = "/_sandbox/"
ORDER = itertools.count(1)  # of all that happens, at whichever server


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it came in. Header names are in lower case; `params` are the named parts of the route's path."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body or b"null")

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer. A body that is neither text nor bytes goes out as JSON; `upgrade` takes the raw socket over."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    upgrade: Callable[[socket.socket], None] | None = None

    def encoded(self) -> tuple[bytes, str]:
        if isinstance(self.body, bytes):
            return self.body, "application/octet-stream"
        if isinstance(self.body, str):
            return self.body.encode(), "text/html; charset=utf-8"
        return json.dumps(self.body, ensure_ascii=False).encode(), "application/json"


class Refusal(Exception):  # noqa: N818 - it is an answer rather than a fault of ours
    """Raised anywhere below a route: this is the answer."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.response = Response(status, body, headers or {})


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the call log. No status: the caller got no answer."""

    method: str
    path: str
    status: int | None
    request: Request
    response: Any
    at: datetime
    number: int = field(default_factory=ORDER.__next__)


Route = Callable[[Request], Response]


class Server:
    """Routes, faults and a call log; `with Server(clock) as server:` runs it at `server.url`."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        self.clock = clock
        self.faults = Faults()
        self.errors: list[Exception] = []  # of our own making: a test asserts that there are none
        self.kept_calls: int | None = None  # None: all; else so many of the latest
        self._calls: list[Call] = []
        self._number_of_calls = 0
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Http(("127.0.0.1", port), _handler_for(self))
        self._thread: threading.Thread | None = None
        self.route("POST", CONTROL + "faults", self._add_faults)
        self.route("DELETE", CONTROL + "faults", self._clear_faults)
        self.route("GET", CONTROL + "calls", self._show_calls)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def calls(self) -> list[Call]:
        """A copy, oldest first, without the calls to the control surface."""
        with self._lock:
            return list(self._calls)

    @property
    def number_of_calls(self) -> int:
        """Since it was started, those forgotten included."""
        return self._number_of_calls

    def forget_calls(self) -> None:
        with self._lock:
            self._calls.clear()

    def route(self, method: str, pattern: str, handler: Route) -> None:
        """`{name}` in the pattern stands for one part of the path, `{name:path}` for the rest of it."""
        parts = re.split(r"(\{\w+(?::path)?\})", pattern)
        expression = "".join(_part(part) for part in parts)
        self._routes.append((method, re.compile(expression), handler))

    def fault_body(self, status: int) -> Any:
        """What a vendor says when it fails with this status; each sandbox says it in its vendor's way."""
        return {"error": f"status {status}"}

    def not_found(self, request: Request, /) -> Response:
        return Response(404, {"error": f"no such route: {request.method} {request.path}"})

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._http.cut_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """What to send, and the fault that still applies while sending. Status 0 means: cut the connection."""
        if request.path.startswith(CONTROL):
            return self._dispatch(request), None
        fault = self.faults.take(request.method, request.path)
        response = self._under(fault, request)
        cut = fault is not None and fault.kind in ("drop", "apply_then_drop")
        status = None if cut else response.status
        with self._lock:
            self._calls.append(Call(request.method, request.path, status, request, response.body, self.clock()))
            self._number_of_calls += 1
            if self.kept_calls is not None:
                del self._calls[: -self.kept_calls]
        return response, fault

    def _under(self, fault: Fault | None, request: Request) -> Response:
        if fault is None or fault.kind in ("apply_then_drop", "truncate"):
            return self._dispatch(request)
        if fault.kind == "slow":
            self._stopping.wait(fault.seconds)
            return self._dispatch(request)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        body = self.fault_body(fault.status) if fault.body is None else fault.body
        return Response(fault.status, body, headers)

    def _dispatch(self, request: Request) -> Response:
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                return self._call(handler, _with_params(request, found.groupdict()))
        return self.not_found(request)

    def _call(self, handler: Route, request: Request) -> Response:
        try:
            return handler(request)
        except Refusal as refusal:
            return refusal.response
        except Exception as error:  # a fault of the sandbox itself: answered like a crash, shown to the test
            log.exception("sandbox: %s %s", request.method, request.path)
            self.errors.append(error)
            return Response(500, {"error": "the sandbox failed", "detail": repr(error)})

    def _add_faults(self, request: Request) -> Response:
        rules = request.json()
        for rule in rules if isinstance(rules, list) else [rules]:
            self.faults.add_json(rule)
        return Response(201, {"ok": True})

    def _clear_faults(self, _: Request) -> Response:
        self.faults.clear()
        return Response(200, {"ok": True})

    def _show_calls(self, _: Request) -> Response:
        shown = [{"method": c.method, "path": c.path, "status": c.status, "at": c.at.isoformat()} for c in self.calls]
        return Response(200, shown)


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name, _, kind = part[1:-1].partition(":")
    return f"(?P<{name}>{'.*' if kind else '[^/]+'})"


def _with_params(request: Request, params: Mapping[str, str]) -> Request:
    return Request(request.method, request.path, request.query, request.headers, request.body, params)


class _Http(ThreadingHTTPServer):
    """Knows its open connections, so that stopping is felt by callers that keep one alive."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # cut already


def _handler_for(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            response, fault = server.answer(self._request())
            if fault is not None and fault.kind in ("drop", "apply_then_drop"):
                self._hang_up()
            elif response.upgrade is not None:
                self.close_connection = True
                response.upgrade(self.connection)
            else:
                self._send(response, truncated=fault is not None and fault.kind == "truncate")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

        def _request(self) -> Request:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            return Request(self.command, url.path, query, headers, body)

        def _send(self, response: Response, truncated: bool) -> None:
            body, kind = response.encoded()
            self.send_response(response.status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **response.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if truncated else body)
            if truncated:
                self._hang_up()

        def _hang_up(self) -> None:
            self.close_connection = True
            _cut(self.connection)

        def log_message(self, *_: Any) -> None:
            """Quiet: the call log says it better."""

    return Handler
