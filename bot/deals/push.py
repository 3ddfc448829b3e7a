"""A click on "Push to CRM" becomes a deal, once: owner, organisation, deal, note, each remembered as it is made."""

from dataclasses import dataclass
from typing import Any

from bot.deals import deal, duplicates, fence, pinned
from bot.deals.work import Tools, Work, show
from bot.evaluation.decisions import enqueue_card
from bot.model import Question
from bot.outbox import Ambiguous, AuthFailed, Ending, Job, JobContext, Permanent, Retry
from bot.store import opportunities
from crm.base import CrmError, DealRecord


@dataclass(frozen=True, slots=True)
class PushDeal:
    """The handler of "push_deal" jobs. A push that has to ask somebody first is done: the answer is another one."""

    tools: Tools

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any] | None:
        work = self.tools.work(job, context)
        try:
            with fence.around(context):
                return self._push(work, _order(job))
        except (CrmError, Ending) as error:
            ending = self.tools.ending(error)
            self._tell(work, ending, job.attempt)
            raise ending from error

    def _push(self, work: Work, order: deal.Order) -> dict[str, Any]:
        record = deal.settle(work, order)
        if isinstance(record, Question):
            work.ask(record)
            return {"asked": record.what}
        _save(work, record, order)
        pinned.keep(work, record.id)
        duplicates.report(work, record)
        return {"deal": record.id, "url": record.url}

    def _tell(self, work: Work, ending: Ending, attempt: int) -> None:
        """On the card, where everybody reads it. A first retry passes too soon to be worth a word."""
        name = self.tools.crm.name
        match ending:
            case AuthFailed():
                words = f"Not pushed yet: {name} refuses Headroom's key; it is sent once an admin has renewed it."
            case Permanent() | Ambiguous():
                words = str(ending)
            case Retry() if attempt > 1:
                words = f"Trying again: {name} does not answer."
            case _:
                return
        with work.db.transaction() as tx:
            show(tx, work.opportunity.id, words)


def _order(job: Job) -> deal.Order:
    adopt = job.payload.get("adopt")
    return deal.Order(str(job.payload["by"]), None if adopt is None else str(adopt), bool(job.payload.get("new")))


def _save(work: Work, record: DealRecord, order: deal.Order) -> None:
    """The rep sees the deal now, and need not wait for the note."""
    identity, made = work.opportunity.id, deal.as_deal(work, record)
    told = {"who": order.by, "what": "adopted"} if record.id == order.adopt else {}
    with work.db.transaction() as tx:
        enqueue_card(tx, identity, opportunities.set_deal(tx, identity, made, **told))
