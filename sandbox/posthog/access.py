"""Who may ask what, and how often: keys and scopes, 240 queries a minute, three at once."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox.posthog.errors import refuse
from sandbox.server import Request

EVERY_SCOPE = frozenset(
    {"query:read", "group:read", "event_definition:read", "property_definition:read", "project:read", "user:read"}
)
BAD_KEY = "Personal API key found in request Authorization header is invalid."


@dataclass
class Keys:
    """Private API keys and their scopes."""

    scopes: dict[str, frozenset[str]] = field(default_factory=lambda: {"phx_sandbox": EVERY_SCOPE})

    def check(self, request: Request, scope: str) -> str:
        """The key, when it may; a project token (phc_) only writes, and is refused like any wrong key."""
        word, _, key = request.headers.get("authorization", "").partition(" ")
        if word != "Bearer" or not key:
            detail = "Authentication credentials were not provided."
            raise refuse(401, "authentication_error", "not_authenticated", detail)
        if key not in self.scopes:
            raise refuse(401, "authentication_error", "authentication_failed", BAD_KEY)
        if scope not in self.scopes[key]:
            detail = f"API key missing required scope '{scope}'"
            raise refuse(403, "authentication_error", "permission_denied", detail)
        return key


@dataclass
class Limits:
    """Rates by the machine's own clock: the vendor's minute passes even where the sandbox's time stands still."""

    per_minute: int = 240
    at_once: int = 3
    queue_seconds: float = 30.0
    _recent: deque[float] = field(default_factory=deque)
    _running: int = 0
    _free: threading.Condition = field(default_factory=threading.Condition)

    def count(self) -> None:
        with self._free:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 60:
                self._recent.popleft()
            if len(self._recent) >= self.per_minute:
                wait = max(1, round(self._recent[0] + 60 - now))
                detail = f"Request was throttled. Expected available in {wait} seconds."
                raise refuse(429, "throttled_error", "throttled", detail, {"Retry-After": str(wait)})
            self._recent.append(now)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Waits in the queue for a free place, and is refused without Retry-After when none comes."""
        with self._free:
            if not self._free.wait_for(lambda: self._running < self.at_once, self.queue_seconds):
                detail = (
                    f"Exceeded maximum concurrency limit: {self.at_once} for key: api:query:per-org:1 and task: query"
                )
                raise refuse(429, "throttled_error", "throttled", detail)
            self._running += 1
        try:
            yield
        finally:
            with self._free:
                self._running -= 1
                self._free.notify()
