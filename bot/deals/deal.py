"""The deal of an opportunity: made once, taken over from people who made it, or asked about."""

from dataclasses import dataclass
from datetime import date, timedelta

from bot.deals import amendment, organisation
from bot.deals.once import Step
from bot.deals.work import Work
from bot.deals.written import Written, contents, contents_of
from bot.model import Deal, Question
from bot.outbox import Permanent
from bot.store import references
from crm import base
from crm.base import Amendment, CrmUser, DealDraft, DealRecord

MOST_DEALS = 100  # to choose from


@dataclass(frozen=True, slots=True)
class Order:
    """What a rep wants: a deal; the one that people made; or one of its own, whatever people made."""

    by: str  # Slack user id
    adopt: str | None = None
    new: bool = False


def settle(work: Work, order: Order) -> DealRecord | Question:
    """The deal, up to date, or what the rep has to say first."""
    known = work.remote_id(work.deal_key)
    if known is not None:
        return amendment.follow_usage(work, editable(work, known))
    if order.adopt is not None and (adopted := _adopted(work, order.adopt)) is not None:
        return adopted
    owner = work.owners.owner(order.by)
    if owner is None:
        return Question("owner", order.by)
    organisation_id, is_new = organisation.find_or_make(work)
    if not is_new and work.once.known(work.deal_key) is None:
        found = _there_already(work, organisation_id, order)
        if found is not None:
            return found
    return _make(work, organisation_id, owner)


def editable(work: Work, deal_id: str) -> DealRecord:
    gone = f"The deal was deleted or archived in {work.crm.name}. Restore it there, then push again."
    try:
        record = work.crm.get_deal(deal_id)
    except base.NotFound as error:
        raise Permanent(gone) from error
    if not record.editable:
        raise Permanent(gone)
    return record


def as_deal(work: Work, record: DealRecord) -> Deal:
    return Deal(record.id, record.title, record.url, work.owners.name(record.owner_id))


def _there_already(work: Work, organisation_id: str, order: Order) -> DealRecord | Question | None:
    """A deal that carries our key although we do not know of it is ours; one that people made is asked about."""
    open_deals = work.crm.open_deals(organisation_id)
    ours = [deal for deal in open_deals if deal.key == work.opportunity.key]
    ours = ours or work.crm.find_deals_by_key(work.opportunity.key, organisation_id)
    if ours:
        with work.db.transaction() as tx:
            references.confirm(tx, work.provider, work.deal_key, ours[0].id)
        return amendment.follow_usage(work, ours[0])
    theirs = [deal for deal in open_deals if deal.key is None and deal.editable]
    if not theirs or order.new:
        return None
    return Question("deal", order.by, tuple(as_deal(work, deal) for deal in theirs[:MOST_DEALS]))


def _adopted(work: Work, deal_id: str) -> DealRecord | None:
    """The deal that people made, with our key and otherwise as it was; None: it cannot be taken any more."""
    try:
        record = work.crm.get_deal(deal_id)
    except base.NotFound:
        return None
    if record.key not in (None, work.opportunity.key) or record.status != "open" or not record.editable:
        return None

    def look(_: object) -> str | None:
        return deal_id if work.crm.get_deal(deal_id).key == work.opportunity.key else None

    written = Written(adopted=True).to_json()
    work.once.do(Step(work.deal_key, "the deal", look, lambda: _with_our_key(work, record), written))
    return work.crm.get_deal(deal_id)


def _with_our_key(work: Work, record: DealRecord) -> str:
    for _ in range(amendment.MOST_READS):
        try:
            return work.crm.amend_deal(record.id, Amendment(key=work.opportunity.key, version=record.version)).id
        except base.Changed:
            record = work.crm.get_deal(record.id)
    raise base.Changed(f"Somebody else is changing the deal in {work.crm.name}")


def _make(work: Work, organisation_id: str, owner: CrmUser) -> DealRecord:
    made: dict[str, DealRecord] = {}
    draft = _draft(work, organisation_id, owner)

    def make() -> str:
        record = work.crm.create_deal(draft)
        made[record.id] = record
        return record.id

    def look(_: object) -> str | None:
        found = work.crm.find_deals_by_key(work.opportunity.key, organisation_id, gone_too=True)
        return next((record.id for record in sorted(found, key=lambda record: not record.editable)), None)

    written = Written.of(contents(draft.value, draft.fields)).to_json()
    try:
        deal_id = work.once.do(Step(work.deal_key, "the deal", look, make, written))
    except base.Invalid:  # the owner may have been deactivated, the organisation be gone
        work.owners.forget()
        organisation.doubt(work)
        raise
    if deal_id not in made:
        return editable(work, deal_id)
    amendment.remember(work, Written.of(contents_of(made[deal_id])))
    return made[deal_id]


def _draft(work: Work, organisation_id: str, owner: CrmUser) -> DealDraft:
    return DealDraft(
        key=work.opportunity.key,
        title=work.evidence.title(),
        organisation_id=organisation_id,
        owner_id=owner.id,
        expected_close=_expected_close(work),
        value=work.opportunity.delta_arr,
        fields=work.fields(),
    )


def _expected_close(work: Work) -> date:
    return work.once.context.now().date() + timedelta(days=work.config.crm.close_in_days)
