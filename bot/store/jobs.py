"""Durable work for the outside world: put in the queue with the change that causes it, looked at by people."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update

from bot.store import holds
from bot.store.database import Transaction, moment_parameter
from bot.store.delivery_tables import WAITING_ONLY, job
from bot.store.tables import WORKSPACE
from bot.store.writing import changed, insert


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. `token` rises with each claim, so that a worker that lost its lease can change nothing."""

    id: int
    kind: str
    ukey: str
    subject: str
    scope: str | None
    state: str
    run_at: datetime
    priority: int
    attempt: int
    strikes: int
    lease_owner: str | None
    lease_until: datetime | None
    token: int
    payload: dict[str, Any]
    intent: dict[str, Any] | None
    result: dict[str, Any] | None
    error_class: str | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How the queue stands."""

    by_state: Mapping[str, int]
    paused: tuple[holds.Hold, ...]


COLUMNS = tuple(job.c[field.name] for field in fields(Job))


def as_job(row: Row[Any]) -> Job:
    return Job(*(row._mapping[column.name] for column in COLUMNS))


def enqueue(
    tx: Transaction,
    kind: str,
    payload: Mapping[str, Any],
    *,
    ukey: str,
    subject: str,
    priority: int = 100,
    scope: str | None = None,
    after: timedelta = timedelta(),
) -> int | None:
    """The job's id, or None where the key is known already. Jobs of one subject never run at once.

    `scope` names what the job calls ("pipedrive", "slack:chat.postMessage:C1"), so that it waits, untried, while
    that is throttled or its key refused; without it, the job learns its scope from the first refusal.
    """
    values = {
        "kind": kind,
        "payload": dict(payload),
        "ukey": ukey,
        "subject": subject,
        "priority": priority,
        "scope": scope,
        "now": tx.later(),
        "due": tx.later(after),
    }
    tx.enqueued = True
    added: int | None = tx.scalar(_added(tx.dialect), values)
    return added


def waits(tx: Transaction, ukey: str) -> bool:
    """Whether the job with this key has yet to begin; until the transaction ends it does not."""
    query = select(job.c.id).where(job.c.workspace == WORKSPACE, job.c.ukey == ukey, job.c.state == "ready")
    return tx.execute(query.with_for_update()).first() is not None


def get(tx: Transaction, job_id: int) -> Job | None:
    row = tx.execute(select(*COLUMNS).where(job.c.workspace == WORKSPACE, job.c.id == job_id)).one_or_none()
    return as_job(row) if row else None


def list_jobs(
    tx: Transaction, *, states: tuple[str, ...] = (), kinds: tuple[str, ...] = (), limit: int = 100
) -> list[Job]:
    """The latest first; no states or no kinds mean all of them."""
    query = select(*COLUMNS).where(job.c.workspace == WORKSPACE).order_by(job.c.id.desc()).limit(limit)
    if states:
        query = query.where(job.c.state.in_(states))
    if kinds:
        query = query.where(job.c.kind.in_(kinds))
    return [as_job(row) for row in tx.execute(query)]


def is_waiting(tx: Transaction, kind: str, subject: str) -> bool:
    """Whether there is such work to be done still."""
    same = (job.c.workspace == WORKSPACE, job.c.kind == kind, job.c.subject == subject)
    return tx.scalar(select(job.c.id).where(*same, WAITING_ONLY).limit(1)) is not None


def retry(tx: Transaction, job_id: int) -> bool:
    """Run it now with all its attempts before it; False: it is running or done."""
    tx.enqueued = True
    again = {"state": "ready", "run_at": tx.moment(), "attempt": 0, "strikes": 0, "updated_at": tx.moment()}
    mendable = job.c.state.in_(("ready", "failed", "dead"))
    return changed(tx, update(job).where(job.c.id == job_id, mendable).values(again)) == 1


def counts(tx: Transaction) -> Counts:
    by_state = tx.execute(select(job.c.state, func.count().label("jobs")).group_by(job.c.state)).all()
    return Counts({row.state: row.jobs for row in by_state}, tuple(holds.paused(tx)))


@cache
def _added(dialect: str) -> Any:
    # Built once: SQLAlchemy takes longer to build a statement than the database to run it.
    now = moment_parameter(dialect, "now")
    named = ("kind", "payload", "ukey", "subject", "priority", "scope")
    values = {name: bindparam(name, type_=job.c[name].type) for name in named}
    start = {
        "state": "ready",
        "attempt": 0,
        "strikes": 0,
        "token": 0,
        "run_at": moment_parameter(dialect, "due"),
        "created_at": now,
        "updated_at": now,
    }
    statement = insert(dialect, job).values(**values, **start)
    return statement.on_conflict_do_nothing().returning(job.c.id)
