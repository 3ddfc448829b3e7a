"""Small things remembered by name, as JSON."""

from typing import Any

from sqlalchemy import select

from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, memory
from bot.store.writing import upsert


def get(tx: Transaction, name: str) -> Any:
    """None where nothing is remembered."""
    return tx.scalar(select(memory.c.value).where(memory.c.workspace == WORKSPACE, memory.c.name == name))


def put(tx: Transaction, name: str, value: Any) -> None:
    upsert(tx, memory, [{"workspace": WORKSPACE, "name": name, "value": value, "updated_at": tx.now()}])
