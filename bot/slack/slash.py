"""The slash commands. A look-up is answered in the acknowledgement."""

from typing import Any

from slack_bolt import Ack

from bot.slack.answers import HELP, WHICH_ACCOUNT, account_answer, inbox_answer, message
from bot.slack.clicks import open_view
from bot.slack.forms import thresholds_view
from bot.slack.managers import CannotTell
from bot.slack.payloads import Payload, command_click, user_name_of, user_of
from bot.slack.room import Room, Unavailable, safely
from bot.slack.submissions import NOT_A_MANAGER, NOT_KNOWN


class SlashCommands:
    def __init__(self, room: Room) -> None:
        self._room = room

    def account(self, ack: Ack, body: Payload) -> None:
        ack(**self._look_up(_text(body)))

    def upsell(self, ack: Ack, body: Payload) -> None:
        word, _, rest = _text(body).partition(" ")
        match word.casefold():
            case "" | "all":
                ack(**self._inbox(user_of(body), everyone=bool(word)))
            case "why":
                ack(**self._look_up(rest.strip(), why=True))
            case "thresholds":
                ack()
                self._room.afterwards(lambda: self._open_thresholds(body), command_click(body))
            case _:
                ack(**message(HELP))

    def unknown(self, ack: Ack) -> None:
        ack(**message(HELP))

    def _look_up(self, text: str, *, why: bool = False) -> dict[str, Any]:
        if not text:
            return message(WHICH_ACCOUNT)
        try:
            desk = self._room.desk
            reports = self._room.ask(lambda: desk.explain_accounts(text) if why else desk.find_accounts(text))
            return account_answer(text, reports, self._room.labels())
        except Unavailable as error:
            return message(safely(str(error)))

    def _inbox(self, user: str, *, everyone: bool) -> dict[str, Any]:
        try:
            found = self._room.ask(lambda: self._room.desk.inbox(user, everyone))
            return inbox_answer(found, everyone, self._room.labels())
        except Unavailable as error:
            return message(safely(str(error)))

    def _open_thresholds(self, body: Payload) -> None:
        click, room = command_click(body), self._room
        room.remember(click.user, user_name_of(body))
        try:
            allowed = room.managers.include(click.user)
        except CannotTell:
            room.whisper(click, NOT_KNOWN)
            return
        if not allowed:
            room.whisper(click, NOT_A_MANAGER)
            return
        current = room.ask(room.desk.thresholds)
        open_view(room, click, str(body["trigger_id"]), thresholds_view(current, room.labels()))


def _text(body: Payload) -> str:
    return " ".join(str(body.get("text") or "").split())
