"""Cards and answers on their way to Slack: posted once, then updated in place."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from slack_sdk import WebClient

from bot.model import LIVE, Card, Opportunity
from bot.outbox import AuthFailed, Job, JobContext, Permanent, Retry, Throttled
from bot.slack.cards import render_card
from bot.slack.failures import CardGone, ChannelClosed, ScopeMissing, calling
from bot.slack.ids import CARD_EVENT
from bot.slack.limits import fit_text
from bot.slack.replies import Reply, send_reply, spoken
from bot.slack.words import CardLabels

log = logging.getLogger(__name__)
HISTORY_PAGE = 100
CLOCK_SLACK_SECONDS = 300.0  # our clock and Slack's may differ


class CardBook(Protocol):
    """What the application remembers of cards; each call is one short transaction."""

    def opportunity(self, opportunity: int) -> Opportunity | None: ...

    def card_shown(self, opportunity: int, card: Card) -> None:
        """The message stands there and shows that version. What was wrong with the channel is mended."""

    def card_gone(self, opportunity: int) -> None:
        """Somebody deleted the message."""

    def card_problem(self, opportunity: int, why: str) -> None:
        """The channel does not take the card: `why` tells a manager what to do."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where new cards go, and how they call things. Asked for each card."""

    id: str
    labels: Callable[[], CardLabels]


class CardHandler:
    """Job "card": payload {"opportunity": id}. Shows the opportunity as it is now, whatever was enqueued when."""

    def __init__(self, client: WebClient, book: CardBook, channel: Channel) -> None:
        self._client, self._book, self._channel = client, book, channel

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any]:
        opportunity = self._book.opportunity(int(job.payload["opportunity"]))
        if opportunity is None:
            return {"skipped": "no such opportunity"}
        if opportunity.card and opportunity.card.version >= opportunity.version:
            return {"skipped": "shown already"}
        try:
            return self._show(opportunity, context)
        except (ChannelClosed, Permanent) as error:
            self._book.card_problem(opportunity.id, str(error))
            raise

    def _show(self, opportunity: Opportunity, context: JobContext) -> dict[str, Any]:
        card = opportunity.card or self._found(opportunity, context)
        if card is None:
            return self._post(opportunity, context)
        try:
            return self._update(opportunity, card, context)
        except CardGone:
            self._book.card_gone(opportunity.id)
            if opportunity.state not in LIVE:
                return {"skipped": "deleted, and at rest"}
            return self._post(opportunity, context)

    def _update(self, opportunity: Opportunity, card: Card, context: JobContext) -> dict[str, Any]:
        context.still_mine()
        message = self._message(opportunity)
        calling(
            "chat.update",
            card.channel,
            lambda: self._client.chat_update(channel=card.channel, ts=card.ts, **message),
        )
        self._book.card_shown(opportunity.id, Card(card.channel, card.ts, opportunity.version))
        return {"updated": card.ts, "version": opportunity.version}

    def _post(self, opportunity: Opportunity, context: JobContext) -> dict[str, Any]:
        channel = self._channel.id
        context.save_intent({"channel": channel, "since": context.now().timestamp() - CLOCK_SLACK_SECONDS})
        context.still_mine()
        message = self._message(opportunity)
        try:
            posted = calling(
                "chat.postMessage",
                channel,
                lambda: self._client.chat_postMessage(
                    channel=channel, unfurl_links=False, unfurl_media=False, **message
                ),
                creates=True,
            )
        except (AuthFailed, Permanent, Retry, Throttled):
            context.save_intent({})  # nothing was posted: there is nothing to look for next time
            raise
        card = Card(str(posted["channel"]), str(posted["ts"]), opportunity.version)
        self._book.card_shown(opportunity.id, card)
        return {"posted": card.ts, "version": card.version}

    def _found(self, opportunity: Opportunity, context: JobContext) -> Card | None:
        """The message that an earlier attempt may have posted before contact was lost.

        Without the right to read the channel's history it is posted again: twice rather than never.
        """
        if not context.intent:
            return None
        channel, since = context.intent["channel"], context.intent["since"]
        try:
            for message in self._history(channel, since):
                if _is_card_of(message, opportunity.key):
                    return Card(channel, str(message["ts"]), 0)
        except ScopeMissing:
            log.warning("The app may not read the channel's history: a card may stand there twice")
        return None

    def _history(self, channel: str, since: float) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while cursor != "":
            page = calling("conversations.history", None, partial(self._page, channel, since, cursor))
            yield from page["messages"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""

    def _page(self, channel: str, since: float, cursor: str | None) -> Any:
        return self._client.conversations_history(
            channel=channel, oldest=f"{since:.6f}", limit=HISTORY_PAGE, include_all_metadata=True, cursor=cursor
        )

    def _message(self, opportunity: Opportunity) -> dict[str, Any]:
        blocks, text = render_card(opportunity, self._channel.labels())
        # Readable by anyone in the workspace: our key, and nothing of the customer's.
        metadata = {"event_type": CARD_EVENT, "event_payload": {"key": opportunity.key}}
        return {"blocks": blocks, "text": fit_text(text), "metadata": metadata, "parse": "none", "link_names": False}


class ReplyHandler:
    """Job "reply": payload {"user", "text"} with "channel" and "response_url" where known, and "by" for "{by}"."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any]:
        it = job.payload
        text = spoken(str(it["text"]), it.get("by"))
        reply = Reply(it.get("channel"), str(it["user"]), text, it.get("response_url"))
        context.still_mine()
        try:
            if calling("chat.postEphemeral", reply.channel, lambda: send_reply(self._client, reply)):
                return {"replied": True}
        except ChannelClosed as error:  # an answer is of no use later
            raise Permanent(str(error)) from error
        raise Permanent("The person could not be told: Slack's address for the answer is spent.")


def _is_card_of(message: dict[str, Any], key: str) -> bool:
    metadata = message.get("metadata") or {}
    return metadata.get("event_type") == CARD_EVENT and (metadata.get("event_payload") or {}).get("key") == key
