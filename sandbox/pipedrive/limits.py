"""Pipedrive's door: who may come in and what for, how often, and what those hear who hammer on."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.model import Clock
from sandbox.pipedrive.oauth import OAuth
from sandbox.server import Refusal, Request

WINDOW = timedelta(seconds=2)
PATIENCE = 5  # refused calls within a window, after which Cloudflare shuts the door
SHUT_OUT = "<html><head><title>Access denied</title></head><body>Error 1015: you are being rate limited</body></html>"
UNAUTHORISED = {
    "success": False,
    "error": "unauthorized access",
    "errorCode": 401,
    "error_info": "Please check developers.pipedrive.com",
}
MISMATCH = {"success": False, "error": "Scope and URL mismatch", "errorCode": 403}


@dataclass(slots=True)
class Limits:
    """Calls per rolling two seconds and per token, and tokens per day, as
    https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting has them."""

    clock: Clock
    tokens: set[str]
    oauth: OAuth
    burst: int = 100
    budget: int = 100_000
    spent: int = 0
    _calls: deque[datetime] = field(default_factory=deque)
    _refused: deque[datetime] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, request: Request, cost: int, scopes: Sequence[str]) -> dict[str, str]:
        """The headers to answer with; raises what the caller hears instead. One of the scopes is enough."""
        self._known(request, scopes)
        with self._lock:
            now = self.clock()
            _forget_before(self._calls, now - WINDOW)
            _forget_before(self._refused, now - WINDOW)
            if len(self._calls) >= self.burst or self.spent + cost > self.budget:
                raise self._refusal(now)
            self._calls.append(now)
            self.spent += cost
            return self._headers(now)

    def _known(self, request: Request, scopes: Sequence[str]) -> None:
        if request.headers.get("x-api-token") in self.tokens:
            return  # a user's own token may do what the user may
        if not self.oauth.holds(request.headers.get("authorization")):
            raise Refusal(401, UNAUTHORISED)
        if not self.oauth.scopes & set(scopes):
            raise Refusal(403, MISMATCH)

    def _refusal(self, now: datetime) -> Refusal:
        self._refused.append(now)
        if len(self._refused) > PATIENCE:
            return Refusal(403, SHUT_OUT)
        body = {"success": False, "error": "request over limit", "errorCode": 429}
        return Refusal(429, body, self._headers(now))

    def _headers(self, now: datetime) -> dict[str, str]:
        reset = (self._calls[0] + WINDOW - now).total_seconds() if self._calls else 0.0
        return {
            "x-ratelimit-limit": str(self.burst),
            "x-ratelimit-remaining": str(max(0, self.burst - len(self._calls))),
            "x-ratelimit-reset": str(round(reset + 0.5)),
            "x-daily-requests-left": str(max(0, self.budget - self.spent)),
        }


def _forget_before(moments: deque[datetime], first: datetime) -> None:
    while moments and moments[0] <= first:
        moments.popleft()
