"""Why an account, or one metric of it, gets no card: what the last evaluation said."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, select

from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, held_back
from bot.store.writing import Write, removals, upserts


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


def writes(tx: Transaction, found: Iterable[Told]) -> list[Write]:
    """All reasons of an evaluation in place of the last one's. Only what differs is written: there may be 50,000."""
    now = {(storable(one.account), storable(one.metric or "")): one.reason for one in found}
    columns = (held_back.c.account_key, held_back.c.metric, held_back.c.reason)
    known = {(key, metric): reason for key, metric, reason in tx.execute(select(*columns).where(_here()))}
    new = [_key(key) | {"reason": reason, "at": tx.now()} for key, reason in now.items() if known.get(key) != reason]
    over = [_key(key) for key in sorted(known.keys() - now.keys())]
    return [*upserts(held_back, new), *removals(held_back, over)]


def replace(tx: Transaction, found: Iterable[Told]) -> None:
    """The same at once."""
    for write in writes(tx, found):
        write(tx)


def of(tx: Transaction, account_key: str) -> list[HeldBack]:
    """The reasons of one account, the whole account's first."""
    columns = [held_back.c[name] for name in ("metric", "reason", "at")]
    query = select(*columns).where(_here(), held_back.c.account_key == account_key).order_by(held_back.c.metric)
    return [HeldBack(account_key, metric or None, reason, at) for metric, reason, at in tx.execute(query)]


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return {"workspace": WORKSPACE, "account_key": key[0], "metric": key[1]}


def _here() -> ColumnElement[bool]:
    return held_back.c.workspace == WORKSPACE
