"""What is remembered of cards: where each stands, which version it shows, what is wrong with its channel."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.evaluation.decisions import enqueue_card
from bot.model import LIVE, Card, Opportunity
from bot.posthog.reading import Problem
from bot.store import Database, Transaction, opportunities, problems
from bot.store.jobs import Job


@dataclass(frozen=True, slots=True)
class CardBook:
    """Behind the card jobs; each call is one short transaction."""

    db: Database

    def opportunity(self, opportunity: int) -> Opportunity | None:
        with self.db.read() as tx:
            return opportunities.get(tx, opportunity)

    def card_shown(self, opportunity: int, card: Card) -> None:
        self._remember(opportunity, card)

    def card_gone(self, opportunity: int) -> None:
        self._remember(opportunity, None)

    def card_lost(self, opportunity: int, ts: str) -> None:
        with self.db.transaction() as tx:
            now = opportunities.get(tx, opportunity)
            if now is None or now.card is None or now.card.ts != ts:
                return  # another stands there by now
            opportunities.set_card(tx, opportunity, None)
            if now.state in LIVE:
                enqueue_card(tx, opportunity, opportunities.touch(tx, opportunity))

    def card_problem(self, opportunity: int, why: str) -> None:
        with self.db.transaction() as tx:
            problems.report(tx, _source(opportunity), [Problem("card_not_shown", None, why)])

    def _remember(self, opportunity: int, card: Card | None, found: Iterable[Problem] = ()) -> None:
        with self.db.transaction() as tx:
            opportunities.set_card(tx, opportunity, card)
            problems.report(tx, _source(opportunity), found)


def buried(tx: Transaction, job: Job, why: str) -> None:
    """The outbox gives a card up: a problem that somebody should mend."""
    problems.report(tx, _source(int(job.payload["opportunity"])), [Problem("card_not_shown", None, why)])


def _source(opportunity: int) -> str:
    return f"card:{opportunity}"
