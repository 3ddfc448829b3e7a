"""One message that must stand in Slack once: intended before the call, looked for after contact was lost."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk import WebClient

from bot.outbox import AuthFailed, JobContext, Permanent, Retry, Throttled
from bot.slack.failures import CardGone, ScopeMissing, calling
from bot.slack.limits import fit_text

log = logging.getLogger(__name__)
PAGE = 100
CLOCK_SLACK_SECONDS = 300.0  # our clock and Slack's may differ
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Marker:
    """By which a message of ours is found again. Anyone in the workspace can read it: it holds keys of ours alone."""

    event: str
    key: str

    def metadata(self) -> Json:
        return {"event_type": self.event, "event_payload": {"key": self.key}}

    def is_on(self, message: Json) -> bool:
        metadata = message.get("metadata") or {}
        return metadata.get("event_type") == self.event and (metadata.get("event_payload") or {}).get("key") == self.key


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands."""

    channel: str
    ts: str


def content(blocks: list[Json], text: str, marker: Marker) -> Json:
    """What chat.postMessage and chat.update both take. Names of people in it are only those that we wrote."""
    return {
        "blocks": blocks,
        "text": fit_text(text),
        "metadata": marker.metadata(),
        "parse": "none",
        "link_names": False,
    }


def post(client: WebClient, context: JobContext, channel: str, message: Json, thread: str | None = None) -> Posted:
    """Post it; raises the outbox's endings. `thread` is the ts of the message that it answers."""
    intent = {"channel": channel, "thread": thread, "since": context.now().timestamp() - CLOCK_SLACK_SECONDS}
    context.save_intent(intent)
    context.still_mine()
    try:
        posted = calling(
            "chat.postMessage",
            channel,
            lambda: client.chat_postMessage(
                channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False, **message
            ),
            creates=True,
        )
    except (AuthFailed, CardGone, Permanent, Retry, Throttled):
        context.save_intent({})  # nothing was posted: there is nothing to look for next time
        raise
    return Posted(str(posted["channel"]), str(posted["ts"]))


def found(client: WebClient, context: JobContext, marker: Marker) -> Posted | None:
    """The message that an earlier attempt may have posted before contact was lost.

    Without the right to read what stands there it is posted again: twice rather than never.
    """
    if not context.intent:
        return None
    channel = context.intent["channel"]
    try:
        for message in _standing(client, context.intent):
            if marker.is_on(message):
                return Posted(channel, str(message["ts"]))
    except CardGone:  # the thread was deleted, with whatever stood in it
        return None
    except ScopeMissing:
        log.warning("The app may not read what stands in the channel: a message may stand there twice")
    return None


def _standing(client: WebClient, intent: Json) -> Iterator[Json]:
    """What was written since, page by page: in the thread, or in the channel."""
    thread = intent.get("thread")
    method = "conversations.replies" if thread else "conversations.history"
    given = {"channel": intent["channel"], "oldest": f"{intent['since']:.6f}", "limit": PAGE}
    given |= {"include_all_metadata": True, **({"ts": thread} if thread else {})}
    call = client.conversations_replies if thread else client.conversations_history
    cursor: str | None = None
    while cursor != "":
        page = calling(method, None, partial(call, **given, cursor=cursor))
        yield from page["messages"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
