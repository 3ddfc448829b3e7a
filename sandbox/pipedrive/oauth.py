"""Pipedrive's OAuth server: access tokens for an hour, and a new refresh token with each of them."""

import base64
import binascii
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.model import Clock
from sandbox.server import Refusal, Request, Response

LIFE = timedelta(seconds=3600)
FIRST_REFRESH_TOKEN = "1:1:sandbox-refresh-token"  # noqa: S105 - opens nothing but this sandbox
UNUSED = timedelta(days=60)  # a refresh token that nobody used for so long has expired


@dataclass(slots=True)
class OAuth:
    """One app and its one installation. Messages are those of
    https://pipedrive.readme.io/docs/marketplace-oauth-and-api-proxy-status-codes."""

    clock: Clock
    scopes: set[str]
    client: tuple[str, str] = ("sandbox-client", "sandbox-client-secret")
    refresh: str = FIRST_REFRESH_TOKEN
    api_domain: str = ""
    _since: datetime | None = None  # when the refresh token was last used
    _living: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, request: Request) -> Response:
        form = request.form()
        if self._client_of(request) != self.client:
            raise _refused("invalid_client", "Invalid client: client is invalid")
        if form.get("grant_type") != "refresh_token":
            raise _refused("unsupported_grant_type", "Unsupported grant type: grant_type is invalid")
        with self._lock:
            if form.get("refresh_token") != self.refresh or self._expired():
                raise _refused("invalid_grant", "Invalid grant: refresh_token is invalid")
            return Response(200, self._issue())

    def holds(self, header: str | None) -> bool:
        """Whether an Authorization header carries an access token that still lives."""
        kind, _, token = (header or "").partition(" ")
        ends = self._living.get(token)
        return kind == "Bearer" and ends is not None and self.clock() < ends

    def install(self, scopes: set[str]) -> None:
        """Anew, with these scopes: older tokens are good for nothing."""
        self.scopes, self.refresh, self._since = scopes, FIRST_REFRESH_TOKEN, None
        self.revoke()

    def revoke(self) -> None:
        """All access tokens die before their time."""
        self._living.clear()

    def _expired(self) -> bool:
        return self._since is not None and self.clock() - self._since > UNUSED

    def _issue(self) -> dict[str, object]:
        self._since = self.clock()
        access, self.refresh = f"v1u:{secrets.token_hex(20)}", f"1:1:{secrets.token_hex(20)}"
        self._living[access] = self._since + LIFE
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(LIFE.total_seconds()),
            "refresh_token": self.refresh,
            "scope": ",".join(sorted(self.scopes)),
            "api_domain": self.api_domain,
        }

    def _client_of(self, request: Request) -> tuple[str, str] | None:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (ValueError, binascii.Error):
            return None
        return (name, secret) if kind == "Basic" else None


def _refused(error: str, message: str) -> Refusal:
    return Refusal(400, {"success": "false", "message": message, "error": error})
