"""News on their way to the thread of a card: each posted once, after the card that it belongs to."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol

from slack_sdk import WebClient

from bot.model import LIVE, Card, Opportunity
from bot.outbox import Job, JobContext, Retry
from bot.slack.failures import CardGone
from bot.slack.ids import THREAD_EVENT
from bot.slack.limits import fit_blocks
from bot.slack.news import told
from bot.slack.posting import Marker, content, found, post
from bot.slack.words import CardLabels, render

CARD_SECONDS = 15.0  # between two looks whether the card has been posted


class ThreadBook(Protocol):
    """What the application remembers of cards; each call is one short transaction."""

    def opportunity(self, opportunity: int) -> Opportunity | None: ...

    def card_lost(self, opportunity: int, ts: str) -> None:
        """Somebody deleted that message. While the case is live it is to be posted anew."""


class ThreadHandler:
    """Job "thread": payload {"opportunity": id, "key": what happened, "news": see `enqueue_thread`}."""

    def __init__(self, client: WebClient, book: ThreadBook, labels: Callable[[], CardLabels]) -> None:
        self._client, self._book, self._labels = client, book, labels

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any]:
        opportunity = self._book.opportunity(int(job.payload["opportunity"]))
        if opportunity is None:
            return {"skipped": "no such opportunity"}
        if opportunity.state not in LIVE and job.payload["news"].get("rises"):
            return {"skipped": "at rest meanwhile"}
        marker = Marker(THREAD_EVENT, _key(opportunity, str(job.payload["key"])))
        if (there := found(self._client, context, marker)) is not None:
            return {"found": there.ts}
        if opportunity.card is None:
            return _without_card(opportunity)
        try:
            return self._post(job, opportunity, opportunity.card, marker, context)
        except CardGone:
            self._book.card_lost(opportunity.id, opportunity.card.ts)
        return _without_card(opportunity)

    def _post(
        self, job: Job, opportunity: Opportunity, card: Card, marker: Marker, context: JobContext
    ) -> dict[str, Any]:
        lines = told(job.payload["news"], opportunity, self._labels(), context.now())
        if not lines:
            return {"skipped": "nothing to say"}
        blocks = fit_blocks(render("said.json.j2", lines=lines))
        message = content(blocks, " ".join(lines), marker)
        return {"posted": post(self._client, context, card.channel, message, thread=card.ts).ts}


def _without_card(opportunity: Opportunity) -> dict[str, Any]:
    if opportunity.state in LIVE:
        raise Retry("the card that it belongs to is not posted yet", after=CARD_SECONDS)
    return {"skipped": "the card is deleted, and at rest"}


def _key(opportunity: Opportunity, key: str) -> str:
    """What happened is nobody else's to read, and metadata is anyone's."""
    return f"{opportunity.key}:{sha256(key.encode()).hexdigest()[:16]}"
