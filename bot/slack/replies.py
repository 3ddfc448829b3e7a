"""Answers that one person sees: by response_url while it lives, else as an ephemeral message."""

import json
from dataclasses import dataclass
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient

from bot.slack.text import Mrkdwn, escape, mention
from bot.slack.unmoved import UnmovedWebhookClient

HOOKS = ("hooks.slack.com", "hooks.slack-gov.com")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECONDS = 10


@dataclass(frozen=True, slots=True)
class Reply:
    channel: str | None
    user: str
    text: Mrkdwn
    response_url: str | None = None
    blocks: list[dict[str, object]] | None = None


def spoken(text: str, by: str | None = None) -> Mrkdwn:
    """Plain words of the application as mrkdwn; "{by}" becomes a mention."""
    words = escape(text, 1000)
    return Mrkdwn(words.replace("{by}", mention(by))) if by else words


def send_reply(client: WebClient, reply: Reply) -> bool:
    """Whether it was said; raises what slack_sdk raises. Said twice it does no harm."""
    if reply.response_url and may_post_to(reply.response_url, client.base_url) and _posted(reply):
        return True
    if reply.channel:
        client.chat_postEphemeral(
            channel=reply.channel, user=reply.user, text=reply.text, blocks=reply.blocks, parse="none", link_names=False
        )
    return bool(reply.channel)


def may_post_to(url: str, api_url: str) -> bool:
    """Slack's own hooks, or this very Slack where it is a sandbox on this machine."""
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        if parts.scheme == "https":
            return parts.netloc in HOOKS
        return parts.scheme == "http" and api.hostname in LOOPBACK and parts.netloc == api.netloc
    except ValueError:  # not a URL
        return False


def _posted(reply: Reply) -> bool:
    """False: the URL is spent, or too old."""
    hook = UnmovedWebhookClient(reply.response_url or "", timeout=SECONDS, retry_handlers=[])
    body = {"text": reply.text, "response_type": "ephemeral", "replace_original": False, "blocks": reply.blocks}
    try:
        return hook.send_dict({key: value for key, value in body.items() if value is not None}).status_code == 200
    except (URLError, OSError, json.JSONDecodeError):
        return False
