"""One HTTP call to a CRM: its deadline, and what each way of failing means for what we asked."""

import json
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from crm.base import Ambiguous, AuthFailed, CrmError, Invalid, NotApplied, NotFound, PermissionDenied, Throttled
from crm.oauth import Access, Grant, Login

READS = ("GET", "HEAD")
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
UNCLEAR = (httpx.TransportError, httpx.DecodingError, TimeoutError)
CONNECT_SECONDS = 3.0
USUAL_LIFE = 3600.0  # seconds, of an access token
LONGEST_LIFE = 366 * 86400.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
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

    def __init__(self, client: httpx.Client, access: Access, deadline: float) -> None:
        self.client = client
        self.access = access
        self.deadline = deadline
        self._secrets: deque[str] = deque(maxlen=10)  # the latest ones, to keep them out of errors

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object of a good answer."""
        return self.judged(method, self.send(method, path, params, body, headers))

    def judged(self, method: str, answer: Answer) -> dict[str, Any]:
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

    def is_refused_token(self, answer: Answer) -> bool:
        """Whether another access token would help."""
        return answer.status == 401

    def redacted(self, text: str) -> str:
        """No secret gets into an error, not even if the CRM repeats what we sent."""
        for secret in tuple(self._secrets):
            text = text.replace(secret, "***")
        return text[:LONGEST_MESSAGE]

    def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Whatever the CRM answers. What it refused for a token that had run out is asked once more with a new one."""

        def asked(login: Login) -> Answer:
            self._secrets.append(login.secret)
            given = {**(headers or {}), **login.headers}
            url = login.url.rstrip("/") + path
            return self._exchange(self.client.build_request(method, url, params=params, json=body, headers=given))

        login = self.access.login()
        answer = asked(login)
        if self.is_refused_token(answer) and (another := self.access.renewed(login)):
            return asked(another)
        return answer

    def _exchange(self, request: httpx.Request) -> Answer:
        method = request.method
        try:
            return exchange(self.client, request, self.deadline)
        except NEVER_LEFT as error:
            raise NotApplied(f"{self.name} could not be reached ({type(error).__name__})") from error
        except UNCLEAR as error:
            raise self.unclear(method, f"gave no whole answer ({type(error).__name__})") from error


def exchange(client: httpx.Client, request: httpx.Request, deadline: float) -> Answer:
    """Send it and read the whole answer within `deadline` seconds. Raises NEVER_LEFT or UNCLEAR."""
    ends = time.monotonic() + deadline
    timeout = httpx.Timeout(deadline, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
    request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
    response = client.send(request, stream=True, follow_redirects=False)
    try:
        return Answer(response.status_code, response.headers, _read(response.iter_bytes(), ends))
    finally:
        response.close()


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


@dataclass(frozen=True, slots=True)
class TokenServer:
    """Where a vendor hands out access tokens for a refresh token (RFC 6749, section 6).

    Judged by the body: some answer 200 to what they refuse.
    """

    name: str
    client: httpx.Client
    url: str
    deadline: float

    def ask(self, form: Mapping[str, str], auth: tuple[str, str] | None = None) -> Grant:
        """`auth` are the client's id and secret where they travel in a header."""
        headers = {"Authorization": f"Basic {b64encode(':'.join(auth).encode()).decode()}"} if auth else {}
        request = self.client.build_request("POST", self.url, data=dict(form), headers=headers)
        try:
            answer = exchange(self.client, request, self.deadline)
        except (*NEVER_LEFT, *UNCLEAR) as error:
            raise NotApplied(f"{self.name} gave no new access token ({type(error).__name__})") from error
        fields = answer.fields()
        if answer.status >= 400 or not fields.get("access_token"):
            raise self._refusal(answer, fields, (*form.values(), *(auth or ())))
        return Grant(
            access=str(fields["access_token"]),
            lasts=timedelta(seconds=_seconds(fields.get("expires_in"))),
            refresh=_text(fields, "refresh_token"),
            url=self._api(fields),
            scope=_text(fields, "scope"),
        )

    def _api(self, fields: Mapping[str, Any]) -> str | None:
        """Tokens are not sent to an address that anybody can listen to, whoever names it."""
        address = _text(fields, "api_domain")
        if address is None:
            return None
        url = urlsplit(address)
        if url.scheme == "https" or url.hostname in LOOPBACK:
            return address
        raise AuthFailed(f"{self.name} names an address without https for its API")

    def _refusal(self, answer: Answer, fields: Mapping[str, Any], secrets: Iterable[str]) -> CrmError:
        said = ". ".join(str(fields[part]) for part in ("error", "error_description", "message") if fields.get(part))
        if answer.status == 429 or "too many requests" in said.casefold():
            # https://zoho.com/accounts/protocol/oauth/token-limits.html: ten in ten minutes
            return Throttled(f"{self.name} hands out no more access tokens for now", retry_after(answer.headers, 600.0))
        if answer.status >= 500 or not said:
            return NotApplied(f"{self.name} gave no new access token (status {answer.status})")
        for secret in secrets:
            said = said.replace(secret, "***")
        return AuthFailed(f"{self.name} does not accept our refresh token or client: {said[:LONGEST_MESSAGE]}")


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    return str(fields[name]) if fields.get(name) else None


def _seconds(value: Any) -> float:
    """How long a token lives; what is no number of seconds counts as not said."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return USUAL_LIFE
    return seconds if 0 < seconds <= LONGEST_LIFE else USUAL_LIFE
