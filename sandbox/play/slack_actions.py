"""What somebody does in the Slack of the page; each becomes a signed request to the bot, as in life."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.play.play import Play
from sandbox.slack import Ack, Message
from sandbox.slack import View as Modal
from sandbox.slack.states import SEVERAL

Form = Mapping[str, list[str]]
TROUBLE = "We had some trouble connecting. Try again?"


def act(play: Play, me: str, form: Form) -> None:
    """Use an element as the person saw it: the message may have changed since, as it may in life."""
    asked = json.loads(form["act"][0])
    element, block_id, chosen = asked["element"], asked["block"], asked.get("chosen")
    if chosen is None and element["type"] != "button":
        told = form.get(asked["name"], [])
        chosen = told if _takes_several(element) else next(iter(told), None)
    place = _place(play, me, *asked["place"].split(":", 1))
    _told(play, me, play.world.slack.people.act(me, place, element, block_id, chosen), TROUBLE)


def command(play: Play, me: str, channel: str, text: str) -> None:
    """A line of the command box; what is no command is a message, which this app does not read."""
    word, _, rest = text.strip().partition(" ")
    if not word.startswith("/"):
        _say(play, me, "Nobody reads messages here. Try /upsell help.")
        return
    if word not in COMMANDS:
        _say(play, me, f"{word} is not a valid command.")
        return
    ack = play.world.slack.people.command(me, word, rest.strip(), channel)
    name = "operation_timeout" if ack.status is None or ack.status == 200 else "dispatch_failed"
    _told(play, me, ack, f"{word} failed with the error “{name}”")


def submit(play: Play, me: str, form: Form) -> None:
    modal = play.world.slack.workspace.views[form["view"][0]]
    values: dict[str, Any] = {}
    for block in modal.content["blocks"]:
        if block["type"] == "input":
            values[block["block_id"]] = _filled_in(block["element"], form.get(f"in:{block['block_id']}"))
    _told(play, me, play.world.slack.people.submit(modal, me, values), TROUBLE)


def close(play: Play, me: str, form: Form) -> None:
    play.world.slack.people.close(play.world.slack.workspace.views[form["view"][0]], me)


def suggest(play: Play, me: str, view: str, block: str, typed: str) -> list[dict[str, str]]:
    """What a list offers for what is typed in it."""
    modal = play.world.slack.workspace.views[view]
    found = play.world.slack.people.type_into(modal, me, block, typed)
    return [{"value": one["value"], "text": one["text"]["text"]} for one in found]


def open_home(play: Play, me: str) -> None:
    play.world.slack.people.open_home(me)


COMMANDS = ("/account", "/upsell")


def _filled_in(element: Mapping[str, Any], given: list[str] | None) -> Any:
    if _takes_several(element):
        return given or []
    return given[0] if given else None


def _place(play: Play, me: str, kind: str, where: str) -> Message | Modal:
    workspace = play.world.slack.workspace
    if kind == "m":
        return workspace.find_message(where)
    return workspace.homes[me] if kind == "h" else workspace.views[where]


def _takes_several(element: Mapping[str, Any]) -> bool:
    return element["type"] in (*SEVERAL, "multi_users_select")


def _told(play: Play, me: str, ack: Ack, trouble: str) -> None:
    """What Slack tells the person where the app did not acknowledge, or answered what Slack refuses."""
    refused = play.world.slack.people.refused
    if not ack.ok:
        _say(play, me, trouble)
    elif refused:
        _say(play, me, f"Slack refused what the app answered: {refused[-1][:300]}")
        refused.clear()
    else:
        play.notices.pop(me, None)


def _say(play: Play, me: str, words: str) -> None:
    play.notices[me] = (words,)
