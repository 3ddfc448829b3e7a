"""What is wrong and somebody should mend: open from the first report until a report no longer names it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, insert, select, update

from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, problem
from bot.store.writing import Row, Write, parts


class Reported(Protocol):
    """How a problem is reported; without an account it concerns them all."""

    @property
    def what(self) -> str: ...
    @property
    def account(self) -> str | None: ...
    @property
    def metric(self) -> str | None: ...
    @property
    def detail(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One open problem, and since when."""

    source: str
    what: str
    account: str | None
    metric: str | None
    detail: str
    at: datetime


Key = tuple[str, str, str]


def writes(tx: Transaction, source: str, found: Iterable[Reported]) -> list[Write]:
    """All that a source finds wrong now; what it had found before and no longer names is resolved."""
    now = {(storable(one.what), storable(one.account or ""), storable(one.metric or "")): one.detail for one in found}
    known = _open_by_key(tx, source)
    new = [_row(source, key, detail, tx.now()) for key, detail in now.items() if key not in known]
    still = {row: (detail, storable(now[key])) for key, (row, detail) in known.items() if key in now}
    told_anew = [{"row": row, "detail": after} for row, (before, after) in still.items() if before != after]
    over = [{"row": row, "resolved_at": tx.now()} for key, (row, _) in known.items() if key not in now]
    changes = (*parts(told_anew), *parts(over))
    return [*(partial(_add, rows=part) for part in parts(new)), *(partial(_amend, rows=part) for part in changes)]


def report(tx: Transaction, source: str, found: Iterable[Reported]) -> None:
    """The same at once, where there are few."""
    for write in writes(tx, source, found):
        write(tx)


def listing(tx: Transaction, limit: int = 1000) -> list[Problem]:
    """The open ones, the latest first."""
    columns = [problem.c[name] for name in ("source", "what", "account_key", "metric", "detail", "at")]
    rows = tx.execute(select(*columns).where(_is_open()).order_by(problem.c.at.desc(), problem.c.id).limit(limit))
    return [Problem(source, what, key or None, metric or None, *rest) for source, what, key, metric, *rest in rows]


def _open_by_key(tx: Transaction, source: str) -> dict[Key, tuple[int, str]]:
    columns = [problem.c[name] for name in ("id", "what", "account_key", "metric", "detail")]
    rows = tx.execute(select(*columns).where(_is_open(), problem.c.source == source))
    return {(what, key, metric): (row, detail) for row, what, key, metric, detail in rows}


def _row(source: str, key: Key, detail: str, at: datetime) -> Row:
    what, account, metric = key
    return {"source": source, "what": what, "account_key": account, "metric": metric, "detail": detail, "at": at}


def _add(tx: Transaction, rows: Sequence[Row]) -> None:
    tx.execute(insert(problem), list(rows))


def _amend(tx: Transaction, rows: Sequence[Row]) -> None:
    new: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "row"}
    tx.connection().execute(update(problem).where(problem.c.id == bindparam("row")).values(new), list(rows))


def _is_open() -> ColumnElement[bool]:
    return and_(problem.c.workspace == WORKSPACE, problem.c.resolved_at.is_(None))
