"""Scheduled runs: each slot is done once, whichever replica gets it, and taken over from one that died."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, and_, select, update

from bot.store.database import Database, Transaction
from bot.store.delivery_tables import run
from bot.store.leases import LostLeaseError
from bot.store.tables import WORKSPACE
from bot.store.writing import changed, insert


@dataclass(frozen=True, slots=True)
class Run:
    """One slot, done or being done. `token` rises with each take-over."""

    id: int
    kind: str
    scheduled_for: datetime
    state: str
    lease_owner: str
    lease_until: datetime
    token: int
    started_at: datetime
    finished_at: datetime | None
    summary: dict[str, Any] | None


COLUMNS = tuple(run.c[field.name] for field in fields(Run))


def claim_slot(db: Database, kind: str, scheduled_for: datetime, owner: str, lease: timedelta) -> Run | None:
    """The run, if it is this owner's to do; None: another one does it, or it is over."""
    with db.transaction() as tx:
        began = {
            "state": "running",
            "lease_owner": owner,
            "lease_until": tx.moment(lease),
            "started_at": tx.moment(),
        }
        values = {"kind": kind, "scheduled_for": scheduled_for, "token": 1, **began}
        first = insert(tx.dialect, run).values(values).on_conflict_do_nothing().returning(*COLUMNS)
        row = tx.execute(first).one_or_none() or tx.execute(_take_over(tx, kind, scheduled_for, began)).one_or_none()
        return _run(row) if row else None


def renew(tx: Transaction, mine: Run, lease: timedelta) -> None:
    """Raises LostLeaseError where another replica has the run by now."""
    _change(tx, mine, lease_until=tx.moment(lease))


def finish(tx: Transaction, mine: Run, summary: dict[str, Any]) -> None:
    _change(tx, mine, state="done", finished_at=tx.moment(), summary=summary)


def fail(tx: Transaction, mine: Run, summary: dict[str, Any]) -> None:
    """It is not tried again before its next slot."""
    _change(tx, mine, state="failed", finished_at=tx.moment(), summary=summary)


def last_finished(tx: Transaction, kind: str) -> Run | None:
    """The run for the latest slot that went well."""
    return _latest(tx, kind, run.c.state == "done")


def last(tx: Transaction, kind: str) -> Run | None:
    """The run for the latest slot, however it went."""
    return _latest(tx, kind)


def _latest(tx: Transaction, kind: str, *given: ColumnElement[bool]) -> Run | None:
    query = select(*COLUMNS).where(run.c.workspace == WORKSPACE, run.c.kind == kind, *given)
    row = tx.execute(query.order_by(run.c.scheduled_for.desc()).limit(1)).one_or_none()
    return _run(row) if row else None


def _take_over(tx: Transaction, kind: str, scheduled_for: datetime, began: dict[str, Any]) -> Any:
    slot = and_(run.c.workspace == WORKSPACE, run.c.kind == kind, run.c.scheduled_for == scheduled_for)
    lapsed = and_(run.c.state == "running", run.c.lease_until < tx.moment())
    return update(run).where(slot, lapsed).values(token=run.c.token + 1, **began).returning(*COLUMNS)


def _change(tx: Transaction, mine: Run, **values: Any) -> None:
    ours = and_(run.c.id == mine.id, run.c.token == mine.token, run.c.state == "running")
    statement: Update = update(run).where(ours).values(**values)
    if changed(tx, statement) != 1:
        raise LostLeaseError(f"run {mine.id} is no longer ours")


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)
