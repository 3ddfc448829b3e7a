"""Slack's part of `headroom doctor`: token, scopes, channel and managers, each with its fix."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.config import Slack
from bot.doctor.checks import Check

# Each scope of manifest.yml, and what goes missing without it.
SCOPES: Mapping[str, str] = {
    "chat:write": "cards cannot be posted",
    "commands": "/account and /upsell do not exist",
    "users:read": "reps have no name and no time zone",
    "users:read.email": "a deal's owner cannot be the rep who clicked",
    "usergroups:read": "managers cannot be given as user groups",
    "channels:read": "a public channel cannot be looked at",
    "groups:read": "a private channel cannot be looked at",
    "channels:history": "a card whose posting went unanswered cannot be found again in a public channel",
    "groups:history": "a card whose posting went unanswered cannot be found again in a private channel",
    "im:write": "managers are not told of faults in the data",
    "im:history": "a notice whose posting went unanswered cannot be found again",
}
APP_PAGE = "api.slack.com/apps, your app"
TOKEN_FIX = f"copy the Bot User OAuth Token from {APP_PAGE}, OAuth & Permissions, into SLACK_BOT_TOKEN"
FIXES: Mapping[str, str] = {
    "invalid_auth": TOKEN_FIX,
    "not_authed": TOKEN_FIX,
    "token_expired": TOKEN_FIX,
    "token_revoked": TOKEN_FIX,
    "account_inactive": f"install the app again: {APP_PAGE}, Install App",
    "channel_not_found": "compare its id in headroom.toml; if the channel is private, type /invite @Headroom in it",
    "user_not_found": "compare slack.managers",
    "no_such_subteam": "compare slack.managers",
}


def check(client: WebClient, slack: Slack, app_token: str | None = None) -> Iterator[Check]:
    """Everything that Slack can be asked without showing anything to anybody."""
    try:
        who = client.auth_test()
    except SlackApiError as error:
        yield _refused("the bot token", error)
        return
    except OSError as error:
        yield Check.fail(
            "slack", f"cannot be reached: {error}", "compare SLACK_API_URL, and the way out of this network"
        )
        return
    yield Check.ok("slack", f"signed in to {who['team']} as {who['user']}")
    yield from _scopes({name.lower(): value for name, value in who.headers.items()}.get("x-oauth-scopes"))
    yield from _asked("the app-level token", partial(_app_token, client, app_token))
    for key, channel in (("channel", slack.channel), ("save_channel", slack.save_channel)):
        if channel:
            yield from _asked(f"the channel {channel}", partial(_channel, client, channel, f"slack.{key}"))
    for manager in slack.managers:
        yield from _asked(f"the manager {manager}", partial(_manager, client, manager))


def _asked(what: str, ask: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from ask()
    except SlackApiError as error:
        yield _refused(what, error)


def _refused(what: str, error: SlackApiError) -> Check:
    name = str(error.response.get("error", "no reason given"))
    if name == "missing_scope":
        needed = error.response.get("needed", "")
        return Check.fail("slack", f"{what}: the scope {needed} is missing", _scope_fix(needed))
    return Check.fail("slack", f"{what}: Slack says {name}", FIXES.get(name))


def _scope_fix(scope: str) -> str:
    return f"add {scope} at {APP_PAGE}, OAuth & Permissions, and install the app again"


def _scopes(granted: Any) -> Iterator[Check]:
    if granted is None:  # a proxy may drop the header
        yield Check.warn("slack", "Slack did not say which scopes were granted", "compare them with manifest.yml")
        return
    has = {scope.strip() for scope in str(granted).split(",")}
    for scope, loss in SCOPES.items():
        if scope not in has:
            yield Check.fail("slack", f"the scope {scope} is missing: {loss}", _scope_fix(scope))
    if has >= set(SCOPES):
        yield Check.ok("slack", "every scope is granted")


def _app_token(client: WebClient, token: str | None) -> Iterator[Check]:
    if token:
        client.apps_connections_open(app_token=token)
        yield Check.ok("slack", "Socket Mode opens")


def _channel(client: WebClient, channel: str, key: str) -> Iterator[Check]:
    found: dict[str, Any] = client.conversations_info(channel=channel)["channel"]
    name = f"the channel #{found.get('name', channel)}"
    if found.get("is_archived"):
        yield Check.fail("slack", f"{name} is archived", f"unarchive it, or set {key} to another")
    elif not found.get("is_member"):
        yield Check.fail("slack", f"{name} does not have the app as a member", "type /invite @Headroom in it")
    elif found.get("is_ext_shared"):
        yield Check.warn("slack", f"{name} is shared with another company", f"set {key} to one of your own")
    else:
        yield Check.ok("slack", f"{name} can be posted to")


def _manager(client: WebClient, manager: str) -> Iterator[Check]:
    if manager.startswith("S"):
        members = client.usergroups_users_list(usergroup=manager)["users"]
        if not members:
            yield Check.warn("slack", f"the user group {manager} has no members", "compare slack.managers")
        else:
            yield Check.ok("slack", f"managers: {len(members)} in the user group {manager}")
        return
    user: dict[str, Any] = client.users_info(user=manager)["user"]
    if user.get("deleted"):
        yield Check.warn("slack", f"the manager {manager} is deactivated", "take the id out of slack.managers")
    else:
        yield Check.ok("slack", f"manager: {user.get('real_name') or manager}")
