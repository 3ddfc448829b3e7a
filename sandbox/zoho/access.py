"""Zoho's accounts server and the door of its API: tokens, scopes, credits and calls at the same time.

https://zoho.com/accounts/protocol/oauth/token-limits.html, https://www.zoho.com/crm/developer/docs/api/v8/api-limits.html
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.model import Clock
from sandbox.server import Refusal, Request, Response
from sandbox.zoho.answers import failure

CLIENT_ID = "1000.SANDBOXCLIENTSANDBOXCLIENT"
CLIENT_SECRET = "5ecc" * 10 + "7e"
REFRESH_TOKEN = f"1000.{'5a4db0'.ljust(32, '0')}.{'7e57'.ljust(32, '0')}"
LIFE = timedelta(hours=1)
WINDOW = timedelta(minutes=10)
MOST_REQUESTS, MOST_LIVING = 10, 10  # access tokens asked for within the window, and alive at a time
ALL_SCOPES = frozenset(
    {
        "ZohoCRM.modules.deals.ALL",
        "ZohoCRM.modules.accounts.ALL",
        "ZohoCRM.modules.notes.ALL",
        "ZohoCRM.modules.tasks.ALL",
        "ZohoCRM.users.READ",
        "ZohoCRM.org.READ",
        "ZohoCRM.coql.READ",
        "ZohoCRM.settings.fields.ALL",
        "ZohoCRM.settings.layouts.READ",
        "ZohoCRM.settings.pipeline.READ",
        "ZohoCRM.settings.currencies.READ",
        "ZohoCRM.notifications.ALL",
    }
)


@dataclass(slots=True)
class Access:
    """One client and its one refresh token. `credits` and `concurrency` None: without a limit."""

    clock: Clock
    api_domain: str
    client: tuple[str, str] = (CLIENT_ID, CLIENT_SECRET)
    refresh: str = REFRESH_TOKEN
    scopes: frozenset[str] = ALL_SCOPES
    credits: int | None = None
    concurrency: int | None = None
    _asked: deque[datetime] = field(default_factory=deque)
    _living: dict[str, tuple[datetime, frozenset[str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, request: Request) -> Response:
        """What is refused is refused with status 200, unless there is too much of it."""
        form = request.form()
        with self._lock:
            self._throttle()
            if form.get("grant_type") != "refresh_token":
                return Response(200, {"error": "unsupported_grant_type"})
            if form.get("client_id") != self.client[0]:
                return Response(200, {"error": "invalid_client"})
            if form.get("client_secret") != self.client[1]:
                return Response(200, {"error": "invalid_client_secret"})
            if form.get("refresh_token") != self.refresh:
                return Response(200, {"error": "invalid_code"})
            return Response(200, self._issue())

    def revoke(self) -> None:
        """All access tokens die before their time."""
        with self._lock:
            self._living.clear()

    def scopes_of(self, request: Request) -> frozenset[str]:
        """What the access token of a call allows, if it lives."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            until, scopes = self._living.get(token, (self.clock(), frozenset[str]()))
        if kind != "Zoho-oauthtoken" or self.clock() >= until:
            raise failure(401, "INVALID_TOKEN", "invalid oauth token")
        return scopes

    def admit(self, request: Request, area: str, operation: str, under_way: Callable[[], int]) -> None:
        """Raises what the caller hears instead of an answer."""
        if not allowed(self.scopes_of(request), area, operation):
            raise failure(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
        with self._lock:
            self._spend(under_way())

    def _spend(self, under_way: int) -> None:
        if self.concurrency is not None and under_way > self.concurrency:
            raise failure(429, "TOO_MANY_REQUESTS", "You have reached the maximum number of concurrent calls")
        if self.credits is not None:
            if self.credits < 1:
                raise failure(429, "TOO_MANY_REQUESTS", "You have reached the maximum limit of API credits")
            self.credits -= 1

    def _throttle(self) -> None:
        now = self.clock()
        while self._asked and self._asked[0] <= now - WINDOW:
            self._asked.popleft()
        if len(self._asked) >= MOST_REQUESTS:
            said = "You have made too many requests continuously. Please try again after some time."
            raise Refusal(400, {"error_description": said, "error": "Access Denied", "status": "failure"})
        self._asked.append(now)

    def _issue(self) -> dict[str, object]:
        token = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self._living[token] = (self.clock() + LIFE, self.scopes)
        while len(self._living) > MOST_LIVING:
            del self._living[next(iter(self._living))]
        seconds = int(LIFE.total_seconds())
        return {"access_token": token, "api_domain": self.api_domain, "token_type": "Bearer", "expires_in": seconds}


def allowed(scopes: frozenset[str], area: str, operation: str) -> bool:
    """A scope covers its part of Zoho, or all parts of that kind: ZohoCRM.modules.ALL."""
    kind = area.partition(".")[0]
    enough = {f"ZohoCRM.{part}.{what}" for part in (area, kind) for what in (operation, "ALL")}
    return bool(enough & scopes)
