"""Who met which page or lock, as the last evaluation saw it: for those who ask why an account has no card."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select

from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, sighting
from bot.store.writing import Write, removals, upserts


def writes(tx: Transaction, seen: Mapping[str, Any]) -> list[Write]:
    """JSON by account, in place of the last evaluation's. Only what differs is written."""
    now = {storable(key): told for key, told in seen.items()}
    query = select(sighting.c.account_key, sighting.c.seen).where(_here())
    known = {row.account_key: row.seen for row in tx.execute(query)}
    new = [_key(key) | {"seen": told} for key, told in now.items() if known.get(key) != told]
    return [*upserts(sighting, new), *removals(sighting, [_key(key) for key in sorted(known.keys() - now.keys())])]


def of(tx: Transaction, account_key: str) -> Any:
    """None where nobody was seen."""
    return tx.scalar(select(sighting.c.seen).where(_here(), sighting.c.account_key == account_key))


def _key(account_key: str) -> dict[str, Any]:
    return {"workspace": WORKSPACE, "account_key": account_key}


def _here() -> ColumnElement[bool]:
    return sighting.c.workspace == WORKSPACE
