"""What Slack delivered: a delivery that comes again gets the answer of the first, and has no second effect."""

from typing import Any

from sqlalchemy import and_, select, update

from bot.store.database import Transaction
from bot.store.delivery_tables import inbox
from bot.store.tables import WORKSPACE
from bot.store.writing import inserted


def first_time(tx: Transaction, source: str, delivery_key: str, user: str, action: str) -> dict[str, Any] | None:
    """None the first time; afterwards the answer that was remembered then, {} if there was none.

    A delivery that is being handled elsewhere at this moment is waited for.
    """
    values = {"source": source, "delivery_key": delivery_key, "user_id": user, "action": action}
    if inserted(tx, inbox, received_at=tx.now(), **values):
        return None
    return tx.scalar(select(inbox.c.answer).where(_is(source, delivery_key))) or {}


def remember(tx: Transaction, source: str, delivery_key: str, answer: dict[str, Any]) -> None:
    """Keep the answer, in the transaction that gave it."""
    tx.execute(update(inbox).where(_is(source, delivery_key)).values(answer=answer))


def _is(source: str, delivery_key: str) -> Any:
    return and_(inbox.c.workspace == WORKSPACE, inbox.c.source == source, inbox.c.delivery_key == delivery_key)
