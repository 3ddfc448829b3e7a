"""A deal follows usage while it is open: its value and mapped fields, never what people changed since."""

from bot.deals.work import Work
from bot.deals.written import VALUE, Contents, Written, contents, contents_of
from bot.outbox import Retry
from bot.store import references
from crm import base
from crm.base import Amendment, DealRecord

MOST_READS = 3  # of a deal that others write to all the while


def wanted(work: Work) -> dict[str, base.FieldValue]:
    """What the deal should say now."""
    return contents(work.opportunity.delta_arr, work.fields())


def follow_usage(work: Work, record: DealRecord) -> DealRecord:
    """The deal as it is afterwards."""
    for _ in range(MOST_READS):
        if record.status != "open" or not record.editable:
            return record
        try:
            return _amend(work, record)
        except base.Changed:
            record = work.crm.get_deal(record.id)
    raise Retry(f"Somebody else is changing the deal in {work.crm.name}")


def remember(work: Work, written: Written) -> None:
    with work.db.transaction() as tx:
        references.set_written(tx, work.provider, work.deal_key, written.to_json())


def _amend(work: Work, record: DealRecord) -> DealRecord:
    present, now = contents_of(record), wanted(work)
    before = _written(work, now)
    written = before.seen(present, (VALUE, *work.config.crm.fields))
    change = written.may_change(present, now)
    if change:
        return _apply(work, record, written, change)
    if written != before:
        remember(work, written)
    return record


def _apply(work: Work, record: DealRecord, written: Written, change: Contents) -> DealRecord:
    """What is about to be written is stored before: after a crash it must not look like somebody else's."""
    remember(work, written.before(change))
    others = {name: given for name, given in change.items() if name != VALUE}
    value = work.opportunity.delta_arr if VALUE in change else None
    answer = work.crm.amend_deal(record.id, Amendment(value, others, version=record.version))
    remember(work, written.after(change, contents_of(answer)))
    return answer


def _written(work: Work, now: Contents) -> Written:
    """Of a deal of which we do not know what we wrote, what differs from what we would write is left to people."""
    reference = work.once.known(work.deal_key)
    if reference is None or reference.written is None:
        return Written.of(now)
    return Written.from_json(reference.written)
