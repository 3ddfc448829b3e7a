"""Where every account stood on every metric at the last evaluation, for those who ask."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select

from bot.store import memory
from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, standing
from bot.store.writing import Write, upserts

EVALUATED = "evaluated_at"  # remembered once: were it in each row, each evaluation would write them all


def writes(tx: Transaction, at: datetime, metrics: Mapping[str, Mapping[str, Any]]) -> list[Write]:
    """`metrics` by account; JSON values. Only what differs is written; accounts that are gone keep what they had."""
    columns = (standing.c.account_key, standing.c.metrics, standing.c.at)
    known = {key: (told, left) for key, told, left in tx.execute(select(*columns).where(_here()))}
    now = {storable(key): dict(told) for key, told in metrics.items()}
    rows = [_row(key, told, None) for key, told in now.items() if known.get(key) != (told, None)]
    last = _last(tx)
    gone = [_row(key, told, last) for key, (told, left) in known.items() if left is None and key not in now]
    return [*upserts(standing, [*rows, *gone]), partial(memory.put, name=EVALUATED, value=at.isoformat())]


def save(tx: Transaction, at: datetime, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """The same at once."""
    for write in writes(tx, at, metrics):
        write(tx)


def get(tx: Transaction, account_key: str) -> tuple[dict[str, Any], datetime] | None:
    """By metric, and when it was so."""
    query = select(standing.c.metrics, standing.c.at).where(_here(), standing.c.account_key == account_key)
    row = tx.execute(query).one_or_none()
    at = row and (row.at or _last(tx))
    return (row.metrics, at) if row and at else None


def latest(tx: Transaction) -> dict[str, dict[str, Any]]:
    """By account, by metric, as the last evaluation saw them."""
    query = select(standing.c.account_key, standing.c.metrics).where(_here(), standing.c.at.is_(None))
    return {row.account_key: row.metrics for row in tx.execute(query)}


def _here() -> ColumnElement[bool]:
    return standing.c.workspace == WORKSPACE


def _last(tx: Transaction) -> datetime | None:
    told = memory.get(tx, EVALUATED)
    return datetime.fromisoformat(told) if told else None


def _row(key: str, told: Mapping[str, Any], at: datetime | None) -> dict[str, Any]:
    return {"workspace": WORKSPACE, "account_key": key, "metrics": told, "at": at}
