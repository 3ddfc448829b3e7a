"""PostHog's error answers: what each means, what a person can do, and whether and when to ask again.

The table follows posthog/errors.py, posthog/exceptions.py and posthog/rate_limit.py of PostHog/posthog.
"""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.posthog.errors import PostHogError, TooHeavyError

LONGEST_WAIT = 120.0  # seconds that we sleep at most, whatever Retry-After says


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is none: the error to raise unless fewer than `tries` were made, and the wait before the next."""

    error: PostHogError
    tries: int = 1
    wait: tuple[float, float] = (0.0, 0.0)  # at first and at most; it doubles and is jittered in between

    def seconds(self, attempt: int) -> float:
        """Pause after the attempt of this number, from 1."""
        low, high = self.wait
        return random.uniform(low, min(high, low * 2**attempt))  # noqa: S311 - spreads load, guards no secret


def unreachable(what: str) -> Failure:
    """The network failed. Our calls only read, so that all of them may be made again."""
    return Failure(PostHogError(f"PostHog cannot be reached ({what}). Check POSTHOG_HOST and the network."), 4, (1, 8))


def unreadable(why: str) -> Failure:
    """An answer came, broken off or garbled."""
    return Failure(PostHogError(f"PostHog's answer could not be read: {why}."), 3, (1, 8))


def web_page(status: int) -> Failure:
    """HTML with a status of success: a login page, or a proxy."""
    message = f"POSTHOG_HOST answered with a web page (status {status}) instead of data: is it PostHog's address?"
    return Failure(PostHogError(message, permanent=True))


def failure(status: int, headers: Mapping[str, str], body: bytes, what: str) -> Failure:
    """Of an answer whose status is not 200; `what` names the query or path asked for."""
    detail = _detail(body)
    if status == 429:
        return _throttled(headers.get("retry-after"), detail)
    if status in (504, 512):
        return Failure(TooHeavyError(f"PostHog gave up on {what}: {detail or 'it took too long'}"))
    if status >= 500:
        tries, wait = (3, (1.0, 4.0)) if status == 500 else (5, (2.0, 30.0))
        return Failure(PostHogError(f"PostHog failed on {what} (status {status}): {detail}"), tries, wait)
    return Failure(PostHogError(_refusal(status, headers, detail, what), permanent=True))


def _refusal(status: int, headers: Mapping[str, str], detail: str, what: str) -> str:
    if status == 400:
        return f"PostHog refused {what} as wrong: {detail}. Compare the names in headroom.toml with PostHog's."
    if status == 401:
        return (
            "PostHog does not know the key: it is mistyped, revoked, or of another region. "
            f"Check POSTHOG_API_KEY and POSTHOG_HOST. ({detail})"
        )
    if status == 403:
        return _forbidden(detail, what)
    if status == 402:
        return f"PostHog's billing limit is reached; it answers again next period or with a higher limit. ({detail})"
    if status == 404:
        return f"PostHog has nothing at {what}. Check POSTHOG_PROJECT_ID, and the region in POSTHOG_HOST."
    if 300 <= status < 400:
        return f"POSTHOG_HOST redirects to {headers.get('location', 'elsewhere')[:200]}: set it to that address."
    return f"PostHog refused {what} (status {status}): {detail}"


def _forbidden(detail: str, what: str) -> str:
    scope = re.search(r"scope '([\w:]+)'", detail)
    if scope:
        return f"The PostHog key lacks the scope {scope[1]}. Add it to the key in PostHog, under Settings, API keys."
    return f"The PostHog key may not read {what}: give it access to this project and organisation. ({detail})"


def _throttled(retry_after: str | None, detail: str) -> Failure:
    error = PostHogError(f"PostHog limits our requests for longer than we wait: {detail}")
    if retry_after is None:  # three queries at once are allowed, and somebody else's are under way
        return Failure(error, 6, (5.0, 30.0))
    seconds = _seconds(retry_after)
    return Failure(error, 6, (seconds, seconds))


def _seconds(retry_after: str) -> float:
    """Seconds to sleep: at least 1, at most LONGEST_WAIT; half a minute when the header says nothing usable."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return 30.0
    return min(max(seconds, 1.0), LONGEST_WAIT) if seconds >= 0 else 30.0


def _detail(body: bytes) -> str:
    """PostHog's own sentence, with its code."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return "no explanation"
    if not isinstance(said, dict):
        return "no explanation"
    detail, code = said.get("detail") or said.get("error"), said.get("code")
    return " ".join(str(part)[:300] for part in (detail, f"[{code}]" if code else None) if part) or "no explanation"
