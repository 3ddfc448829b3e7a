"""One HTTP call to a CRM: its deadline, and what each way of failing means for what we asked."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from crm.base import Ambiguous, AuthFailed, CrmError, Invalid, NotApplied, NotFound, PermissionDenied, Throttled

READS = ("GET", "HEAD")
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
CONNECT_SECONDS = 3.0
LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer with status 2xx to 5xx."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"

    def json(self) -> Any:
        """Raises ValueError if the body is no JSON."""
        return json.loads(self.body)

    def fields(self) -> dict[str, Any]:
        """The body if it is a JSON object, else nothing."""
        try:
            found = self.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Api:
    """Calls one CRM. Subclasses say how that CRM words its refusals; retries are not made here."""

    name = "the CRM"

    def __init__(self, client: httpx.Client, url: str, headers: Mapping[str, str], deadline: float) -> None:
        self.client = client
        self.url = url.rstrip("/")
        self.headers = headers
        self.deadline = deadline

    def call(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None) -> dict[str, Any]:
        """The JSON object of a good answer."""
        answer = self._send(method, path, params, body)
        if not 200 <= answer.status < 300:
            raise self.refusal(method, answer)
        found = answer.fields()
        if not self.is_success(found):
            raise self.unclear(method, f"answered {answer.status} with something unreadable")
        return found

    def is_success(self, body: dict[str, Any]) -> bool:
        return bool(body)

    def unclear(self, method: str, what: str) -> CrmError:
        """What no clear answer means: a read can be made again, a write may have been applied."""
        message = self.redacted(f"{self.name} {what}")
        return NotApplied(message) if method in READS else Ambiguous(message)

    def refusal(self, method: str, answer: Answer) -> CrmError:
        said = self.redacted(self.message(answer.fields()) or f"status {answer.status}")
        if answer.status == 429:
            return Throttled(f"{self.name} asks for fewer calls: {said}", self.wait_seconds(answer.headers))
        if answer.status >= 500 or answer.status == 408:
            return self.unclear(method, f"failed: {said}")
        if answer.status == 401:
            return AuthFailed(f"{self.name} does not accept our token: {said}")
        if answer.status in (402, 403):
            return PermissionDenied(f"{self.name} does not allow this: {said}")
        if answer.status in (404, 410):
            return NotFound(f"{self.name} does not have it: {said}")
        if answer.status < 400:
            return Invalid(f"{self.name} redirects to another address: the configured one is wrong")
        return Invalid(f"{self.name} refuses it: {said}", self.invalid_field(answer.fields()))

    def message(self, body: dict[str, Any]) -> str | None:
        return str(body["message"]) if body.get("message") else None

    def invalid_field(self, body: dict[str, Any]) -> str | None:
        return str(body["field"]) if body.get("field") else None

    def wait_seconds(self, headers: httpx.Headers) -> float:
        return retry_after(headers, 2.0)

    def redacted(self, text: str) -> str:
        """No secret gets into an error, not even if the CRM repeats what we sent."""
        for secret in self.headers.values():
            text = text.replace(secret, "***")
        return text[:LONGEST_MESSAGE]

    def _send(self, method: str, path: str, params: Mapping[str, Any] | None, body: Any) -> Answer:
        ends = time.monotonic() + self.deadline
        timeout = httpx.Timeout(self.deadline, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        request = self.client.build_request(
            method, self.url + path, params=params, json=body, headers=self.headers, timeout=timeout
        )
        try:
            response = self.client.send(request, stream=True, follow_redirects=False)
            try:
                return Answer(response.status_code, response.headers, _read(response.iter_bytes(), ends))
            finally:
                response.close()
        except NEVER_LEFT as error:
            raise NotApplied(f"{self.name} could not be reached ({type(error).__name__})") from error
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            raise self.unclear(method, f"gave no whole answer ({type(error).__name__})") from error


def _read(chunks: Iterable[bytes], ends: float) -> bytes:
    """The whole body; httpx limits each wait, not their sum, so a body that drips is cut off here."""
    body = bytearray()
    for chunk in chunks:
        if time.monotonic() > ends:
            raise TimeoutError
        body += chunk
    return bytes(body)


def retry_after(headers: httpx.Headers, default: float) -> float:
    """Seconds from a Retry-After header, which holds seconds or a date."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return default
