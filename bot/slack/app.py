"""Bolt, put together: the app with its listeners, and the two ways in which Slack reaches it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.slack.guard import Guard, Shape, identify
from bot.slack.listeners import register
from bot.slack.room import Listeners, Room
from bot.slack.unmoved import UnmovedWebClient
from bot.slack.web import THREADS, CrmHook, WebServer, web_app

log = logging.getLogger(__name__)
CALL_SECONDS = 10
IDENTIFY_EVERY = 15.0
OFFLINE_SECONDS = 30.0  # a refresh of the link takes less


@dataclass(frozen=True, slots=True)
class Access:
    """How the app reaches Slack, and Slack the app. With `app_token` over Socket Mode, else over HTTP."""

    bot_token: str
    app_token: str | None = None
    signing_secret: str | None = None
    api_url: str = "https://slack.com/api/"
    host: str = "127.0.0.1"
    port: int = 3000


def web_client(token: str | None, api_url: str, seconds: int = CALL_SECONDS) -> WebClient:
    """Without slack_sdk's own retries: one of them posts a message twice after a connection is cut."""
    return UnmovedWebClient(token=token, base_url=api_url, timeout=seconds, retry_handlers=[])


class SlackSide:
    """Everything Slack: `start()` lets clicks in, `stop()` ends it. `ready` is the application's part of /readyz.

    `crm` hears what comes to /crm/webhook, which the same server answers.
    """

    def __init__(
        self, access: Access, room: Room, ready: Callable[[], bool] = lambda: True, crm: CrmHook | None = None
    ) -> None:
        if not access.app_token and not access.signing_secret:
            raise ValueError("HTTP mode needs SLACK_SIGNING_SECRET, Socket Mode SLACK_APP_TOKEN")
        self._access, self._room, self._ready, self._crm = access, room, ready, crm
        self.guard = Guard(room)
        self._listeners = Listeners()  # Bolt's own has 5 threads, and the sixth click would wait
        self.app = self._build()
        self._socket = self._socket_mode() if access.app_token else None
        self._server: WebServer | None = None
        self._stopping = threading.Event()
        self._seen = time.monotonic()

    def start(self) -> None:
        """Returns at once; Slack may be away, and is asked again until it says who we are."""
        threading.Thread(target=self._identify, daemon=True, name="slack-identity").start()
        app = web_app(None if self._socket else self.app, self.is_ready, self._crm)
        self._server = WebServer(app, self._access.host, self._access.port)
        self._server.start()
        if self._socket:
            threading.Thread(target=self._connect, daemon=True, name="slack-socket").start()

    @property
    def port(self) -> int:
        return self._server.port if self._server else self._access.port

    def is_ready(self) -> bool:
        return self._is_connected() and self._ready()

    def stop(self) -> None:
        """No new clicks; those under way are finished."""
        self._stopping.set()
        if self._socket:
            self._socket.close()  # type: ignore[no-untyped-call]  # Bolt's handler is half typed
        if self._server:
            self._server.stop()
        self._listeners.shutdown(wait=True)
        self._room.close()

    def _build(self) -> App:
        access = self._access
        app = App(
            client=web_client(None, access.api_url),
            authorize=lambda: self._authorization(),  # Bolt mistakes a method's own "self" for an argument
            signing_secret=access.signing_secret or "",
            token_verification_enabled=False,
            request_verification_enabled=True,
            raise_error_for_unhandled_request=True,
            listener_executor=self._listeners,
        )
        app.use(Shape())
        register(app, self._room, self.guard)
        return app

    def _authorization(self) -> AuthorizeResult:
        """From memory: Bolt would otherwise ask Slack before the first acknowledgement."""
        own = self.guard.identity
        return AuthorizeResult(
            enterprise_id=None,
            team_id=own.team if own else None,
            bot_user_id=own.bot_user if own else None,
            bot_id=own.bot if own else None,
            bot_token=self._access.bot_token,
        )

    def _identify(self) -> None:
        client = web_client(self._access.bot_token, self._access.api_url)
        while not self._stopping.is_set():
            try:
                self.guard.identity = identify(client)
                return
            except SlackApiError as error:
                log.warning("Slack does not say who we are: %s", error.response.get("error"))
            except OSError as error:
                log.warning("Slack does not say who we are: %s", type(error).__name__)
            self._stopping.wait(IDENTIFY_EVERY)

    def _socket_mode(self) -> SocketModeHandler:
        token = self._access.app_token or ""
        return SocketModeHandler(
            self.app, token, web_client=web_client(token, self._access.api_url), concurrency=THREADS
        )

    def _connect(self) -> None:
        """The first connection; after it the client keeps itself connected."""
        while self._socket and not self._stopping.is_set():
            try:
                self._socket.connect()  # type: ignore[no-untyped-call]  # Bolt's handler is half typed
                return
            except (SlackApiError, OSError) as error:
                log.warning("No Socket Mode connection: %s", type(error).__name__)
                self._stopping.wait(5.0)

    def _is_connected(self) -> bool:
        if self._socket is None or self._socket.client.is_connected():
            self._seen = time.monotonic()
        return time.monotonic() - self._seen < OFFLINE_SECONDS
