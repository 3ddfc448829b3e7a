"""Who may come in: our workspace, our app, our own people. And what is said when something breaks."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import BoltContext, BoltRequest, BoltResponse
from slack_bolt.middleware import Middleware
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.slack.payloads import Payload, click_of, is_whole, team_of, user_team_of
from bot.slack.room import FAILED, Room

log = logging.getLogger(__name__)
FOREIGN = "Headroom shows one company's customers, and answers only members of its own workspace."
PASSED = "headroom_passed"  # in Bolt's context: this request is signed, whole, and from our own people


@dataclass(frozen=True, slots=True)
class Identity:
    """What the bot token says of itself."""

    team: str
    app: str | None
    bot_user: str
    bot: str


def identify(client: WebClient) -> Identity:
    """Asks Slack, once and at the start; raises what slack_sdk raises."""
    own = client.auth_test()
    try:
        app = client.bots_info(bot=own["bot_id"])["bot"].get("app_id")
    except SlackApiError:  # without users:read the signature alone says which app it is
        app = None
    return Identity(own["team_id"], app, own["user_id"], own["bot_id"])


class Shape(Middleware):
    """Refuses what Slack does not send. Bolt reads actions and view before it calls a plain function."""

    def process(self, *, req: BoltRequest, resp: BoltResponse, next: Callable[[], BoltResponse]) -> BoltResponse | None:  # noqa: A002, ARG002 - Bolt's names
        if is_whole(req.body):
            return next()
        log.warning("Refused: not what Slack sends")
        return BoltResponse(status=400, body={"error": "not understood"})


class Guard:
    """Until Slack has said who we are, the signature alone is trusted."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.identity: Identity | None = None

    def check(self, body: Payload, context: BoltContext, next: Callable[[], BoltResponse]) -> BoltResponse | None:  # noqa: A002 - Bolt's name
        own = self.identity
        if own is None or (self._is_ours(body, own) and user_team_of(body) == own.team):
            context[PASSED] = True
            return next()
        log.warning("Refused: team %s, user of team %s", team_of(body), user_team_of(body))
        if self._is_ours(body, own):
            self._room.whisper(click_of(body), FOREIGN)
        return BoltResponse(status=200, body="")

    def failed(self, error: Exception, body: Payload, context: Mapping[str, Any]) -> BoltResponse:
        """The person hears that it failed, and neither they nor Slack see the error's text.

        What failed before it passed may be unsigned: nobody whom it names is told anything.
        """
        log.error("A listener failed: %s", type(error).__name__, exc_info=error)
        if not context.get(PASSED):
            return BoltResponse(status=500, body="")
        if "command" in body:
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": FAILED})
        if "actions" in body:
            self._room.whisper(click_of(body), FAILED)
        return BoltResponse(status=500, body="")

    def _is_ours(self, body: Payload, own: Identity) -> bool:
        app = body.get("api_app_id")
        return team_of(body) == own.team and (own.app is None or app is None or app == own.app)
