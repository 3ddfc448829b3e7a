"""The sandbox's Slack over HTTP: Web API, response_url, and the door to Socket Mode."""

import json
from datetime import UTC, datetime
from typing import Any

from bot.model import Clock
from sandbox.server import Request, Response, Server
from sandbox.slack.methods import call, post_ephemeral
from sandbox.slack.people import People
from sandbox.slack.socket_mode import Links
from sandbox.slack.workspace import SlackError, Workspace

STRUCTURED = ("blocks", "view", "metadata")  # JSON within a form


class SandboxSlack(Server):
    """`with SandboxSlack() as slack:` then point SLACK_API_URL at `slack.api_url`; `slack.people` are the users."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        super().__init__(clock, port)
        self.workspace = Workspace(clock)
        self.links = Links()
        self.people = People(self.workspace, self.links, self.url)
        self.route("POST", "/api/{method}", self._web_api)
        self.route("GET", "/api/{method}", self._web_api)
        self.route("POST", "/hooks/{name}", self._hook)
        self.route("GET", "/link/{ticket}", self.links.accept)

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def fault_body(self, status: int) -> Any:
        return {"ok": False, "error": "ratelimited" if status == 429 else "internal_error"}

    def stop(self) -> None:
        self.links.close()
        super().stop()

    def _web_api(self, request: Request) -> Response:
        method, token = request.params["method"], request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            if method == "apps.connections.open":
                return Response(200, self._open_connection(token))
            if token != self.workspace.bot_token:
                raise SlackError("invalid_auth" if token else "not_authed")
            granted = {"X-OAuth-Scopes": ",".join(sorted(self.workspace.scopes))}
            return Response(200, call(self.workspace, method, _arguments(request)), granted)
        except SlackError as error:
            return Response(200, error.body)  # Slack's refusals are 200
        except KeyError as missing:
            return Response(200, {"ok": False, "error": "invalid_arguments", "missing": str(missing)})

    def _open_connection(self, token: str) -> dict[str, Any]:
        if token != self.workspace.app_token:
            raise SlackError("invalid_auth")
        return {"ok": True, "url": f"{self.url.replace('http', 'ws')}/link/{self.links.new_ticket()}"}

    def _hook(self, request: Request) -> Response:
        try:
            with self.workspace.lock:
                channel, user = self.workspace.use_hook(request.params["name"])
                post_ephemeral(self.workspace, channel, user, request.json())
        except SlackError as error:
            return Response(404 if error.body["error"].endswith("_url") else 400, error.body["error"])
        return Response(200, "ok")


def _arguments(request: Request) -> dict[str, Any]:
    if "json" in request.headers.get("content-type", ""):
        return dict(request.json() or {})
    given = {**request.query, **request.form()}
    return {key: json.loads(value) if key in STRUCTURED else value for key, value in given.items()}
