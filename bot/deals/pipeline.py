"""The open deals of the CRM's pipeline, copied into the store: the evaluation reads them there and calls nobody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.store import Database, Transaction, accounts, deal_accounts, memory, open_deals
from bot.store.open_deals import OpenDeal
from crm.base import Crm, DealRecord

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
        self._know({deal.organisation_id for deal in deals if deal.organisation_id})
        with self.db.read() as tx:
            found = [_open_deal(deal, names, tx.now()) for deal in deals]
            found = deal_accounts.matched(tx, self.provider, found, accounts.names(tx))
            writes = open_deals.writes(tx, self.provider, found)
        writes.append(partial(open_deals.was_read, provider=self.provider))
        for write in writes:
            with self.db.transaction() as tx:
                still_ours(tx)
                write(tx)
        return found

    def _know(self, ids: set[str]) -> None:
        """Remember what these organisations are called; each is asked for once a day."""
        name = deal_accounts.memory_of(self.provider)
        with self.db.read() as tx:
            kept, now = memory.get(tx, name), tx.now()
        if kept is None or now - datetime.fromisoformat(kept["at"]) > KEPT:
            kept = {"at": now.isoformat(), "known": {}}
        known = {id_: told for id_, told in kept["known"].items() if id_ in ids}
        if unknown := sorted(ids - known.keys()):
            known |= {one.id: [one.name, one.domain] for one in self.crm.organisations(unknown)}
            with self.db.transaction() as tx:
                memory.put(tx, name, {**kept, "known": known})


def _open_deal(deal: DealRecord, names: Mapping[str, str], at: datetime) -> OpenDeal:
    return OpenDeal(
        deal_id=deal.id,
        title=deal.title,
        url=deal.url,
        owner_name=names.get(deal.owner_id or ""),
        our_key=deal.key,
        organisation_id=deal.organisation_id,
        account_key=None,
        seen_at=at,
    )
