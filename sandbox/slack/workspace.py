"""What the sandbox's Slack remembers: people, groups, channels with their messages, open modals."""

import itertools
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.model import Clock

TRIGGER_LIFE = timedelta(seconds=3)
HOOK_LIFE = timedelta(minutes=30)
HOOK_USES = 5
BOT_SCOPES = (
    "chat:write,commands,users:read,users:read.email,usergroups:read,"
    "channels:read,groups:read,channels:history,groups:history,im:write,im:history"
)


class SlackError(Exception):
    """Slack's `ok: false`, by its own name for the error."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(name)
        self.body = {"ok": False, "error": name, **more}


@dataclass(slots=True)
class User:
    """A role of the story; `team` differs for people of another company in a shared channel."""

    id: str
    name: str
    email: str
    tz: str = "Europe/Berlin"
    team: str = "T0HEADROOM"
    deleted: bool = False  # deactivated


@dataclass(slots=True)
class Message:
    """A message as the channel shows it; `versions` counts the edits."""

    ts: str
    channel: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    only_for: str | None = None  # an ephemeral message
    thread: str | None = None  # the ts of the message that it answers
    versions: int = 1


@dataclass(slots=True)
class Channel:
    id: str
    name: str
    is_archived: bool = False
    is_member: bool = True
    is_private: bool = False
    is_ext_shared: bool = False
    with_user: str | None = None  # a direct message between this person and the app
    messages: dict[str, Message] = field(default_factory=dict)


@dataclass(slots=True)
class View:
    """A modal that someone has open, or has sent or closed."""

    id: str
    hash: str
    user: str
    content: dict[str, Any]
    is_open: bool = True
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Trigger:
    user: str
    expires: datetime
    used: bool = False


@dataclass(slots=True)
class _Hook:
    channel: str
    user: str
    message_ts: str | None
    expires: datetime
    left: int = HOOK_USES


class Workspace:
    """One Slack workspace with one app installed."""

    team, app_id, bot_user, bot_id = "T0HEADROOM", "A0HEADROOM", "U0HEADROOM", "B0HEADROOM"
    bot_token, app_token, signing_secret = "xoxb-sandbox", "xapp-1-A0HEADROOM-sandbox", "sandbox-signing-secret"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.scopes = set(BOT_SCOPES.split(","))
        self.users = {user.id: user for user in _people()}
        self.groups: dict[str, list[str]] = {"S0REVOPS": ["U0REVOPS"]}
        self.channels = {channel.id: channel for channel in _channels()}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}  # what the app has published on each person's Home tab
        self.ephemerals: list[Message] = []
        self.one_message_a_second = False
        self._last_post: dict[str, datetime] = {}
        self._triggers: dict[str, _Trigger] = {}
        self._hooks: dict[str, _Hook] = {}
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        return next(self._numbers)

    def next_ts(self) -> str:
        """Slack's message id: seconds, and digits that make it unique in its channel."""
        return f"{self.clock().timestamp():.0f}.{self.next_number():06d}"

    def user(self, user: str) -> User:
        if user not in self.users:
            raise SlackError("user_not_found")
        return self.users[user]

    def channel(self, channel: str) -> Channel:
        if channel not in self.channels:
            raise SlackError("channel_not_found")
        return self.channels[channel]

    def direct(self, user: str) -> Channel:
        """The conversation between a person and the app."""
        person = self.user(user)
        if person.deleted:
            raise SlackError("user_disabled")
        name = f"D{user[1:]}"
        return self.channels.setdefault(name, Channel(name, person.name, with_user=user))

    def writable(self, channel: str) -> Channel:
        """A person's id stands for the direct conversation: https://docs.slack.dev/reference/methods/chat.postMessage"""
        found = self.direct(channel) if channel.startswith("U") else self.channel(channel)
        if found.is_archived:
            raise SlackError("is_archived")
        if not found.is_member:
            raise SlackError("not_in_channel")
        return found

    def seconds_to_wait(self, channel: str) -> float:
        """Slack's rule of about one message a second and channel, when it is switched on."""
        now, last = self.clock(), self._last_post.get(channel)
        if self.one_message_a_second and last and now - last < timedelta(seconds=1):
            return 1.0
        self._last_post[channel] = now
        return 0.0

    def messages(self, channel: str = "C0SALES") -> list[Message]:
        """What the channel itself shows, oldest first: answers stand in their threads."""
        return [one for one in self._all(channel) if one.thread is None]

    def replies(self, ts: str, channel: str = "C0SALES") -> list[Message]:
        """The answers in the thread of a message, oldest first."""
        return [one for one in self._all(channel) if one.thread == ts]

    def _all(self, channel: str) -> list[Message]:
        held = self.channels[channel].messages if channel in self.channels else {}
        return [held[ts] for ts in sorted(held)]

    def find_message(self, ts: str) -> Message:
        everywhere = [message for channel in self.channels.values() for message in channel.messages.values()]
        return next(message for message in [*everywhere, *self.ephemerals] if message.ts == ts)

    def new_trigger(self, user: str) -> str:
        trigger = f"{self.next_number()}.{self.team}.trigger"
        self._triggers[trigger] = _Trigger(user, self.clock() + TRIGGER_LIFE)
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """The user who may see a modal now: three seconds, once."""
        found = self._triggers.get(trigger)
        if found is None:
            raise SlackError("invalid_trigger_id")
        if found.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() > found.expires:
            raise SlackError("expired_trigger_id")
        found.used = True
        return found.user

    def new_hook(self, channel: str, user: str, message_ts: str | None) -> str:
        name = f"{self.team}-{self.next_number()}"
        self._hooks[name] = _Hook(channel, user, message_ts, self.clock() + HOOK_LIFE)
        return name

    def use_hook(self, name: str) -> tuple[str, str]:
        """Channel and user that a response_url writes to: five times in thirty minutes."""
        hook = self._hooks.get(name)
        if hook is None or self.clock() > hook.expires:
            raise SlackError("expired_url")
        if hook.left == 0:
            raise SlackError("used_url")
        hook.left -= 1
        return hook.channel, hook.user

    def open_view(self, user: str, content: dict[str, Any]) -> View:
        number = self.next_number()
        view = View(f"V{number:06d}", f"{number}.hash", user, content)
        self.views[view.id] = view
        return view

    def publish(self, user: str, content: dict[str, Any]) -> View:
        """What the person sees on the Home tab from now on; the view keeps its id."""
        number, known = self.next_number(), self.homes.get(user)
        self.homes[user] = View(known.id if known else f"V{number:06d}", f"{number}.hash", user, content)
        return self.homes[user]


def _channels() -> list[Channel]:
    return [Channel("C0SALES", "sales"), Channel("C0SAVE", "save"), Channel("C0OTHER", "other")]


def _people() -> list[User]:
    names = {"U0REP1": "rep.one", "U0REP2": "rep.two", "U0REVOPS": "revops", "U0BOSS": "manager"}
    people = [User(key, name, f"{name}@sales.example") for key, name in names.items()]
    return [*people, User("U0GUEST", "guest", "guest@partner.example", team="T0PARTNER")]
