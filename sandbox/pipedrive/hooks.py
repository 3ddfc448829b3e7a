"""Webhooks v2: who wants to hear of what, and the telling, with its retries and its ban."""

import base64
import heapq
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from sandbox.pipedrive import strictness
from sandbox.pipedrive.answers import V1, Route, Row, envelope, good, identity, shown
from sandbox.pipedrive.records import Records
from sandbox.pipedrive.strictness import checked
from sandbox.server import Refusal, Request, Response

SCOPES = ("webhooks:full", "admin")
MOST = 40  # webhooks of one user
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENCE = 10.0  # seconds that a receiver has to answer
FAILURES = 10  # first attempts that failed, after which the receiver is banned
BAN = timedelta(minutes=30)
DESPAIR = timedelta(days=3)  # without a success, after which the webhook is deleted


@dataclass(order=True)
class Delivery:
    """One event on its way to one webhook, due at a moment of the monotonic clock."""

    due: float
    number: int
    hook: Row = field(compare=False)
    event: Row = field(compare=False)
    attempt: int = field(compare=False, default=1)


class Hooks:
    """As https://pipedrive.readme.io/docs/guide-for-webhooks-v2 has it. Only this machine is ever called."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.held: dict[int, Row] = {}
        self.retries: tuple[float, ...] = (3.0, 30.0, 150.0)  # seconds after each attempt that failed
        self._due: list[Delivery] = []
        self._numbers = itertools.count(1)
        self._news = threading.Condition()
        self._worker: threading.Thread | None = None
        self._stopping = False

    def routes(self) -> Iterator[Route]:
        yield Route("GET", V1 + "webhooks", 10, ("webhooks:read", *SCOPES), self._list)
        yield Route("POST", V1 + "webhooks", 10, SCOPES, self._add)
        yield Route("DELETE", V1 + "webhooks/{id}", 6, SCOPES, self._delete)

    def tell(self, action: str, entity: str, row: Row, previous: Row) -> None:
        """Everybody who wants to hear of it; those who are banned miss it."""
        for hook in list(self.held.values()):
            wanted = hook["event_action"] in ("*", action) and hook["event_object"] in ("*", entity)
            local = urlsplit(hook["subscription_url"]).hostname in LOOPBACK
            if wanted and local and not self._shut(hook):
                self._enqueue(Delivery(0.0, next(self._numbers), hook, self.event(hook, action, entity, row, previous)))

    def event(self, hook: Row, action: str, entity: str, row: Row, previous: Row) -> Row:
        """What a webhook hears; of what was deleted, only what it was."""
        gone = action == "delete"
        meta = {
            "action": action, "entity": entity, "entity_id": str(row["id"]), "id": str(uuid.uuid4()), "version": "2.0",
            "correlation_id": str(uuid.uuid4()), "timestamp": self.records.clock().isoformat(), "type": "general",
            "webhook_id": str(hook["id"]), "attempt": 1, "host": f"{self.records.company_domain}.pipedrive.com",
        }  # fmt: skip
        return {"meta": meta, "data": None if gone else shown(row), "previous": shown(row if gone else previous)}

    def headers(self, hook: Row) -> dict[str, str]:
        given = {"Content-Type": "application/json", "User-Agent": "Pipedrive Webhooks"}
        if hook.get("http_auth_user"):
            pair = f"{hook['http_auth_user']}:{hook['http_auth_password']}".encode()
            given["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return given

    def stop(self) -> None:
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if self._worker:
            self._worker.join()

    def _list(self, _: Request) -> Response:
        return good([self._shown(hook) for hook in self.held.values()])

    def _add(self, request: Request) -> Response:
        body = checked(request.json(), strictness.WEBHOOK, ("subscription_url", "event_action", "event_object", "name"))
        address = urlsplit(body["subscription_url"])
        if address.scheme != "https" and address.hostname not in LOOPBACK:
            errors = {"subscription_url": ["invalid or non-reachable URL"]}
            raise Refusal(400, {"status": "error", "success": False, "errors": errors})
        if len(self.held) >= MOST:
            raise Refusal(403, {"success": False, "error": "Webhooks limit reached"})
        hook = {"id": max(self.held, default=0) + 1, "version": "2.0", "is_active": 1, "_failures": 0, **body}
        self.held[hook["id"]] = hook
        return Response(201, envelope(self._shown(hook)))

    def _delete(self, request: Request) -> Response:
        if self.held.pop(identity(request), None) is None:
            raise Refusal(404, {"status": "error", "success": False, "errors": {"id": ["not found"]}})
        return Response(200, {"status": "ok", "success": True})

    def _shown(self, hook: Row) -> Row:
        """Without the password: whether the real one shows it is not documented."""
        return {**shown(hook), "http_auth_password": None}

    def _shut(self, hook: Row) -> bool:
        now: datetime = self.records.clock()
        if now - hook.get("_failing_since", now) > DESPAIR:
            self.held.pop(hook["id"], None)
            return True
        return bool(now < hook.get("_banned_until", now))

    def _enqueue(self, delivery: Delivery) -> None:
        with self._news:
            heapq.heappush(self._due, delivery)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()
            self._news.notify_all()

    def _work(self) -> None:
        while delivery := self._next():
            ok = self._send(delivery)
            self._judge(delivery, ok)

    def _next(self) -> Delivery | None:
        with self._news:
            while not self._stopping:
                wait = self._due[0].due - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)
                self._news.wait(wait)
        return None

    def _send(self, delivery: Delivery) -> bool:
        address = urlsplit(delivery.hook["subscription_url"])
        delivery.event["meta"]["attempt"] = delivery.attempt
        connection = HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE)
        try:
            connection.request(
                "POST", address.path or "/", json.dumps(delivery.event).encode(), self.headers(delivery.hook)
            )
            return 200 <= connection.getresponse().status < 300
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _judge(self, delivery: Delivery, ok: bool) -> None:
        hook, now = delivery.hook, self.records.clock()
        if ok:
            hook.pop("_failing_since", None)
            return
        hook.setdefault("_failing_since", now)
        if delivery.attempt == 1:
            hook["_failures"] += 1
            if hook["_failures"] >= FAILURES:
                hook.update(_failures=0, _banned_until=now + BAN)
        if delivery.attempt <= len(self.retries):
            due = time.monotonic() + self.retries[delivery.attempt - 1]
            self._enqueue(Delivery(due, delivery.number, hook, delivery.event, delivery.attempt + 1))
