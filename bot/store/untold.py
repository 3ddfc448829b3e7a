"""Open problems that the managers have not heard of: each is told once, however long it stays open."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select, update

from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, account, problem
from bot.store.writing import changed


@dataclass(frozen=True, slots=True)
class Untold:
    """One problem. Without an account it concerns them all."""

    account: str | None
    name: str | None  # what the account is called, as far as it is known
    detail: str


def untold(tx: Transaction, sources: Sequence[str], limit: int) -> list[Untold]:
    """The first of them: what concerns all accounts before what concerns one, then the oldest."""
    its_account = and_(account.c.workspace == problem.c.workspace, account.c.key == problem.c.account_key)
    query = (
        select(problem.c.account_key, account.c.name, problem.c.detail)
        .select_from(problem.outerjoin(account, its_account))
        .where(_unheard(sources))
        .order_by(func.length(problem.c.account_key) > 0, problem.c.id)
        .limit(limit)
    )
    return [Untold(key or None, name, detail) for key, name, detail in tx.execute(query)]


def mark_told(tx: Transaction, sources: Sequence[str]) -> int:
    """From now on they have heard of all of these: how many they were. Of two replicas at once, one gets them."""
    return changed(tx, update(problem).where(_unheard(sources)).values(told_at=tx.now()))


def _unheard(sources: Sequence[str]) -> ColumnElement[bool]:
    is_open = and_(problem.c.workspace == WORKSPACE, problem.c.resolved_at.is_(None))
    return and_(is_open, problem.c.told_at.is_(None), problem.c.source.in_(sources))
