"""Slack as one person sees it: conversations, messages, threads, what only they see, the modal that is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.slack import ids
from sandbox.play.mrkdwn import Names
from sandbox.play.play import Play
from sandbox.play.view import HOME, View
from sandbox.slack import Message
from sandbox.slack import View as Modal
from sandbox.slack.workspace import Channel, User, Workspace

ROLES = {
    "U0REP1": "rep",
    "U0REP2": "rep",
    "U0REVOPS": "revenue operations",
    "U0BOSS": "manager",
    "U0GUEST": "of another company",
}
HINTS = {
    ids.ACCOUNT_COMMAND: "<name or domain>",
    ids.UPSELL_COMMAND: "[all | why <account> | thresholds | help]",
}
MOST = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A message with what the channel shows below it."""

    message: Message
    at: str
    day: str
    replies: int = 0


@dataclass(frozen=True, slots=True)
class SlackPane:
    """Everything that the template needs."""

    me: User
    users: Sequence[User]
    roles: Mapping[str, str]
    channels: Sequence[Channel]
    direct: Channel
    channel: Channel | None  # None: the Home tab
    messages: Sequence[Shown]
    parent: Shown | None
    thread: Sequence[Shown]
    modal: Modal | None
    home: Modal | None
    names: Names
    hints: Mapping[str, str]
    notices: Sequence[str]


def slack_pane(play: Play, view: View) -> SlackPane:
    workspace = play.world.slack.workspace
    me = workspace.users.get(view.me) or next(iter(workspace.users.values()))
    with workspace.lock:
        direct = workspace.direct(me.id)
        visible = [one for one in workspace.channels.values() if one.with_user is None]
        channel = None if view.at == HOME else _channel(workspace, view.at, direct)
        modals = [one for one in workspace.views.values() if one.user == me.id and one.is_open]
        messages, parent, thread = _talk(workspace, me, channel, view.thread) if channel else ([], None, [])
        return SlackPane(
            me=me,
            users=list(workspace.users.values()),
            roles=ROLES,
            channels=visible,
            direct=direct,
            channel=channel,
            messages=messages[-MOST:],
            parent=parent,
            thread=thread,
            modal=modals[-1] if modals else None,
            home=workspace.homes.get(me.id),
            names=names_of(workspace, me),
            hints=HINTS,
            notices=play.notices.get(me.id, ()),
        )


def names_of(workspace: Workspace, me: User) -> Names:
    return Names(
        users={user.id: user.name for user in workspace.users.values()},
        channels={one.id: one.name for one in workspace.channels.values()},
        groups={"S0REVOPS": "revops"},
        me=me.id,
        zone=me.tz,
    )


def _channel(workspace: Workspace, wanted: str, direct: Channel) -> Channel:
    found = workspace.channels.get(wanted, direct)
    return found if found.with_user in (None, direct.with_user) else direct  # nobody reads another's messages


def _talk(
    workspace: Workspace, me: User, channel: Channel, thread: str
) -> tuple[list[Shown], Shown | None, list[Shown]]:
    whispers = [one for one in workspace.ephemerals if one.only_for == me.id and one.channel == channel.id]
    posted = [*workspace.messages(channel.id), *(one for one in whispers if one.thread is None)]
    shown = [_shown(one, me.tz, len(workspace.replies(one.ts, channel.id))) for one in sorted(posted, key=_order)]
    parent = channel.messages.get(thread)
    replies = (
        [*workspace.replies(thread, channel.id), *(one for one in whispers if one.thread == thread)] if parent else []
    )
    return shown, _shown(parent, me.tz) if parent else None, [_shown(one, me.tz) for one in sorted(replies, key=_order)]


def _order(message: Message) -> Any:
    return float(message.ts.split(".")[0]), int(message.ts.split(".")[1])


def _shown(message: Message, zone: str, replies: int = 0) -> Shown:
    at = datetime.fromtimestamp(float(message.ts), UTC).astimezone(ZoneInfo(zone))
    return Shown(message, f"{at:%H:%M}", f"{at:%A, %B} {at.day}", replies)
