"""Windows that were sent: checked, taken to the desk, answered in the acknowledgement."""

from collections.abc import Callable

from slack_bolt import Ack

from bot.slack import ids
from bot.slack.desk import Answer
from bot.slack.forms import Wrong, dismissal, notice_view, snoozed_until, thresholds
from bot.slack.managers import CannotTell
from bot.slack.payloads import (
    Payload,
    carried,
    carried_rep,
    choice_in,
    typed,
    user_name_of,
    user_of,
    view_click,
)
from bot.slack.questions import owner_options
from bot.slack.replies import spoken
from bot.slack.room import Room, Unavailable
from bot.slack.text import Mrkdwn

OLD_WINDOW = Mrkdwn("This window is from an older release of Headroom. Close it and open it again.")
NOT_A_MANAGER = "Thresholds are set by managers, and you are not one of them. Nothing was changed."
NOT_YOURS = "Only the one who is asked can say this, or a manager. Nothing was changed."
NOT_KNOWN = "Slack did not say whether you are a manager. Nothing was changed; please try again in a minute."

Command = Callable[[], Answer]


class Submissions:
    def __init__(self, room: Room) -> None:
        self._room = room

    def snooze(self, ack: Ack, body: Payload) -> None:
        def read() -> Command:
            until, opportunity = snoozed_until(body, self._room.clock(), self._room.labels().timezone), _carried(body)
            return lambda: self._room.desk.snooze(view_click(body), opportunity, until)

        self._answer(ack, ids.UNTIL_BLOCK, read)

    def dismiss(self, ack: Ack, body: Payload) -> None:
        def read() -> Command:
            (reason, note), opportunity = dismissal(body), _carried(body)
            return lambda: self._room.desk.dismiss(view_click(body), opportunity, reason, note)

        self._answer(ack, ids.REASON_BLOCK, read)

    def thresholds(self, ack: Ack, body: Payload) -> None:
        self._room.remember(user_of(body), user_name_of(body))

        def read() -> Command:
            values, version = thresholds(body), _carried(body)
            if not self._room.managers.include(user_of(body), fresh=True):
                raise Wrong({ids.APPROACHING_BLOCK: NOT_A_MANAGER})
            return lambda: self._room.desk.set_thresholds(view_click(body), version, values)

        self._answer(ack, ids.APPROACHING_BLOCK, read)

    def owner(self, ack: Ack, body: Payload) -> None:
        def read() -> Command:
            owner, asked, user = choice_in(body, ids.OWNER_BLOCK), carried_rep(body), user_of(body)
            if asked is None:
                raise Unavailable(str(OLD_WINDOW))
            opportunity, rep = asked
            if owner is None:
                raise Wrong({ids.OWNER_BLOCK: "Choose a user."})
            if user != rep and not self._room.managers.include(user, fresh=True):
                raise Wrong({ids.OWNER_BLOCK: NOT_YOURS})
            return lambda: self._room.desk.choose_owner(view_click(body), opportunity, rep, owner)

        self._answer(ack, ids.OWNER_BLOCK, read)

    def owners(self, ack: Ack, body: Payload) -> None:
        """What is typed is looked up in the database only: Slack waits three seconds."""
        block, text = typed(body)
        try:
            found = self._room.ask(lambda: self._room.desk.deal_owners(text)) if block == ids.OWNER_BLOCK else []
        except Unavailable:
            found = []
        ack(options=owner_options(found))

    def no_options(self, ack: Ack) -> None:
        ack(options=[])

    def unknown(self, ack: Ack) -> None:
        ack(response_action="update", view=notice_view(OLD_WINDOW))

    def _answer(self, ack: Ack, block: str, read: Callable[[], Command]) -> None:
        """Close the window or say in it what there is to say; what is wrong, at `block` unless it has its own place."""
        answer = self._taken(block, read)
        if isinstance(answer, dict):
            ack(response_action="errors", errors=answer)
        elif answer.text:
            ack(response_action="update", view=notice_view(spoken(answer.text, answer.by)))
        else:
            ack()

    def _taken(self, block: str, read: Callable[[], Command]) -> Answer | dict[str, str]:
        """The desk's answer, or mistakes by block."""
        try:
            answer = self._room.ask(read())
        except Wrong as wrong:
            return wrong.errors
        except CannotTell:
            return {block: NOT_KNOWN}
        except Unavailable as error:
            return {block: str(error)}
        return answer if answer.ok else {block: self._room.plainly(answer)}


def _carried(body: Payload) -> int:
    number = carried(body)
    if number is None:
        raise Unavailable(str(OLD_WINDOW))
    return number
