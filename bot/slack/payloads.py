"""What Slack sends, read: who clicked what, where, and under which delivery key."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.slack.desk import Click
from bot.slack.ids import VALUE

Payload = Mapping[str, Any]
RECORDS = ("team", "user", "channel", "container", "view")


def is_whole(body: Payload) -> bool:
    """Whether somebody did something, and the parts that are read are what Slack sends."""
    if not user_of(body) or any(not isinstance(body.get(part) or {}, dict) for part in RECORDS):
        return False
    if "actions" in body:
        return _word(_action(body).get("action_id")) is not None
    if "view" in body:
        view = _record(body["view"])
        return None not in (_word(view.get("id")), _word(view.get("callback_id")))
    return None not in (_word(body.get("command")), _word(body.get("trigger_id")))


def team_of(body: Payload) -> str | None:
    """The workspace in which it happened."""
    return _word(body.get("team_id")) or _word(_record(body.get("team")).get("id"))


def user_of(body: Payload) -> str:
    return _word(body.get("user_id")) or _word(_record(body.get("user")).get("id")) or ""


def user_team_of(body: Payload) -> str | None:
    """The workspace to which the person belongs: another one in a channel shared with a partner."""
    return _word(_record(body.get("user")).get("team_id")) or team_of(body)


def user_name_of(body: Payload) -> str | None:
    user = _record(body.get("user"))
    return _word(body.get("user_name")) or _word(user.get("username")) or _word(user.get("name"))


def channel_of(body: Payload) -> str | None:
    channel, container = _record(body.get("channel")), _record(body.get("container"))
    return _word(body.get("channel_id")) or _word(channel.get("id")) or _word(container.get("channel_id"))


def action_click(body: Payload) -> Click:
    action, container = _action(body), _record(body.get("container"))
    where = container.get("message_ts") or container.get("view_id")
    parts = (team_of(body), user_of(body), where, action.get("action_id"), action.get("action_ts"))
    key = ":".join(str(part) for part in parts)
    return Click(f"action:{key}", user_of(body), channel_of(body), _word(body.get("response_url")))


def view_click(body: Payload) -> Click:
    """A modal is answered in the acknowledgement, hence no channel."""
    view = body["view"]
    return Click(f"view:{view['id']}:{view.get('hash')}", user_of(body))


def command_click(body: Payload) -> Click:
    url = _word(body.get("response_url"))
    return Click(f"command:{body['trigger_id']}", user_of(body), channel_of(body), url)


def click_of(body: Payload) -> Click:
    if "actions" in body:
        return action_click(body)
    return view_click(body) if "view" in body else command_click(body)


def opportunity_of(body: Payload) -> int | None:
    """The opportunity of a button; None: the value is not one of ours, or of another release."""
    return _number(_action(body).get("value"))


def carried(body: Payload) -> int | None:
    """The number that a modal carries: an opportunity, or the version of the thresholds."""
    return _number(_record(body.get("view")).get("private_metadata"))


def deal_of(body: Payload) -> tuple[int, str] | None:
    """Opportunity and deal of an answer, be it a button or a choice from a list."""
    action = _action(body)
    return _pair(action.get("value") or _record(action.get("selected_option")).get("value"))


def carried_rep(body: Payload) -> tuple[int, str] | None:
    """Opportunity and Slack user that a modal carries."""
    return _pair(_record(body.get("view")).get("private_metadata"))


def typed(body: Payload) -> tuple[str, str]:
    """The block in which somebody types, and what stands there."""
    return _word(body.get("block_id")) or "", _word(body.get("value")) or ""


def text_in(body: Payload, block: str) -> str:
    return str(_state(body, block).get("value") or "").strip()


def choice_in(body: Payload, block: str) -> str | None:
    return _word(_record(_state(body, block).get("selected_option")).get("value"))


def date_in(body: Payload, block: str) -> date | None:
    """None: nothing was chosen, or no day of the calendar."""
    try:
        return date.fromisoformat(_state(body, block).get("selected_date") or "")
    except (ValueError, TypeError):
        return None


def _state(body: Payload, block: str) -> Payload:
    part = _record(body.get("view"))
    for name in ("state", "values", block, VALUE):
        part = _record(part.get(name))
    return part


def _action(body: Payload) -> Payload:
    actions = body.get("actions")
    return _record(actions[0]) if isinstance(actions, list) and actions else {}


def _record(part: object) -> Payload:
    return part if isinstance(part, dict) else {}


def _word(part: object) -> str | None:
    return part if isinstance(part, str) and part.strip() else None


def _pair(text: object) -> tuple[int, str] | None:
    first, _, second = text.partition(":") if isinstance(text, str) else ("", "", "")
    number = _number(first)
    return (number, second) if number is not None and second else None


def _number(text: object) -> int | None:
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,19}", text, re.ASCII):
        return None
    number = int(text)
    return number if number < 2**63 else None
