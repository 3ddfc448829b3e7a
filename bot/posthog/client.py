"""PostHog's private API over HTTP: one query at a time, each with a deadline, repeated when that can help."""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from bot.model import Clock
from bot.posthog.errors import PostHogError
from bot.posthog.failures import Failure, failure, unreachable, unreadable, web_page

CALL = timedelta(seconds=120)  # PostHog queues a query for 30 s and runs it for 10 to 60 s
EVALUATION = timedelta(minutes=30)
TIMEOUT = httpx.Timeout(CALL.total_seconds(), connect=10.0)
MOST_PAGES = 1000  # of a REST list; a server that always names a next page must not hold us for ever


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows of one answer, as PostHog sent them: their shape is not checked yet."""

    columns: list[Any]
    rows: list[Any]
    timezone: str | None
    has_more: bool


class Client:
    """Speaks for one project. Safe to share between threads: they queue."""

    def __init__(
        self,
        http: httpx.Client,
        host: str,
        project: str,
        key: str,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = host.rstrip("/")
        self.project = project
        self.calls = 0  # HTTP calls made so far, repeated ones included
        self._http = http
        self._key = key
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._until: datetime | None = None

    @contextmanager
    def budget(self, time: timedelta = EVALUATION) -> Iterator[None]:
        """All calls within, and the pauses between them, may take this long together."""
        self._until = self._clock() + time
        try:
            yield
        finally:
            self._until = None

    def query(self, name: str, hogql: str, values: Mapping[str, Any]) -> QueryResult:
        """Run HogQL. `values` fill its {placeholders} as constants, never as text."""
        body = {
            "query": {"kind": "HogQLQuery", "query": hogql, "values": dict(values)},
            "refresh": "force_blocking",  # the default is an answer that may be six hours old
            "name": f"headroom_{name}",
            "client_query_id": str(uuid.uuid4()),
        }
        return _result(name, self._call("POST", "query/", f"the query {name}", json=body))

    def rest(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """GET below /api/projects/<id>/; an empty path is the project itself."""
        return self._call("GET", path, path or "the project", params=dict(params or {}))

    def rest_list(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Every item of a list, over all its pages."""
        wanted = dict(params or {})
        for _ in range(MOST_PAGES):
            page = self.rest(path, wanted)
            items = page.get("results") if isinstance(page, dict) else page
            if not isinstance(items, list):
                raise PostHogError(f"PostHog's answer to {path} is not a list.")
            yield from (item for item in items if isinstance(item, dict))
            following = page.get("next") if isinstance(page, dict) else None
            if not isinstance(following, str):
                return
            # Only its parameters are taken over: the key goes to no other host.
            wanted = {**wanted, **dict(parse_qsl(urlsplit(following).query))}
        raise PostHogError(f"PostHog's list {path} does not end.")

    def _call(self, method: str, path: str, what: str, **parts: Any) -> Any:
        self._check_key()
        with self._lock:
            for attempt in count(1):
                answer = self._once(method, path, what, parts)
                if not isinstance(answer, Failure):
                    return answer
                if attempt >= answer.tries:
                    raise answer.error
                self._pause(answer, attempt)
        raise AssertionError  # the loop has no end of its own

    def _check_key(self) -> None:
        advice = "Make a personal API key (phx_...) with the scope query:read."
        if self._key.startswith("phc_"):
            why = "POSTHOG_API_KEY is a project token (phc_...), which can only send events. "
            raise PostHogError(why + advice, permanent=True)
        if not re.fullmatch(r"[\x21-\x7e]+", self._key):
            why = "POSTHOG_API_KEY is empty or has characters that no key has. "
            raise PostHogError(why + advice, permanent=True)

    def _pause(self, failed: Failure, attempt: int) -> None:
        seconds = failed.seconds(attempt)
        if self._until and self._clock() + timedelta(seconds=seconds) > self._until:
            raise PostHogError(f"The time for this evaluation is used up. {failed.error}") from failed.error
        self._sleep(seconds)

    def _once(self, method: str, path: str, what: str, parts: Mapping[str, Any]) -> Any:
        """The decoded answer, or the Failure."""
        if self._until and self._clock() > self._until:
            raise PostHogError(f"The time for this evaluation was used up before {what}.")
        self.calls += 1
        url = f"{self.host}/api/projects/{self.project}/{path}"
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            with self._http.stream(method, url, headers=headers, timeout=TIMEOUT, **parts) as response:
                body = self._body(response)
        except (httpx.RemoteProtocolError, httpx.DecodingError):
            return unreadable("the connection broke off")
        except httpx.TransportError as error:
            return unreachable(type(error).__name__)
        if body is None:
            return unreachable("no complete answer in time")
        return self._decoded(response, body, what)

    def _body(self, response: httpx.Response) -> bytes | None:
        """None: the answer dripped in for longer than a call may take; httpx only limits each wait."""
        until = self._clock() + CALL
        chunks = []
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            if self._clock() > until:
                return None
        return b"".join(chunks)

    def _decoded(self, response: httpx.Response, body: bytes, what: str) -> Any:
        if response.status_code != 200:
            return failure(response.status_code, response.headers, self._without_key(body), what)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):  # the latter of lists within lists within lists
            is_page = body.lstrip()[:1] == b"<"
            return web_page(response.status_code) if is_page else unreadable("it is not valid JSON")

    def _without_key(self, body: bytes) -> bytes:
        return body.replace(self._key.encode(), b"...")


def _result(name: str, answer: Any) -> QueryResult:
    if not isinstance(answer, dict):
        raise PostHogError(f"PostHog's answer to the query {name} is not an object.")
    if answer.get("error"):
        raise PostHogError(f"PostHog failed on the query {name}: {str(answer['error'])[:300]}")
    columns, rows, timezone = answer.get("columns"), answer.get("results"), answer.get("timezone")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise PostHogError(f"PostHog's answer to the query {name} has no results.")
    return QueryResult(columns, rows, timezone if isinstance(timezone, str) else None, answer.get("hasMore") is True)
