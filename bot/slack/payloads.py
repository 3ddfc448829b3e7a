"""What Slack sends, read: who clicked what, where, and under which delivery key."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.slack.desk import Click
from bot.slack.ids import VALUE

Payload = Mapping[str, Any]


def team_of(body: Payload) -> str | None:
    """The workspace in which it happened."""
    team = body.get("team") or {}
    return body.get("team_id") or team.get("id")


def user_of(body: Payload) -> str:
    user = body.get("user") or {}
    return str(body.get("user_id") or user.get("id") or "")


def user_team_of(body: Payload) -> str | None:
    """The workspace to which the person belongs: another one in a channel shared with a partner."""
    user = body.get("user") or {}
    return user.get("team_id") or team_of(body)


def user_name_of(body: Payload) -> str | None:
    user = body.get("user") or {}
    return body.get("user_name") or user.get("username") or user.get("name")


def channel_of(body: Payload) -> str | None:
    channel, container = body.get("channel") or {}, body.get("container") or {}
    return body.get("channel_id") or channel.get("id") or container.get("channel_id")


def action_click(body: Payload) -> Click:
    action, container = body["actions"][0], body.get("container") or {}
    where = container.get("message_ts") or container.get("view_id")
    parts = (team_of(body), user_of(body), where, action["action_id"], action.get("action_ts"))
    key = ":".join(str(part) for part in parts)
    return Click(f"action:{key}", user_of(body), channel_of(body), body.get("response_url"))


def view_click(body: Payload) -> Click:
    """A modal is answered in the acknowledgement, hence no channel."""
    view = body["view"]
    return Click(f"view:{view['id']}:{view.get('hash')}", user_of(body))


def command_click(body: Payload) -> Click:
    return Click(f"command:{body['trigger_id']}", user_of(body), channel_of(body), body.get("response_url"))


def click_of(body: Payload) -> Click:
    if "actions" in body:
        return action_click(body)
    return view_click(body) if "view" in body else command_click(body)


def opportunity_of(body: Payload) -> int | None:
    """The opportunity of a button; None: the value is not one of ours, or of another release."""
    return _number(body["actions"][0].get("value"))


def carried(body: Payload) -> int | None:
    """The number that a modal carries: an opportunity, or the version of the thresholds."""
    return _number(body["view"].get("private_metadata"))


def text_in(body: Payload, block: str) -> str:
    return str(_state(body, block).get("value") or "").strip()


def choice_in(body: Payload, block: str) -> str | None:
    option = _state(body, block).get("selected_option") or {}
    return option.get("value")


def date_in(body: Payload, block: str) -> date | None:
    chosen = _state(body, block).get("selected_date")
    return date.fromisoformat(chosen) if chosen else None


def _state(body: Payload, block: str) -> Payload:
    values = body["view"].get("state", {}).get("values", {})
    return values.get(block, {}).get(VALUE) or {}


def _number(text: object) -> int | None:
    try:
        number = json.loads(str(text))
    except ValueError:
        return None
    return number if type(number) is int and 0 <= number < 2**63 else None
