"""The open deals of the CRM's pipeline, copied into the store: the evaluation reads them there and calls nobody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.deals.matching import Accounts
from bot.store import Database, Transaction, accounts, memory, open_deals, outcomes, references
from bot.store.open_deals import OpenDeal
from crm.base import Crm, DealRecord, Organisation

KEPT = timedelta(days=1)  # names and domains of organisations; then they are asked for again
StillOurs = Callable[[Transaction], None]  # raises once another replica has this work


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Where it is read, and where it is kept."""

    db: Database
    crm: Crm
    provider: str

    def copy(self, names: Mapping[str, str], still_ours: StillOurs) -> list[OpenDeal]:
        """All open deals, once they are read to their end. `names` are those of the CRM's users by id."""
        deals = [deal for deal in self.crm.open_deals() if deal.editable and deal.status == "open"]
        organisations = self._organisations({deal.organisation_id for deal in deals if deal.organisation_id})
        with self.db.read() as tx:
            of = self._accounts(tx, deals).of
            owners = {deal.id: of(deal, organisations.get(deal.organisation_id or "")) for deal in deals}
            found = [_open_deal(deal, names, owners[deal.id], tx.now()) for deal in deals]
            writes = open_deals.writes(tx, self.provider, found)
        writes.append(partial(open_deals.was_read, provider=self.provider))
        for write in writes:
            with self.db.transaction() as tx:
                still_ours(tx)
                write(tx)
        return found

    def _accounts(self, tx: Transaction, deals: Sequence[DealRecord]) -> Accounts:
        ours = outcomes.accounts_by_key(tx, {deal.key for deal in deals if deal.key})
        by_organisation = references.by_remote_id(tx, self.provider, "organisation:")
        return Accounts(ours, by_organisation).add(accounts.names(tx))

    def _organisations(self, ids: set[str]) -> dict[str, Organisation]:
        """Asked for once a day each; those that were matched by our own books need not be known by name."""
        with self.db.read() as tx:
            kept, now = memory.get(tx, self._memory) or {}, tx.now()
        is_old = not kept or now - datetime.fromisoformat(kept["at"]) > KEPT
        known = {} if is_old else {id_: Organisation(id_, *told) for id_, told in kept["known"].items() if id_ in ids}
        unknown = sorted(ids - known.keys())
        if not unknown:
            return known
        known |= {one.id: one for one in self.crm.organisations(unknown)}
        at = now.isoformat() if is_old else kept["at"]
        told = {id_: [one.name, one.domain] for id_, one in known.items()}
        with self.db.transaction() as tx:
            memory.put(tx, self._memory, {"at": at, "known": told})
        return known

    @property
    def _memory(self) -> str:
        return f"organisations:{self.provider}"


def _open_deal(deal: DealRecord, names: Mapping[str, str], account: str | None, at: datetime) -> OpenDeal:
    return OpenDeal(
        deal_id=deal.id,
        title=deal.title,
        url=deal.url,
        owner_name=names.get(deal.owner_id or ""),
        our_key=deal.key,
        organisation_id=deal.organisation_id,
        account_key=account,
        seen_at=at,
    )
