"""What somebody is asked before the CRM can be written to: one open question an opportunity."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import null, update

from bot.model import Deal, Question
from bot.store.database import Transaction
from bot.store.tables import opportunity


def ask(tx: Transaction, identity: int, question: Question | None) -> int:
    """Asked, or not any more; the opportunity's new version."""
    return _changed(tx, identity, question=asdict(question) if question else None, deal_state=None) or 0


def answer(tx: Transaction, identity: int, deal_state: str | None) -> int | None:
    """The new version; None where nothing is asked any more: of two answers at once, one counts."""
    return _changed(tx, identity, opportunity.c.question.is_not(null()), question=None, deal_state=deal_state)


def from_json(stored: Mapping[str, Any] | None) -> Question | None:
    if not stored:
        return None
    deals = tuple(Deal(**deal) for deal in stored.get("deals", ()))
    return Question(**{**stored, "deals": deals})


def _changed(tx: Transaction, identity: int, *given: Any, **values: Any) -> int | None:
    next_one = {"version": opportunity.c.version + 1, "updated_at": tx.now(), **values}
    statement = update(opportunity).where(opportunity.c.id == identity, *given).values(next_one)
    version: int | None = tx.scalar(statement.returning(opportunity.c.version))
    return version
