"""Our records at vendors: what was about to be made, what was made, and under which id the vendor knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update

from bot.store.database import Transaction
from bot.store.delivery_tables import external_ref
from bot.store.tables import WORKSPACE
from bot.store.writing import changed, inserted, upsert


@dataclass(frozen=True, slots=True)
class Reference:
    """One record. Without `remote_id` it is not known whether it exists."""

    provider: str
    our_key: str
    remote_id: str | None
    remote_version: str | None
    attempted_at: datetime
    updated_at: datetime
    written: Mapping[str, Any] | None = None  # what we last wrote to it, as its writer keeps it


COLUMNS = tuple(external_ref.c[name] for name in Reference.__slots__)


def get(tx: Transaction, provider: str, our_key: str) -> Reference | None:
    row = tx.execute(select(*COLUMNS).where(_is(provider, our_key))).one_or_none()
    return Reference(*row) if row else None


def by_remote_id(tx: Transaction, provider: str, prefix: str) -> dict[str, list[str]]:
    """Our keys that begin so, without that beginning, by the vendor's id."""
    known = and_(
        external_ref.c.workspace == WORKSPACE,
        external_ref.c.provider == provider,
        external_ref.c.our_key.startswith(prefix, autoescape=True),
        external_ref.c.remote_id.is_not(None),
    )
    found: dict[str, list[str]] = {}
    for our_key, remote_id in tx.execute(select(external_ref.c.our_key, external_ref.c.remote_id).where(known)):
        found.setdefault(remote_id, []).append(our_key.removeprefix(prefix))
    return found


def intend(
    tx: Transaction, provider: str, our_key: str, before: Reference | None, written: Mapping[str, Any] | None = None
) -> bool:
    """Before the record is made. False: another worker intended it since `before` was read."""
    now = tx.now()
    attempt = {"attempted_at": now, "updated_at": now, "written": written}
    if before is None:
        return inserted(tx, external_ref, provider=provider, our_key=our_key, **attempt)
    unchanged = and_(external_ref.c.updated_at == before.updated_at, external_ref.c.remote_id.is_(None))
    return changed(tx, update(external_ref).where(_is(provider, our_key), unchanged).values(attempt)) == 1


def confirm(tx: Transaction, provider: str, our_key: str, remote_id: str, remote_version: str | None = None) -> None:
    """The vendor has it; what was written to it stays as it was told."""
    now = tx.now()
    row: dict[str, Any] = {"workspace": WORKSPACE, "provider": provider, "our_key": our_key}
    row |= {"remote_id": remote_id, "remote_version": remote_version, "attempted_at": now, "updated_at": now}
    upsert(tx, external_ref, [row], keep=("attempted_at",))


def set_written(tx: Transaction, provider: str, our_key: str, written: Mapping[str, Any]) -> None:
    tx.execute(update(external_ref).where(_is(provider, our_key)).values(written=dict(written)))


def withdraw(tx: Transaction, provider: str, our_key: str) -> None:
    """What was intended was surely not made; what another worker made meanwhile stays."""
    tx.execute(delete(external_ref).where(_is(provider, our_key), external_ref.c.remote_id.is_(None)))


def forget(tx: Transaction, provider: str, our_key: str) -> None:
    """It is to be looked up or made anew."""
    tx.execute(delete(external_ref).where(_is(provider, our_key)))


def _is(provider: str, our_key: str) -> ColumnElement[bool]:
    return and_(
        external_ref.c.workspace == WORKSPACE, external_ref.c.provider == provider, external_ref.c.our_key == our_key
    )
