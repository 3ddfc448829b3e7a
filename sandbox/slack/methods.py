"""Slack's Web API methods, with the checks and the names for errors that Slack has."""

from collections.abc import Callable
from typing import Any

from sandbox.server import Refusal
from sandbox.slack.blocks import message_faults, view_faults
from sandbox.slack.workspace import Channel, Message, SlackError, View, Workspace

Arguments = dict[str, Any]
Answer = dict[str, Any]
PAGE = 100
METADATA_KEYS = {"event_type", "event_payload"}


def call(workspace: Workspace, method: str, arguments: Arguments) -> Answer:
    """One method's answer; raises SlackError."""
    if method not in METHODS:
        raise SlackError("unknown_method")
    scope, run = METHODS[method]
    needed = _channel_scope(workspace, arguments, scope) if scope in ("history", "read") else scope
    if needed and needed not in workspace.scopes:
        raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(workspace.scopes)))
    with workspace.lock:
        return {"ok": True, **run(workspace, arguments)}


def checked_content(arguments: Arguments) -> tuple[str, list[dict[str, Any]]]:
    """Text and blocks of a message, refused where Slack would."""
    text, blocks = arguments.get("text", ""), arguments.get("blocks") or []
    faults = message_faults(blocks) if blocks else []
    if faults:
        raise SlackError("invalid_blocks", errors=faults)
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > 4000:
        raise SlackError("msg_too_long")
    return text, blocks


def post_ephemeral(workspace: Workspace, channel: str, user: str, arguments: Arguments) -> Message:
    text, blocks = checked_content(arguments)
    message = Message(workspace.next_ts(), channel, text, blocks, only_for=user)
    workspace.ephemerals.append(message)
    return message


def _auth_test(workspace: Workspace, _: Arguments) -> Answer:
    ids = {"team_id": workspace.team, "user_id": workspace.bot_user, "bot_id": workspace.bot_id}
    return {"url": "https://sandbox.slack.example/", "team": "sandbox", "user": "headroom", **ids}


def _bots_info(workspace: Workspace, _: Arguments) -> Answer:
    return {"bot": {"id": workspace.bot_id, "app_id": workspace.app_id, "user_id": workspace.bot_user}}


def _post_message(workspace: Workspace, arguments: Arguments) -> Answer:
    channel = workspace.writable(arguments["channel"])
    wait = workspace.seconds_to_wait(channel.id)
    if wait:
        raise Refusal(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": f"{wait:.0f}"})
    thread = arguments.get("thread_ts")
    if thread and _parent(channel, thread) is None:
        raise SlackError("thread_not_found")
    text, blocks = checked_content(arguments)
    message = Message(workspace.next_ts(), channel.id, text, blocks, _metadata(arguments), thread=thread)
    channel.messages[message.ts] = message
    return {"channel": channel.id, "ts": message.ts, "message": _shown(workspace, message, with_metadata=False)}


def _update(workspace: Workspace, arguments: Arguments) -> Answer:
    channel = workspace.writable(arguments["channel"])
    message = channel.messages.get(arguments["ts"])
    if message is None:
        raise SlackError("message_not_found")
    message.text, message.blocks = checked_content(arguments)
    message.metadata = _metadata(arguments) or message.metadata
    message.versions += 1
    return {"channel": channel.id, "ts": message.ts, "text": message.text}


def _post_ephemeral(workspace: Workspace, arguments: Arguments) -> Answer:
    channel, user = workspace.writable(arguments["channel"]), workspace.user(arguments["user"])
    return {"message_ts": post_ephemeral(workspace, channel.id, user.id, arguments).ts}


def _metadata(arguments: Arguments) -> dict[str, Any] | None:
    metadata = arguments.get("metadata")
    if metadata is not None and (not isinstance(metadata, dict) or set(metadata) != METADATA_KEYS):
        raise SlackError("invalid_metadata_format")
    return metadata


def _open_view(workspace: Workspace, arguments: Arguments) -> Answer:
    user = workspace.use_trigger(arguments.get("trigger_id", ""))
    return {"view": shown_view(workspace, workspace.open_view(user, _checked_view(arguments["view"])))}


def _update_view(workspace: Workspace, arguments: Arguments) -> Answer:
    view = workspace.views.get(arguments.get("view_id", ""))
    if view is None or not view.is_open:
        raise SlackError("not_found")
    if arguments.get("hash", view.hash) != view.hash:
        raise SlackError("hash_conflict")
    replace_view(workspace, view, arguments["view"])
    return {"view": shown_view(workspace, view)}


def replace_view(workspace: Workspace, view: View, content: Any) -> None:
    view.content, view.hash = _checked_view(content), f"{workspace.next_number()}.hash"


def _publish_view(workspace: Workspace, arguments: Arguments) -> Answer:
    user = workspace.user(arguments["user_id"])
    known = workspace.homes.get(user.id)
    if known and arguments.get("hash", known.hash) != known.hash:
        raise SlackError("hash_conflict")
    return {"view": shown_view(workspace, workspace.publish(user.id, _checked_view(arguments["view"], "home")))}


def _checked_view(content: Any, kind: str = "modal") -> dict[str, Any]:
    faults = view_faults(content, kind)
    if faults:
        raise SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {fault}" for fault in faults]})
    return dict(content)


def shown_view(workspace: Workspace, view: View) -> Answer:
    ids = {"id": view.id, "hash": view.hash, "team_id": workspace.team, "app_id": workspace.app_id}
    return {**view.content, **ids, "bot_id": workspace.bot_id, "root_view_id": view.id, "previous_view_id": None}


def _user_info(workspace: Workspace, arguments: Arguments) -> Answer:
    return {"user": _person(workspace, arguments["user"])}


def _lookup_by_email(workspace: Workspace, arguments: Arguments) -> Answer:
    found = [user.id for user in workspace.users.values() if user.email == arguments["email"]]
    if not found:
        raise SlackError("users_not_found")
    return {"user": _person(workspace, found[0])}


def _person(workspace: Workspace, user: str) -> Answer:
    found = workspace.user(user)
    profile = {"email": found.email, "real_name": found.name, "display_name": found.name}
    ids = {"id": found.id, "team_id": found.team, "name": found.name, "deleted": found.deleted, "is_bot": False}
    return {**ids, "real_name": found.name, "tz": found.tz, "profile": profile}


def _group_members(workspace: Workspace, arguments: Arguments) -> Answer:
    if arguments["usergroup"] not in workspace.groups:
        raise SlackError("no_such_subteam")
    return {"users": workspace.groups[arguments["usergroup"]]}


def _channel_info(workspace: Workspace, arguments: Arguments) -> Answer:
    it = workspace.channel(arguments["channel"])
    flags = {"is_archived": it.is_archived, "is_member": it.is_member, "is_private": it.is_private}
    return {"channel": {"id": it.id, "name": it.name, **flags, "is_ext_shared": it.is_ext_shared}}


def _history(workspace: Workspace, arguments: Arguments) -> Answer:
    channel = workspace.channel(arguments["channel"])
    if not channel.is_member:
        raise SlackError("not_in_channel")
    return _page(workspace, arguments, workspace.messages(channel.id)[::-1])


def _replies(workspace: Workspace, arguments: Arguments) -> Answer:
    """The message that began the thread stands first, whatever the time that is asked for."""
    channel = workspace.channel(arguments["channel"])
    parent = _parent(channel, arguments["ts"])
    if parent is None:
        raise SlackError("thread_not_found")
    if not channel.is_member:
        raise SlackError("not_in_channel")
    answer = _page(workspace, arguments, workspace.replies(parent.ts, channel.id))
    if not arguments.get("cursor"):
        answer["messages"].insert(0, _shown(workspace, parent, with_metadata=_with_metadata(arguments)))
    return answer


def _parent(channel: Channel, ts: str) -> Message | None:
    found = channel.messages.get(ts)
    return found if found and found.thread is None else None


def _page(workspace: Workspace, arguments: Arguments, messages: list[Message]) -> Answer:
    oldest, newest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
    found = [message for message in messages if oldest < float(message.ts) < newest]
    start, limit = int(arguments.get("cursor") or 0), min(int(arguments.get("limit") or PAGE), 999)
    more = start + limit < len(found)
    cursor = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
    page = found[start : start + limit]
    shown = [_shown(workspace, message, with_metadata=_with_metadata(arguments)) for message in page]
    return {"messages": shown, "has_more": more, **cursor}


def _with_metadata(arguments: Arguments) -> bool:
    return str(arguments.get("include_all_metadata", "")).lower() in ("1", "true")


def _open_conversation(workspace: Workspace, arguments: Arguments) -> Answer:
    users = [user for user in str(arguments.get("users", "")).split(",") if user]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("too_many_users")  # the app asks for no right to write to several at once
    return {"channel": {"id": workspace.direct(users[0]).id}}


def _permalink(workspace: Workspace, arguments: Arguments) -> Answer:
    channel, ts = workspace.channel(arguments["channel"]), str(arguments["message_ts"])
    if ts not in channel.messages:
        raise SlackError("message_not_found")
    return {"permalink": f"https://sandbox.slack.example/archives/{channel.id}/p{ts.replace('.', '')}"}


def _channel_scope(workspace: Workspace, arguments: Arguments, right: str) -> str:
    channel = workspace.channel(arguments["channel"])
    kind = "im" if channel.with_user else "groups" if channel.is_private else "channels"
    return f"{kind}:{right}"


def _shown(workspace: Workspace, message: Message, *, with_metadata: bool) -> Answer:
    ids = {"type": "message", "user": workspace.bot_user, "bot_id": workspace.bot_id, "app_id": workspace.app_id}
    metadata = {"metadata": message.metadata} if message.metadata and with_metadata else {}
    thread = {"thread_ts": message.thread} if message.thread else {}
    return {**ids, "ts": message.ts, **thread, "text": message.text, "blocks": message.blocks, **metadata}


METHODS: dict[str, tuple[str | None, Callable[[Workspace, Arguments], Answer]]] = {
    "auth.test": (None, _auth_test),
    "bots.info": ("users:read", _bots_info),
    "chat.postMessage": ("chat:write", _post_message),
    "chat.getPermalink": (None, _permalink),
    "chat.update": ("chat:write", _update),
    "chat.postEphemeral": ("chat:write", _post_ephemeral),
    "views.open": (None, _open_view),
    "views.update": (None, _update_view),
    "views.publish": (None, _publish_view),
    "users.info": ("users:read", _user_info),
    "users.lookupByEmail": ("users:read.email", _lookup_by_email),
    "usergroups.users.list": ("usergroups:read", _group_members),
    "conversations.info": ("read", _channel_info),
    "conversations.history": ("history", _history),
    "conversations.replies": ("history", _replies),
    "conversations.open": ("im:write", _open_conversation),
}
