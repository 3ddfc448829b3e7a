"""As usage moves, the deal of a live opportunity and its note are brought up to date, by themselves."""

from dataclasses import dataclass
from typing import Any

from bot.deals import amendment, fence, pinned
from bot.deals.work import Tools, Work
from bot.model import LIVE
from bot.outbox import Ending, Job, JobContext
from crm.base import CrmError, NotFound


@dataclass(frozen=True, slots=True)
class AmendDeal:
    """The handler of "amend_deal" jobs. A deal that is closed or gone is left as it is."""

    tools: Tools

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any] | None:
        try:
            with fence.around(context):
                return _amend(self.tools.work(job, context))
        except (CrmError, Ending) as error:
            raise self.tools.ending(error) from error


def _amend(work: Work) -> dict[str, Any]:
    deal_id = work.remote_id(work.deal_key)
    if deal_id is None or work.opportunity.state not in LIVE:
        return {"left": "no live deal"}
    try:
        record = amendment.follow_usage(work, work.crm.get_deal(deal_id))
    except NotFound:
        return {"left": "gone"}
    if record.status != "open" or not record.editable:
        return {"left": "closed" if record.editable else "gone"}
    pinned.keep(work, deal_id)
    return {"deal": deal_id}
