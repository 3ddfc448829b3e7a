"""Where every account stood on every metric at the last evaluation, for those who ask."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, standing
from bot.store.writing import upsert

CHUNK = 5000


def save(tx: Transaction, at: datetime, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """`metrics` by account; JSON values."""
    rows = [{"workspace": WORKSPACE, "account_key": key, "metrics": told, "at": at} for key, told in metrics.items()]
    for start in range(0, len(rows), CHUNK):
        upsert(tx, standing, rows[start : start + CHUNK])


def get(tx: Transaction, account_key: str) -> tuple[dict[str, Any], datetime] | None:
    """By metric, and when it was so."""
    query = select(standing.c.metrics, standing.c.at)
    row = tx.execute(
        query.where(standing.c.workspace == WORKSPACE, standing.c.account_key == account_key)
    ).one_or_none()
    return (row.metrics, row.at) if row else None
