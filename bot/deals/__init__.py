"""A click on "Push to CRM" becomes a deal, once: owner, organisation, deal, note, each remembered as it is made."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from bot.config import Config
from bot.deals.note import Evidence
from bot.deals.once import Once, Step
from bot.deals.owners import Owners
from bot.evaluation.decisions import enqueue_card
from bot.model import Card, Deal, Opportunity, Signal
from bot.outbox import Ambiguous, AuthFailed, Ending, Job, JobContext, Permanent, Retry, Throttled
from bot.store import Database, Transaction, opportunities, problems, references
from bot.store.reps import Rep
from crm import base
from crm.base import Amendment, Crm, CrmUser, DealDraft, DealRecord, Note, Organisation

log = logging.getLogger(__name__)
KIND = "push_deal"
SETTLE_MARGIN = timedelta(seconds=30)  # beyond the client's own deadline: the vendor may still be applying a write
REMEMBERED = timedelta(hours=1)  # younger organisations may be missing from the vendor's search


def show(tx: Transaction, opportunity_id: int, words: str | None) -> None:
    """Put what a rep should know of the push on the card; no new version for words that stand there already."""
    opportunity = opportunities.get(tx, opportunity_id)
    if opportunity is not None and opportunity.deal_state != words:
        enqueue_card(tx, opportunity_id, opportunities.set_deal_state(tx, opportunity_id, words))


def buried(tx: Transaction, job: Job, why: str) -> None:
    """The outbox gives a push up: the card says so, and the button is there again."""
    show(tx, int(job.payload["opportunity"]), why)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A second deal of one opportunity, as a problem to report."""

    account: str
    detail: str
    what: str = "duplicate_deal"
    metric: str | None = None


class PushDeal:
    """The handler of "push_deal" jobs. `say` puts a signal into words and `card_link` tells
    where a card stands, for the note."""

    def __init__(
        self,
        db: Database,
        crm: Crm,
        config: Config,
        ask_slack: Callable[[str], Rep],
        say: Callable[[Signal], str],
        card_link: Callable[[Card], str | None] = lambda _: None,
    ) -> None:
        self.db = db
        self.crm = crm
        self.config = config
        self.provider = config.crm.kind or crm.name.lower()
        self.say = say
        self.card_link = card_link
        self.owners = Owners(db, crm, ask_slack)

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any] | None:
        identity = int(job.payload["opportunity"])
        with self.db.read() as tx:
            opportunity = opportunities.get(tx, identity)
        if opportunity is None:
            raise Permanent("This opportunity does not exist any more")
        try:
            deal = self._push(opportunity, str(job.payload["by"]), context)
        except (base.CrmError, Ending) as error:
            ending = self._ending(error)
            self._tell(identity, ending, job.attempt)
            raise ending from error
        return {"deal": deal.id, "url": deal.url}

    def _push(self, opportunity: Opportunity, by: str, context: JobContext) -> DealRecord:
        settle = timedelta(seconds=self.crm.deadline) + SETTLE_MARGIN
        once = Once(self.db, self.provider, self.crm.name, settle, context)
        link = self.card_link(opportunity.card) if opportunity.card else None
        push = _Push(self, once, opportunity, Evidence(opportunity, self.config, self.say, link))
        known = once.known(f"deal:{opportunity.key}")
        if known is not None and known.remote_id is not None:
            record = push.amend(known.remote_id)
        else:
            record = push.create(self.owners.owner(by))
        self._save(opportunity, record)
        push.note(record.id)
        push.report_duplicates(record)
        return record

    def _save(self, opportunity: Opportunity, record: DealRecord) -> None:
        """The rep sees the deal now, and need not wait for the note."""
        deal = Deal(record.id, record.title, record.url, self.owners.name(record.owner_id))
        with self.db.transaction() as tx:
            enqueue_card(tx, opportunity.id, opportunities.set_deal(tx, opportunity.id, deal))

    def _tell(self, identity: int, ending: Ending, attempt: int) -> None:
        """On the card, where everybody reads it. A first retry passes too soon to be worth a word."""
        match ending:
            case AuthFailed():
                refused = f"{self.crm.name} refuses Headroom's key"
                words = f"Not pushed yet: {refused}; it is sent once an admin has renewed it."
            case Permanent() | Ambiguous():
                words = str(ending)
            case Retry() if attempt > 1:
                words = f"Trying again: {self.crm.name} does not answer."
            case _:
                return
        with self.db.transaction() as tx:
            show(tx, identity, words)

    def _ending(self, error: base.CrmError | Ending) -> Ending:
        """What a failure means to the outbox."""
        match error:
            case Ending():
                return error
            case base.AuthFailed():
                return AuthFailed(self.provider, str(error))
            case base.Throttled(after=seconds):
                return Throttled(self.provider, seconds, str(error))
            case base.NotApplied() | base.Ambiguous():  # ambiguous: only of writes that can be repeated unharmed
                return Retry(str(error))
            case base.Invalid(field=name) if name:
                return Permanent(f"{error} (field {name})")
            case _:
                return Permanent(str(error))


@dataclass(frozen=True, slots=True)
class _Push:
    """One opportunity on its way: the steps, in their order."""

    of: PushDeal
    once: Once
    opportunity: Opportunity
    evidence: Evidence

    def create(self, owner: CrmUser) -> DealRecord:
        organisation = self._organisation()
        made: dict[str, DealRecord] = {}

        def make() -> str:
            record = self.of.crm.create_deal(self._draft(organisation, owner))
            made[record.id] = record
            return record.id

        def look(_: Any) -> str | None:
            found = self.of.crm.find_deals_by_key(self.opportunity.key, organisation, gone_too=True)
            return next((record.id for record in sorted(found, key=lambda record: not record.editable)), None)

        try:
            deal_id = self.once.do(Step(f"deal:{self.opportunity.key}", "the deal", look, make))
        except base.Invalid:
            self._doubt_what_we_remember()
            raise
        return made.get(deal_id) or self._editable(deal_id)

    def amend(self, deal_id: str) -> DealRecord:
        """The value follows usage, while the deal is open; everything else is the team's."""
        record = self._editable(deal_id)
        wanted = Amendment(self.opportunity.delta_arr, version=record.version)
        if record.status != "open" or wanted.value in (None, record.value):
            return record
        self.once.context.still_mine()
        return self.of.crm.amend_deal(deal_id, wanted)

    def note(self, deal_id: str) -> None:
        """One note, updated in place; made anew if somebody deleted it."""
        note, key = self.evidence.note(), f"note:{self.opportunity.key}"
        version = hashlib.sha256(repr(note).encode()).hexdigest()[:16]
        reference = self.once.known(key)
        if reference is not None and reference.remote_id is not None and reference.remote_version == version:
            return
        try:
            note_id = self._write_note(key, deal_id, note)
        except base.NotFound:
            with self.of.db.transaction() as tx:
                references.forget(tx, self.of.provider, key)
            note_id = self._write_note(key, deal_id, note)
        with self.of.db.transaction() as tx:
            references.confirm(tx, self.of.provider, key, note_id, version)

    def report_duplicates(self, record: DealRecord) -> None:
        """Seen only if a write came through long after it was given up: people decide, we never delete."""
        organisation = self.once.known(self._organisation_key())
        if organisation is None or organisation.remote_id is None:
            return
        found = self.of.crm.find_deals_by_key(self.opportunity.key, organisation.remote_id)
        others = " ".join(deal.url for deal in found if deal.id != record.id)
        detail = f"{self.of.crm.name} has several deals for one opportunity: keep {record.url}, merge {others} into it"
        twice = [Duplicate(self.opportunity.account.key, detail)] if others else []
        for one in twice:
            log.error(one.detail)
        with self.of.db.transaction() as tx:
            problems.report(tx, f"deal:{self.opportunity.key}", twice)

    def _organisation(self) -> str:
        account, crm = self.opportunity.account, self.of.crm
        name = account.name or account.key

        def look(since: Any) -> str | None:
            found = crm.recall_organisation(name, since) or crm.find_organisation(name, account.domain)
            return found.id if found else None

        def make() -> str:
            return crm.create_organisation(name, account.domain).id

        if self.once.known(self._organisation_key()) is None:
            found = crm.find_organisation(name, account.domain)
            if found is not None:
                return self._remember(found)
        return self.once.do(Step(self._organisation_key(), "the organisation", look, make))

    def _remember(self, organisation: Organisation) -> str:
        with self.of.db.transaction() as tx:
            references.confirm(tx, self.of.provider, self._organisation_key(), organisation.id)
        return organisation.id

    def _doubt_what_we_remember(self) -> None:
        """The organisation may have been merged or deleted, the owner deactivated: look them up on the next push."""
        self.of.owners.forget()
        reference = self.once.known(self._organisation_key())
        if reference is not None and self.once.context.now() - reference.attempted_at > REMEMBERED:
            with self.of.db.transaction() as tx:
                references.forget(tx, self.of.provider, self._organisation_key())

    def _editable(self, deal_id: str) -> DealRecord:
        gone = f"The deal was deleted or archived in {self.of.crm.name}. Restore it there, then push again."
        try:
            record = self.of.crm.get_deal(deal_id)
        except base.NotFound as error:
            raise Permanent(gone) from error
        if not record.editable:
            raise Permanent(gone)
        return record

    def _draft(self, organisation: str, owner: CrmUser) -> DealDraft:
        return DealDraft(
            key=self.opportunity.key,
            title=self.evidence.title(),
            organisation_id=organisation,
            owner_id=owner.id,
            expected_close=self._expected_close(),
            value=self.opportunity.delta_arr,
        )

    def _write_note(self, key: str, deal_id: str, note: Note) -> str:
        crm, made = self.of.crm, []

        def make() -> str:
            made.append(crm.create_note(deal_id, note))
            return made[0]

        note_id = self.once.do(Step(key, "the note", lambda _: crm.find_note(deal_id, note.key), make))
        if not made:
            self.once.context.still_mine()
            crm.update_note(note_id, note)
        return note_id

    def _expected_close(self) -> date:
        return self.once.context.now().date() + timedelta(days=self.of.config.crm.close_in_days)

    def _organisation_key(self) -> str:
        return f"organisation:{self.opportunity.account.key}"
