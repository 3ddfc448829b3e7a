"""Open deals of the CRM's pipeline, whoever made them, and the account that each belongs to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, select, update

from bot.model import Deal
from bot.store import memory
from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.delivery_tables import crm_deal
from bot.store.tables import WORKSPACE
from bot.store.writing import Row, Write, parts, removals, upserts

FRESH = timedelta(days=1)  # what was read longer ago holds nothing back


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """One of them. `seen_at` is when it was first seen open."""

    deal_id: str
    title: str
    url: str
    owner_name: str | None
    our_key: str | None  # None: people made it
    organisation_id: str | None
    account_key: str | None  # None: of no account that we know
    seen_at: datetime

    @property
    def deal(self) -> Deal:
        return Deal(self.deal_id, self.title, self.url, self.owner_name)


COLUMNS = tuple(crm_deal.c[field.name] for field in fields(OpenDeal))


def writes(tx: Transaction, provider: str, found: Iterable[OpenDeal]) -> list[Write]:
    """These in place of those that were known. Only what differs is written."""
    known = {one.deal_id: one for one in listing(tx, provider)}
    now = {one.deal_id: _storable(one) for one in found}
    first_seen = {key: replace(one, seen_at=known[key].seen_at) if key in known else one for key, one in now.items()}
    new = [_row(tx, provider, one) for key, one in first_seen.items() if known.get(key) != one]
    over = [_key(provider, deal_id) for deal_id in sorted(known.keys() - now.keys())]
    return [*upserts(crm_deal, new), *removals(crm_deal, over)]


def placings(tx: Transaction, provider: str, deals: Iterable[OpenDeal]) -> list[Write]:
    """The accounts of these, where they differ from what was known; a deal that is closed meanwhile stays away."""
    known = {one.deal_id: one.account_key for one in listing(tx, provider)}
    placed = [one for one in deals if known.get(one.deal_id) != one.account_key]
    rows = [{"its_id": one.deal_id, "its_account": one.account_key} for one in placed]
    return [partial(_place, provider=provider, rows=part) for part in parts(rows)]


def forget(tx: Transaction, provider: str, deal_id: str) -> None:
    """It is not open any more."""
    tx.execute(delete(crm_deal).where(_here(provider), crm_deal.c.deal_id == deal_id))


def listing(tx: Transaction, provider: str) -> list[OpenDeal]:
    """All, those that were seen first first."""
    query = select(*COLUMNS).where(_here(provider)).order_by(crm_deal.c.seen_at, crm_deal.c.deal_id)
    return [OpenDeal(**row._mapping) for row in tx.execute(query)]


def by_account(deals: Iterable[OpenDeal]) -> dict[str, list[OpenDeal]]:
    found: dict[str, list[OpenDeal]] = {}
    for one in deals:
        if one.account_key is not None:
            found.setdefault(one.account_key, []).append(one)
    return found


def of_account(tx: Transaction, provider: str | None, account_key: str) -> list[OpenDeal]:
    if provider is None:
        return []
    query = select(*COLUMNS).where(_here(provider), crm_deal.c.account_key == account_key)
    rows = tx.execute(query.order_by(crm_deal.c.seen_at, crm_deal.c.deal_id))
    return [OpenDeal(**row._mapping) for row in rows]


def read_at(tx: Transaction, provider: str) -> datetime | None:
    """When the CRM's list was last read to its end."""
    remembered = memory.get(tx, _memory(provider))
    return datetime.fromisoformat(remembered) if remembered else None


def is_fresh(tx: Transaction, provider: str) -> bool:
    last = read_at(tx, provider)
    return last is not None and tx.now() - last <= FRESH


def was_read(tx: Transaction, provider: str) -> None:
    memory.put(tx, _memory(provider), tx.now().isoformat())


def _place(tx: Transaction, provider: str, rows: Sequence[Row]) -> None:
    its_row = _here(provider) & (crm_deal.c.deal_id == bindparam("its_id"))
    placed = update(crm_deal).where(its_row).values(account_key=bindparam("its_account"))
    tx.connection().execute(placed, list(rows))


def _memory(provider: str) -> str:
    return f"open_deals:{provider}"


def _here(provider: str) -> ColumnElement[bool]:
    here: ColumnElement[bool] = (crm_deal.c.workspace == WORKSPACE) & (crm_deal.c.provider == provider)
    return here


def _key(provider: str, deal_id: str) -> dict[str, Any]:
    return {"workspace": WORKSPACE, "provider": provider, "deal_id": deal_id}


def _row(tx: Transaction, provider: str, one: OpenDeal) -> dict[str, Any]:
    told = {column.name: getattr(one, column.name) for column in COLUMNS}
    return {**_key(provider, one.deal_id), **told, "updated_at": tx.now()}


def _storable(one: OpenDeal) -> OpenDeal:
    """As it will come back from the store."""
    told: dict[str, Any] = {field.name: getattr(one, field.name) for field in fields(one)}
    told |= {name: storable(value) for name, value in told.items() if isinstance(value, str)}
    return OpenDeal(**told)
