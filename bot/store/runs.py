"""Scheduled runs: each slot is done once, whichever replica gets it; one that died or failed is taken over."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Update, and_, or_, select, update

from bot.store.database import Database, Transaction
from bot.store.delivery_tables import run
from bot.store.leases import LostLeaseError
from bot.store.tables import WORKSPACE
from bot.store.writing import changed, insert

RETRY = timedelta(minutes=5)  # until a failed run is tried again
RETRIES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One slot, being done. `token` rises with each take-over."""

    id: int
    token: int


COLUMNS = tuple(run.c[field.name] for field in fields(Run))


def claim_slot(db: Database, kind: str, scheduled_for: datetime, owner: str, lease: timedelta) -> Run | None:
    """The run, if it is this owner's to do; None: another one does it, or it is over."""
    with db.transaction() as tx:
        began = {
            "state": "running",
            "lease_owner": owner,
            "lease_until": tx.moment(lease),
            "started_at": tx.moment(),
            "finished_at": None,
            "summary": None,
        }
        values = {"kind": kind, "scheduled_for": scheduled_for, "token": 1, **began}
        first = insert(tx.dialect, run).values(values).on_conflict_do_nothing().returning(*COLUMNS)
        row = tx.execute(first).one_or_none() or tx.execute(_take_over(tx, kind, scheduled_for, began)).one_or_none()
        return _run(row) if row else None


def state_of(tx: Transaction, kind: str, scheduled_for: datetime) -> str | None:
    """running, done or failed; None: nobody has begun it."""
    asked = (run.c.workspace == WORKSPACE, run.c.kind == kind, run.c.scheduled_for == scheduled_for)
    state: str | None = tx.scalar(select(run.c.state).where(*asked))
    return state


def renew(tx: Transaction, mine: Run, lease: timedelta) -> None:
    """Raises LostLeaseError where another replica has the run by now."""
    _change(tx, mine, lease_until=tx.moment(lease))


def finish(tx: Transaction, mine: Run, summary: dict[str, Any]) -> None:
    _change(tx, mine, state="done", finished_at=tx.moment(), summary=summary)


def fail(tx: Transaction, mine: Run, summary: dict[str, Any]) -> None:
    """It is tried again after a while, a few times; then its next slot has to do."""
    _change(tx, mine, state="failed", lease_until=tx.moment(RETRY), finished_at=tx.moment(), summary=summary)


def _take_over(tx: Transaction, kind: str, scheduled_for: datetime, began: dict[str, Any]) -> Any:
    slot = and_(run.c.workspace == WORKSPACE, run.c.kind == kind, run.c.scheduled_for == scheduled_for)
    unfinished = or_(run.c.state == "running", and_(run.c.state == "failed", run.c.token <= RETRIES))
    lapsed = run.c.lease_until < tx.moment()
    return update(run).where(slot, unfinished, lapsed).values(token=run.c.token + 1, **began).returning(*COLUMNS)


def _change(tx: Transaction, mine: Run, **values: Any) -> None:
    ours = and_(run.c.id == mine.id, run.c.token == mine.token, run.c.state == "running")
    statement: Update = update(run).where(ours).values(**values)
    if changed(tx, statement) != 1:
        raise LostLeaseError(f"run {mine.id} is no longer ours")


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)
