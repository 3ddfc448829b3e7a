"""What people do in Slack: click, type a command, send a modal. Each arrives at the bot as Slack would send it."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.server import ORDER
from sandbox.slack.blocks import options_faults
from sandbox.slack.methods import checked_content, replace_view, shown_view
from sandbox.slack.socket_mode import Links
from sandbox.slack.states import action_of, state_of
from sandbox.slack.workspace import Message, SlackError, User, View, Workspace

AS_JSON = {"Content-Type": "application/json"}
PATIENCE = 5.0  # seconds; Slack shows an error after three


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sent, so that it can be sent once more to the byte."""

    kind: str  # the envelope's type in Socket Mode
    payload: dict[str, Any]
    form: dict[str, str]
    user: User
    view: View | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """How the bot acknowledged: HTTP status (None: not at all), body, and after how many seconds."""

    status: int | None
    body: Any
    seconds: float
    delivery: Delivery = field(repr=False)

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.seconds < 3


@dataclass(frozen=True, slots=True)
class Sent:
    """A line of the log of what people did; `number` puts it in order with the calls to all servers."""

    number: int
    at: datetime
    ack: Ack


class People:
    """The users' side. Requests are signed, or go over Socket Mode while a client is connected."""

    def __init__(self, workspace: Workspace, links: Links, url: str) -> None:
        self.workspace = workspace
        self.links = links
        self.url = url
        self.bot_url: str | None = None  # where the bot listens: http://127.0.0.1:3000/slack/events
        self.refused: list[str] = []  # acks that Slack would not have understood
        self.sent: list[Sent] = []
        self._offered: dict[str, list[dict[str, Any]]] = {}  # by view: what a list that is asked for showed last

    def click(self, user: str, message_ts: str, action_id: str, value: str | None = None) -> Ack:
        """Press a button; with `value` one that the message does not hold: an old or a forged card."""
        message = self.workspace.find_message(message_ts)
        button = {"value": value} if value is not None else button_of(message, action_id)
        action = {
            "type": "button",
            "action_id": action_id,
            "block_id": "block",
            "action_ts": self.workspace.next_ts(),
            **{key: content for key, content in button.items() if key in ("value", "text")},
        }
        return self._interact("block_actions", user, {**self._place(user, message), "actions": [action]})

    def choose(self, user: str, message_ts: str, action_id: str, value: str) -> Ack:
        """Choose from a list in a message."""
        message = self.workspace.find_message(message_ts)
        (option,) = [one for one in button_of(message, action_id)["options"] if one["value"] == value]
        action = {
            "type": "static_select",
            "action_id": action_id,
            "block_id": "block",
            "action_ts": self.workspace.next_ts(),
            "selected_option": option,
        }
        return self._interact("block_actions", user, {**self._place(user, message), "actions": [action]})

    def type_into(self, view: View, user: str, block_id: str, text: str = "") -> list[dict[str, Any]]:
        """What a list of a modal offers for what is typed."""
        (block,) = [one for one in view.content["blocks"] if one.get("block_id") == block_id]
        where = self._within(view)
        typed = {"action_id": block["element"]["action_id"], "block_id": block_id, "value": text}
        ack = self._interact("block_suggestion", user, {**where, **typed})
        options = ack.body.get("options") if ack.ok and isinstance(ack.body, dict) else None
        faults = options_faults(options)
        if faults:
            self.refused.append(f"{ack}: {faults}")
        self._offered[view.id] = options if isinstance(options, list) and not faults else []
        return self._offered[view.id]

    def act(self, user: str, place: Message | View, element: dict[str, Any], block_id: str, given: Any = None) -> Ack:
        """Use any element of a message, a modal or the Home tab that acts at once."""
        action = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block_id,
            "action_ts": self.workspace.next_ts(),
            **action_of(element, given),
        }
        where = self._place(user, place) if isinstance(place, Message) else self._within(place)
        return self._interact("block_actions", user, {**where, "actions": [action]})

    def open_home(self, user: str) -> Ack:
        """Look at the app's Home tab. The app hears of it, and may publish what stands there."""
        person, home = self.workspace.user(user), self.workspace.homes.get(user)
        seen = {"view": shown_view(self.workspace, home)} if home else {}
        channel = self.workspace.direct(user).id
        event = {"type": "app_home_opened", "user": user, "channel": channel, "tab": "home", **seen}
        payload = {
            "type": "event_callback",
            "team_id": person.team,
            "api_app_id": self.workspace.app_id,
            "event_id": f"Ev{self.workspace.next_number():08}",
            "event_time": int(self.workspace.clock().timestamp()),
            "event": event,
        }
        return self.send(Delivery("events_api", payload, {}, person))

    def close(self, view: View, user: str) -> None:
        """Close a modal; the app hears of it where it asked to."""
        view.is_open = False
        if view.content.get("notify_on_close"):
            self._interact("view_closed", user, {"view": shown_view(self.workspace, view), "is_cleared": False})

    def command(self, user: str, command: str, text: str = "", channel: str = "C0SALES") -> Ack:
        person = self.workspace.user(user)
        form = {
            "team_id": person.team,
            "api_app_id": self.workspace.app_id,
            "user_id": user,
            "user_name": person.name,
            "channel_id": channel,
            "command": command,
            "text": text,
            "trigger_id": self.workspace.new_trigger(user),
            "response_url": self._response_url(channel, user, None),
        }
        return self.send(Delivery("slash_commands", {**form}, form, person))

    def submit(self, view: View, user: str, values: dict[str, Any]) -> Ack:
        """Send a modal. `values` by block id: text, or the value of an option, or a date."""
        view.errors = {}
        offered = self._offered.get(view.id, [])
        inputs = [block for block in view.content["blocks"] if block["type"] == "input"]
        state = {
            block["block_id"]: _state(block["element"], values.get(block["block_id"]), offered) for block in inputs
        }
        content = {**shown_view(self.workspace, view), "state": {"values": state}}
        return self._interact("view_submission", user, {"view": content, "response_urls": []}, view)

    def latest_view(self, user: str, patience: float = PATIENCE) -> View:
        """The modal that the user sees; waits for it as a person would."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found = [view for view in list(self.workspace.views.values()) if view.user == user and view.is_open]
            if found:
                return found[-1]
            time.sleep(0.01)
        raise AssertionError(f"{user} sees no modal")

    def send(self, delivery: Delivery) -> Ack:
        """Deliver, or deliver once more."""
        started = time.monotonic()
        status, body = self._over_socket(delivery) if self.links.number else self._over_http(delivery)
        ack = Ack(status, body, time.monotonic() - started, delivery)
        self.sent.append(Sent(next(ORDER), self.workspace.clock(), ack))
        if ack.ok:
            self._apply(ack)
        return ack

    def _interact(self, kind: str, user: str, more: dict[str, Any], view: View | None = None) -> Ack:
        person = self.workspace.user(user)
        payload = {
            "type": kind,
            "team": {"id": self.workspace.team, "domain": "sandbox"},
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team},
            "api_app_id": self.workspace.app_id,
            "trigger_id": self.workspace.new_trigger(user),
            **more,
        }
        return self.send(Delivery("interactive", payload, {"payload": json.dumps(payload)}, person, view))

    def _place(self, user: str, message: Message) -> dict[str, Any]:
        channel = self.workspace.channels[message.channel]
        return {
            "container": {"type": "message", "message_ts": message.ts, "channel_id": channel.id},
            "channel": {"id": channel.id, "name": channel.name},
            "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
            "response_url": self._response_url(channel.id, user, message.ts),
        }

    def _within(self, view: View) -> dict[str, Any]:
        return {"view": shown_view(self.workspace, view), "container": {"type": "view", "view_id": view.id}}

    def _response_url(self, channel: str, user: str, message_ts: str | None) -> str:
        return f"{self.url}/hooks/{self.workspace.new_hook(channel, user, message_ts)}"

    def _over_socket(self, delivery: Delivery) -> tuple[int | None, Any]:
        done, body = self.links.send(delivery.kind, delivery.payload, PATIENCE)
        return (200 if done else None), body

    def _over_http(self, delivery: Delivery) -> tuple[int | None, Any]:
        if self.bot_url is None:
            raise AssertionError("the bot is not connected: set bot_url")
        is_event = delivery.kind == "events_api"  # the only ones in JSON
        body, address = json.dumps(delivery.payload) if is_event else urlencode(delivery.form), urlsplit(self.bot_url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
        try:
            connection.request(
                "POST",
                address.path,
                body,
                {**signed_headers(self.workspace.signing_secret, body), **(AS_JSON if is_event else {})},
            )
            response = connection.getresponse()
            return response.status, _decoded(response.read().decode())
        except (OSError, HTTPException):
            return None, None
        finally:
            connection.close()

    def _apply(self, ack: Ack) -> None:
        """What Slack does with the body of an ack; a body that it would refuse is kept for the test to see."""
        try:
            if ack.delivery.view is not None:
                self._answer_view(ack.delivery.view, ack.body or {})
            elif ack.delivery.kind == "slash_commands" and ack.body:
                self._answer_command(ack)
        except SlackError as error:
            self.refused.append(str(error.body))

    def _answer_view(self, view: View, body: dict[str, Any]) -> None:
        match body.get("response_action"):
            case "errors":
                view.errors = body["errors"]
                inputs = {block.get("block_id") for block in view.content["blocks"] if block["type"] == "input"}
                if not view.errors or not set(view.errors) <= inputs:
                    raise SlackError("invalid_errors", errors=view.errors)
            case "update" | "push":
                replace_view(self.workspace, view, body["view"])
            case _:
                view.is_open = False

    def _answer_command(self, ack: Ack) -> None:
        given = ack.body if isinstance(ack.body, dict) else {"text": ack.body}
        text, blocks = checked_content(given)
        channel, user = ack.delivery.payload["channel_id"], ack.delivery.user.id
        message = Message(self.workspace.next_ts(), channel, text, blocks, only_for=user)
        self.workspace.ephemerals.append(message)


def signed_headers(secret: str, body: str, at: float | None = None) -> dict[str, str]:
    """Slack's signature over the raw body: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def button_of(message: Message, action_id: str) -> dict[str, Any]:
    shown = [
        element for block in message.blocks for element in [*block.get("elements", []), block.get("accessory", {})]
    ]
    return next(element for element in shown if element.get("action_id") == action_id)


def _state(element: dict[str, Any], given: Any, offered: list[dict[str, Any]]) -> dict[str, Any]:
    return {element["action_id"]: {"type": element["type"], **state_of(element, given, offered)}}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
