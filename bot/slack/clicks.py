"""The buttons: claim and push at the desk, the others open a window."""

import logging
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk.errors import SlackApiError

from bot.model import Opportunity
from bot.slack.answers import account_answer, details_view
from bot.slack.cards import WORKABLE
from bot.slack.desk import Answer, Click
from bot.slack.forms import dismiss_view, snooze_view
from bot.slack.managers import CannotTell
from bot.slack.payloads import Payload, action_click, deal_of, opportunity_of
from bot.slack.questions import owner_view
from bot.slack.replies import Reply, send_reply
from bot.slack.room import Room, Unavailable
from bot.slack.words import CardLabels

log = logging.getLogger(__name__)
OLD_BUTTON = "This button is from an older card and does nothing any more. Use the newest card of the account."
NOT_OPEN = "That opportunity is not open any more. The card shows what became of it."
ANSWERED = "That has been answered already. The card shows what came of it."
NOT_YOURS = "Only the one who is asked can say this, or a manager."
TOO_LATE = "Slack waits only three seconds for a window, and that was too short. Please click again."
NO_WINDOW = "The window could not be opened. Please click again in a moment."
# Both names of each: https://docs.slack.dev/surfaces/modals and the reference of views.open differ.
TRIGGER_ERRORS = {"expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged"}
Command = Callable[[Click, int], Answer]
BuildView = Callable[[Opportunity, CardLabels], dict[str, Any]]


class Clicks:
    def __init__(self, room: Room) -> None:
        self._room = room

    def claim(self, ack: Ack, body: Payload) -> None:
        self._command(ack, body, self._room.desk.claim)

    def push(self, ack: Ack, body: Payload) -> None:
        self._command(ack, body, self._room.desk.push)

    def new_deal(self, ack: Ack, body: Payload) -> None:
        self._command(ack, body, self._room.desk.new_deal)

    def use_deal(self, ack: Ack, body: Payload) -> None:
        chosen = deal_of(body)
        act = (lambda click: self._room.desk.use_deal(click, *chosen)) if chosen else None
        self._take(ack, action_click(body), act)

    def choose_owner(self, ack: Ack, body: Payload) -> None:
        ack()
        self._room.afterwards(lambda: self._ask_owner(body), action_click(body))

    def snooze(self, ack: Ack, body: Payload) -> None:
        self._window(ack, body, snooze_view)

    def dismiss(self, ack: Ack, body: Payload) -> None:
        self._window(ack, body, dismiss_view)

    def details(self, ack: Ack, body: Payload) -> None:
        self._window(ack, body, details_view, even_at_rest=True)

    def show_account(self, ack: Ack, body: Payload) -> None:
        ack()
        click, key = action_click(body), str(body["actions"][0].get("value"))
        self._room.afterwards(lambda: self._show_account(click, key), click)

    def unknown(self, ack: Ack, body: Payload) -> None:
        ack()
        self._room.whisper(action_click(body), OLD_BUTTON)

    def _command(self, ack: Ack, body: Payload, command: Command) -> None:
        opportunity = opportunity_of(body)
        self._take(ack, action_click(body), None if opportunity is None else lambda click: command(click, opportunity))

    def _take(self, ack: Ack, click: Click, act: Callable[[Click], Answer] | None) -> None:
        """To the desk, which itself enqueues what there is to say to the person; None: the button is none of ours."""
        problem = None if act is not None else OLD_BUTTON
        if act is not None:
            try:
                self._room.ask(lambda: act(click))
            except Unavailable as error:
                problem = str(error)
        ack()
        if problem:
            self._room.whisper(click, problem)

    def _window(self, ack: Ack, body: Payload, build: BuildView, *, even_at_rest: bool = False) -> None:
        ack()
        self._room.afterwards(lambda: self._open(body, build, even_at_rest), action_click(body))

    def _open(self, body: Payload, build: BuildView, even_at_rest: bool) -> None:
        click, number = action_click(body), opportunity_of(body)
        opportunity = None if number is None else self._room.ask(lambda: self._room.desk.details(number))
        if opportunity is None:
            self._room.whisper(click, OLD_BUTTON)
        elif not even_at_rest and opportunity.state not in WORKABLE:
            self._room.whisper(click, NOT_OPEN)
        else:
            open_view(self._room, click, str(body["trigger_id"]), build(opportunity, self._room.labels()))

    def _ask_owner(self, body: Payload) -> None:
        """A window for the rep who is asked, or for a manager."""
        click, number, room = action_click(body), opportunity_of(body), self._room
        opportunity = None if number is None else room.ask(lambda: room.desk.details(number))
        question = opportunity.question if opportunity else None
        if opportunity is None or question is None or question.what != "owner":
            room.whisper(click, OLD_BUTTON if opportunity is None else ANSWERED)
        elif may_answer(room, click.user, question.by):
            open_view(room, click, str(body["trigger_id"]), owner_view(opportunity, question, room.labels()))
        else:
            room.whisper(click, NOT_YOURS)

    def _show_account(self, click: Click, key: str) -> None:
        room = self._room
        reports = room.ask(lambda: room.desk.find_accounts(key))
        exact = [report for report in reports if report.account.key == key]
        shown = account_answer(key, exact or reports, room.labels())
        reply = Reply(click.channel, click.user, shown["text"], click.response_url, shown.get("blocks"))
        send_reply(room.client, reply)


def may_answer(room: Room, user: str, asked: str) -> bool:
    """For themselves, or as a manager; where Slack does not say who is one, nobody else may."""
    try:
        return user == asked or room.managers.include(user, fresh=True)
    except CannotTell:
        return False


def open_view(room: Room, click: Click, trigger: str, view: dict[str, Any]) -> None:
    """Show a window, or say why there is none."""
    try:
        room.client.views_open(trigger_id=trigger, view=view)
    except SlackApiError as error:
        reason = error.response.get("error")
        log.warning("No window: %s", reason)
        room.whisper(click, TOO_LATE if reason in TRIGGER_ERRORS else NO_WINDOW)
    except OSError as error:
        log.warning("No window: %s", type(error).__name__)
        room.whisper(click, NO_WINDOW)
