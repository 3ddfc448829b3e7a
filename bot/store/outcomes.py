"""Opportunities whose deals are followed, and what people did to these in the CRM, each change with its line."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from bot.model import LIVE, Deal, State
from bot.store import opportunities
from bot.store.database import Transaction
from bot.store.delivery_tables import external_ref
from bot.store.tables import WORKSPACE, opportunity, opportunity_event
from bot.store.writing import parts

RETURNS = ("won", "lost", "reopened", "reopened_beside")  # lines of history that say whether a deal is over


@dataclass(frozen=True, slots=True)
class Followed:
    """An opportunity with a deal of this CRM, as it stands."""

    id: int
    key: str
    account_key: str
    state: State
    owner: str | None
    version: int
    deal_id: str
    deal_title: str
    deal_url: str
    deal_owner_name: str | None
    deal_state: str | None
    outcome_reason: str | None

    @property
    def deal(self) -> Deal:
        return Deal(self.deal_id, self.deal_title, self.deal_url, self.deal_owner_name)


COLUMNS = tuple(opportunity.c[field.name] for field in fields(Followed))


def followed(
    tx: Transaction, provider: str, since: datetime, deal_ids: Collection[str] | None = None
) -> list[Followed]:
    """Live, or closed since then; only of these deals, if they are named."""
    recent = or_(opportunity.c.state.in_(LIVE), opportunity.c.closed_at >= since)
    query = _of(provider).where(recent).order_by(opportunity.c.id)
    if deal_ids is None:
        return [_followed(row) for row in tx.execute(query)]
    wanted = parts(sorted(deal_ids))
    return [_followed(row) for part in wanted for row in tx.execute(query.where(opportunity.c.deal_id.in_(part)))]


def get(tx: Transaction, provider: str, identity: int) -> Followed | None:
    row = tx.execute(_of(provider).where(opportunity.c.id == identity)).one_or_none()
    return _followed(row) if row else None


def change(
    tx: Transaction, seen: Followed, who: str, what: str, *, to: State | None = None, **values: Any
) -> int | None:
    """The new version; None where the opportunity is not as it was seen, or the account has another live one."""
    closing = {} if to is None else {"state": to, "closed_at": None if to in LIVE else tx.now()}
    now = {**values, **closing, "version": opportunity.c.version + 1, "updated_at": tx.now()}
    as_seen = and_(opportunity.c.id == seen.id, opportunity.c.version == seen.version)
    statement = update(opportunity).where(as_seen).values(now).returning(opportunity.c.version)
    try:
        with tx.begin_nested():
            version: int | None = tx.scalar(statement)
    except IntegrityError:
        return None
    if version is not None:
        before = {"state": seen.state, **{name: getattr(seen, name) for name in values if hasattr(seen, name)}}
        opportunities.record(tx, seen.id, who, what, before=before, after={"state": to or seen.state, **_told(values)})
    return version


def has_another(tx: Transaction, seen: Followed) -> bool:
    """Whether the account has a live opportunity beside this one."""
    other = (opportunity.c.account_key == seen.account_key, opportunity.c.state.in_(LIVE), opportunity.c.id != seen.id)
    return tx.scalar(select(opportunity.c.id).where(_here(), *other).limit(1)) is not None


def last_return(tx: Transaction, identity: int) -> str | None:
    """The latest of RETURNS in its history."""
    event = opportunity_event.c
    lines = select(event.what).where(event.opportunity_id == identity, event.what.in_(RETURNS))
    what: str | None = tx.scalar(lines.order_by(event.id.desc()).limit(1))
    return what


def accounts_by_key(tx: Transaction, keys: Iterable[str]) -> dict[str, str]:
    """The account of each of our keys that is one."""
    pairs = select(opportunity.c.key, opportunity.c.account_key).where(_here())
    found: dict[str, str] = {}
    for part in parts(sorted(keys)):
        found |= {row.key: row.account_key for row in tx.execute(pairs.where(opportunity.c.key.in_(part)))}
    return found


def _of(provider: str) -> Select[Any]:
    """A deal of another CRM, which was configured before, is none: its id would mean another deal here."""
    its_reference = and_(
        external_ref.c.workspace == opportunity.c.workspace,
        external_ref.c.provider == provider,
        external_ref.c.our_key == literal("deal:") + opportunity.c.key,
        external_ref.c.remote_id == opportunity.c.deal_id,
    )
    return select(*COLUMNS).join(external_ref, its_reference).where(_here())


def _followed(row: Row[Any]) -> Followed:
    return Followed(**row._mapping)


def _here() -> ColumnElement[bool]:
    return opportunity.c.workspace == WORKSPACE


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, datetime)}
