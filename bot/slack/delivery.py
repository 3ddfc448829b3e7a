"""Cards and answers on their way to Slack: posted once, then updated in place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from slack_sdk import WebClient

from bot.model import LIVE, Card, Opportunity
from bot.outbox import Job, JobContext, Permanent
from bot.slack.cards import render_card
from bot.slack.failures import CardGone, ChannelClosed, calling
from bot.slack.ids import CARD_EVENT
from bot.slack.posting import Marker, content, found, post
from bot.slack.replies import Reply, send_reply, spoken
from bot.slack.words import CardLabels


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
    saves: str | None = None  # where cards of accounts that may leave go; None: where the others are

    def of(self, opportunity: Opportunity) -> str:
        """Asked once: a card that has been posted stays, since its thread and people's attention are there."""
        return (self.saves if opportunity.polarity == "save" else None) or self.id


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
        channel = (context.intent or {}).get("channel") or self._channel.of(opportunity)
        posted = post(self._client, context, channel, self._message(opportunity))
        self._book.card_shown(opportunity.id, Card(posted.channel, posted.ts, opportunity.version))
        return {"posted": posted.ts, "version": opportunity.version}

    def _found(self, opportunity: Opportunity, context: JobContext) -> Card | None:
        posted = found(self._client, context, _marker(opportunity))
        return Card(posted.channel, posted.ts, 0) if posted else None

    def _message(self, opportunity: Opportunity) -> dict[str, Any]:
        return content(*render_card(opportunity, self._channel.labels()), _marker(opportunity))


def _marker(opportunity: Opportunity) -> Marker:
    return Marker(CARD_EVENT, opportunity.key)


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
