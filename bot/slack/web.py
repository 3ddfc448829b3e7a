"""The small web server: Slack's requests, hints of the CRM, and whether the process is alive and ready."""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.adapter.wsgi.http_request import WsgiHttpRequest
from waitress import wasyncore  # type: ignore[import-untyped]  # waitress ships no types
from waitress.server import create_server  # type: ignore[import-untyped]  # waitress ships no types

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
EVENTS_PATH = "/slack/events"
CRM_PATH = "/crm/webhook"
LARGEST_BODY = 1024 * 1024
THREADS = 64  # each holds one request until it is acknowledged
TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
CrmHook = Callable[[Mapping[str, str], bytes], bool]  # headers and body; False: not from the CRM
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)  # JSON that is none, or misshapen


class Events(SlackRequestHandler):
    """Bolt reads a body before it looks at the signature, and expects the parts that Slack sends."""

    def dispatch(self, request: WsgiHttpRequest) -> BoltResponse:
        try:
            body, query, headers = request.get_body(), request.query_string, request.get_headers()
            read = BoltRequest(body=body, query=query, headers=headers)
        except UNREADABLE as error:
            log.warning("Refused: a body that cannot be read (%s)", type(error).__name__)
            return BoltResponse(status=400, body={"error": "not understood"})
        return self.app.dispatch(read)


def web_app(slack: App | None, ready: Callable[[], bool], crm: CrmHook | None = None) -> "WSGIApplication":
    """`slack` None: it comes over Socket Mode. `crm` None: nobody was asked to tell us of deals."""
    events = Events(slack, EVENTS_PATH) if slack else None

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "POST", path if path == EVENTS_PATH and events:
                if int(environ.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
                    return _say(start, "413 Content Too Large", {"error": "too large"})
                if not _may_be_signed(environ):
                    return _say(start, "401 Unauthorized", {"error": "invalid request"})
                return events(environ, start)
            case "POST", path if path == CRM_PATH and crm:
                return _say(start, *_hinted(crm, environ))
            case "GET", "/healthz":
                return _say(start, "200 OK", {"alive": True})
            case "GET", "/readyz":
                is_ready = ready()
                return _say(start, "200 OK" if is_ready else "503 Service Unavailable", {"ready": is_ready})
            case _:
                return _say(start, "404 Not Found", {"error": "not found"})

    return answer


class WebServer:
    """Waitress in a thread of its own. Its loop is turned here, since its own knows no orderly end."""

    def __init__(self, app: "WSGIApplication", host: str, port: int) -> None:
        self._sockets: dict[int, Any] = {}
        server = create_server(
            app,
            map=self._sockets,
            host=host,
            port=port,
            threads=THREADS,
            max_request_body_size=LARGEST_BODY,
            channel_timeout=30,
            ident="headroom",
        )
        self._listening = [one for one in self._sockets.values() if getattr(one, "accepting", False)]
        self._workers = server.task_dispatcher
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True, name="web")

    @property
    def port(self) -> int:
        return int(self._listening[0].effective_port)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more, let what is under way be answered, then close."""
        for one in self._listening:
            one.accepting = False
        self._workers.shutdown(timeout=5)
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _turn(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=0.2, use_poll=True, map=self._sockets, count=1)
        wasyncore.loop(timeout=0.0, use_poll=True, map=self._sockets, count=1)  # what was answered last
        wasyncore.close_all(self._sockets, ignore_all=True)


def _hinted(crm: CrmHook, environ: "WSGIEnvironment") -> tuple[str, dict[str, object]]:
    """Status and answer. Nobody is asked anything meanwhile, so the CRM is answered at once; the server limits size."""
    size = int(environ.get("CONTENT_LENGTH") or 0)
    try:
        known = crm(_headers(environ), environ["wsgi.input"].read(size))
    except UNREADABLE as error:
        log.warning("Refused: a hint that cannot be read (%s)", type(error).__name__)
        return "400 Bad Request", {"error": "not understood"}
    return ("200 OK", {"ok": True}) if known else ("401 Unauthorized", {"error": "invalid request"})


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    named = {name.removeprefix("HTTP_"): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    return {name.replace("_", "-").title(): value for name, value in named.items()}


def _may_be_signed(environ: "WSGIEnvironment") -> bool:
    """Bolt's verifier raises where the time is not a number or the signature not ASCII."""
    stamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
    signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
    return bool(TIMESTAMP.fullmatch(stamp) and SIGNATURE.fullmatch(signature))


def _say(start: "StartResponse", status: str, body: dict[str, object]) -> Iterable[bytes]:
    content = json.dumps(body).encode()
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]
