"""How calls to Slack fail, in the words of the outbox: wait, try again, mend the key, look first, or give up."""

from collections.abc import Callable
from http.client import HTTPException
from socket import gaierror
from typing import TypeVar
from urllib.error import URLError

from slack_sdk.errors import SlackApiError

from bot.outbox import Ambiguous, AuthFailed, Permanent, Retry, Throttled

Result = TypeVar("Result")
DEFAULT_WAIT = 30.0
LONGEST_WAIT = 900.0
SETTLE = 3.0  # seconds until a message that Slack took stands in the channel's history for sure

BAD_TOKEN = {
    "invalid_auth": "Slack does not know the bot token. Set SLACK_BOT_TOKEN to the app's xoxb- token",
    "not_authed": "Slack got no bot token. Set SLACK_BOT_TOKEN",
    "token_revoked": "the bot token was revoked. Install the app again and set SLACK_BOT_TOKEN",
    "token_expired": "the bot token has expired. Install the app again and set SLACK_BOT_TOKEN",
    "account_inactive": "the app was removed from the workspace, or its account switched off. Install it again",
    "not_allowed_token_type": "the token is of the wrong kind. SLACK_BOT_TOKEN must be the app's xoxb- token",
    "team_access_not_granted": "the app may not act in this workspace. Ask an admin to approve it",
}
BAD_CHANNEL = {
    "is_archived": "The channel is archived. Unarchive it, or name another in headroom.toml under [slack].",
    "channel_not_found": "Slack finds no such channel for the app. Check [slack] in headroom.toml, and invite"
    " the app if the channel is private.",
    "not_in_channel": "The app is not in the channel. Invite it with /invite in the channel.",
    "restricted_action": "The workspace's settings do not let the app post there. Ask an admin.",
    "restricted_action_read_only_channel": "The channel is read-only for the app. Ask an admin.",
}
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "message_deleted"}
GONE |= {"thread_not_found", "cannot_reply_to_message"}
BUSY = {"service_unavailable", "request_timeout", "team_added_to_org", "accesslimited", "org_login_required"}
UNSURE = {"internal_error", "fatal_error"}  # "some aspect of the operation may have succeeded", says Slack


class CardGone(Exception):  # noqa: N818 - someone deleted it, which is nobody's fault
    """The message that was to be updated, or answered in its thread, is not there any more."""


class ChannelClosed(AuthFailed):
    """One channel refuses us: what waits for it stays in the outbox, and goes when people have mended it."""


class ScopeMissing(AuthFailed):
    """The token is good, but may not do this."""


def calling(method: str, channel: str | None, call: Callable[[], Result], *, creates: bool = False) -> Result:
    """Make one call. `creates`: done twice it would show twice, so an answer that is lost is not simply asked again."""
    try:
        return call()
    except SlackApiError as error:
        raise _refused(error, f"slack:{method}:{channel}" if channel else f"slack:{method}", creates) from error
    except (OSError, HTTPException) as error:
        raise _lost(method, error, creates) from error


def _refused(error: SlackApiError, scope: str, creates: bool) -> Exception:
    status, name = error.response.status_code, str(error.response.get("error", ""))[:80]
    if status == 429 or name in ("ratelimited", "rate_limited"):
        return Throttled(scope, _wait(error.response.headers), "Slack asked to wait")
    if name == "missing_scope":
        return ScopeMissing("slack", f"the app lacks a scope for {scope}. Install it again with manifest.yml's scopes")
    if name in BAD_TOKEN:
        return AuthFailed("slack", BAD_TOKEN[name])
    if name in BAD_CHANNEL:
        return ChannelClosed(scope, BAD_CHANNEL[name])
    if name in GONE:
        return CardGone(name)
    if status >= 500 or name in UNSURE or (status == 200 and not _is_name(name)):
        return _maybe_done(f"Slack answered {status} {name if _is_name(name) else 'with something else'}", creates)
    if name in BUSY:
        return Retry(f"Slack is busy ({name})")
    return Permanent(f"Slack refused the message: {name if _is_name(name) else status}.")


def _lost(method: str, error: Exception, creates: bool) -> Exception:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError | gaierror):  # nothing was sent
        return Retry(f"Slack could not be reached for {method}")
    return _maybe_done(f"contact was lost during {method}", creates)


def _maybe_done(why: str, creates: bool) -> Exception:
    return Ambiguous(why, settle=SETTLE) if creates else Retry(why)


def _wait(headers: dict[str, str]) -> float:
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    text = given[0] if isinstance(given, list) and given else given
    return min(float(text), LONGEST_WAIT) if str(text).isdecimal() else DEFAULT_WAIT


def _is_name(text: str) -> bool:
    return bool(text) and text.replace("_", "").isalnum() and text.isascii()
