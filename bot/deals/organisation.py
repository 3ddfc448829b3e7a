"""The account's organisation in the CRM: found, or made once."""

from datetime import datetime, timedelta

from bot.deals.once import Step
from bot.deals.work import Work
from bot.store import references

REMEMBERED = timedelta(hours=1)  # younger organisations may be missing from the vendor's search


def find_or_make(work: Work) -> tuple[str, bool]:
    """The organisation's id, and whether it is new: then it has no deals yet."""
    account, crm = work.opportunity.account, work.crm
    name = account.name or account.key
    made: list[str] = []

    def look(since: datetime) -> str | None:
        found = crm.recall_organisation(name, since) or crm.find_organisation(name, account.domain)
        return found.id if found else None

    def make() -> str:
        made.append(crm.create_organisation(name, account.domain).id)
        return made[0]

    if work.once.known(work.organisation_key) is None:
        found = crm.find_organisation(name, account.domain)
        if found is not None:
            _remember(work, found.id)
            return found.id, False
    return work.once.do(Step(work.organisation_key, "the organisation", look, make)), bool(made)


def doubt(work: Work) -> None:
    """It may have been merged or deleted: it is looked up on the next push."""
    reference = work.once.known(work.organisation_key)
    if reference is not None and work.once.context.now() - reference.attempted_at > REMEMBERED:
        with work.db.transaction() as tx:
            references.forget(tx, work.provider, work.organisation_key)


def _remember(work: Work, organisation: str) -> None:
    with work.db.transaction() as tx:
        references.confirm(tx, work.provider, work.organisation_key, organisation)
