"""A second deal of one opportunity: seen only if a write came through long after it was given up.

People decide which one to keep; we never delete.
"""

import logging
from dataclasses import dataclass

from bot.deals.work import Work
from bot.store import problems
from crm.base import DealRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """As a problem to report."""

    account: str
    detail: str
    what: str = "duplicate_deal"
    metric: str | None = None


def report(work: Work, record: DealRecord) -> None:
    """What was reported before and is not so any more is taken back."""
    organisation = work.remote_id(work.organisation_key)
    if organisation is None:
        return
    found = work.crm.find_deals_by_key(work.opportunity.key, organisation)
    others = " ".join(deal.url for deal in found if deal.id != record.id)
    detail = f"{work.crm.name} has several deals for one opportunity: keep {record.url}, merge {others} into it"
    twice = [Duplicate(work.opportunity.account.key, detail)] if others else []
    for one in twice:
        log.error(one.detail)
    with work.db.transaction() as tx:
        problems.report(tx, work.deal_key, twice)
