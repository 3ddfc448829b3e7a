"""What every step at the CRM works with: one opportunity, its evidence, the books, and the CRM itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.config import Config
from bot.deals.facts import fields
from bot.deals.note import Evidence
from bot.deals.once import Once
from bot.deals.owners import Owners
from bot.evaluation.decisions import enqueue_card
from bot.model import Card, Opportunity, Question, Signal
from bot.outbox import AuthFailed, Ending, Job, JobContext, Permanent, Retry, Throttled
from bot.store import Database, Transaction, opportunities, questions
from crm import base
from crm.base import Crm

SETTLE_MARGIN = timedelta(seconds=30)  # beyond the client's own deadline: the vendor may still be applying a write


@dataclass(frozen=True, slots=True)
class Work:
    """One opportunity on its way. The keys under which its records are remembered are here, and nowhere else."""

    db: Database
    crm: Crm
    provider: str
    config: Config
    owners: Owners
    once: Once
    opportunity: Opportunity
    evidence: Evidence

    @property
    def organisation_key(self) -> str:
        return f"organisation:{self.opportunity.account.key}"

    @property
    def deal_key(self) -> str:
        return f"deal:{self.opportunity.key}"

    @property
    def note_key(self) -> str:
        return f"note:{self.opportunity.key}"

    @property
    def task_key(self) -> str:
        return f"task:{self.opportunity.key}"

    def fields(self) -> dict[str, base.FieldValue]:
        """What the configured fields of the deal should say now."""
        return fields(self.evidence)

    def remote_id(self, key: str) -> str | None:
        """The vendor's id of a record of ours; None: not made, or not known to be."""
        reference = self.once.known(key)
        return reference.remote_id if reference else None

    def ask(self, question: Question) -> None:
        """On the card, where it is answered."""
        with self.db.transaction() as tx:
            enqueue_card(tx, self.opportunity.id, questions.ask(tx, self.opportunity.id, question))


@dataclass(frozen=True, slots=True)
class Tools:
    """What the jobs on deals share. `say` puts a signal into words and `card_link` tells where a card stands."""

    db: Database
    crm: Crm
    config: Config
    owners: Owners
    say: Callable[[Signal], str]
    card_link: Callable[[Card], str | None] = lambda _: None

    @property
    def provider(self) -> str:
        return self.config.crm.kind or self.crm.name.lower()

    def work(self, job: Job, context: JobContext) -> Work:
        with self.db.read() as tx:
            opportunity = opportunities.get(tx, int(job.payload["opportunity"]))
        if opportunity is None:
            raise Permanent("This opportunity does not exist any more")
        settle = timedelta(seconds=self.crm.deadline) + SETTLE_MARGIN
        once = Once(self.db, self.provider, self.crm.name, settle, context)
        link = self.card_link(opportunity.card) if opportunity.card else None
        evidence = Evidence(opportunity, self.config, self.say, link)
        return Work(self.db, self.crm, self.provider, self.config, self.owners, once, opportunity, evidence)

    def ending(self, error: base.CrmError | Ending) -> Ending:
        """What a failure means to the outbox."""
        match error:
            case Ending():
                return error
            case base.AuthFailed():
                return AuthFailed(self.provider, str(error))
            case base.Throttled(after=seconds):
                return Throttled(self.provider, seconds, str(error))
            case (
                base.NotApplied() | base.Ambiguous() | base.Changed()
            ):  # ambiguous: only of writes that may be repeated
                return Retry(str(error))
            case base.Invalid(field=name) if name:
                return Permanent(f"{error} (field {name})")
            case _:
                return Permanent(str(error))


def show(tx: Transaction, opportunity_id: int, words: str | None) -> None:
    """Put what a rep should know of the push on the card; no new version for words that stand there already."""
    opportunity = opportunities.get(tx, opportunity_id)
    if opportunity is not None and opportunity.deal_state != words:
        enqueue_card(tx, opportunity_id, opportunities.set_deal_state(tx, opportunity_id, words))
