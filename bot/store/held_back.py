"""Why an account, or one metric of it, gets no card: what the last evaluation said."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, select

from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, held_back
from bot.store.writing import upsert


class Told(Protocol):
    """How an evaluation says it; without a metric it is the whole account."""

    @property
    def account(self) -> str: ...
    @property
    def metric(self) -> str | None: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class HeldBack:
    """One reason, and since when it holds."""

    account: str
    metric: str | None
    reason: str
    at: datetime


def replace(tx: Transaction, found: Iterable[Told]) -> None:
    """All reasons of an evaluation in place of the last one's. Only what differs is written: there may be 50,000."""
    now = {(one.account, one.metric or ""): one.reason for one in found}
    columns = (held_back.c.account_key, held_back.c.metric, held_back.c.reason)
    known = {(key, metric): reason for key, metric, reason in tx.execute(select(*columns).where(_here()))}
    new = [
        {"workspace": WORKSPACE, "account_key": key, "metric": metric, "reason": reason, "at": tx.now()}
        for (key, metric), reason in now.items()
        if known.get((key, metric)) != reason
    ]
    upsert(tx, held_back, new)
    over = [{"account": key, "of": metric} for key, metric in known.keys() - now.keys()]
    if over:
        its_row = and_(_here(), held_back.c.account_key == bindparam("account"), held_back.c.metric == bindparam("of"))
        tx.connection().execute(delete(held_back).where(its_row), over)


def of(tx: Transaction, account_key: str) -> list[HeldBack]:
    """The reasons of one account, the whole account's first."""
    columns = [held_back.c[name] for name in ("metric", "reason", "at")]
    query = select(*columns).where(_here(), held_back.c.account_key == account_key).order_by(held_back.c.metric)
    return [HeldBack(account_key, metric or None, reason, at) for metric, reason, at in tx.execute(query)]


def counts(tx: Transaction) -> dict[str, int]:
    """How many for each reason."""
    query = select(held_back.c.reason, func.count().label("held")).where(_here()).group_by(held_back.c.reason)
    return {row.reason: row.held for row in tx.execute(query)}


def _here() -> ColumnElement[bool]:
    return held_back.c.workspace == WORKSPACE
