"""How workers share the queue: a job is leased, and whatever ends it says which lease it was done under."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, and_, bindparam, exists, not_, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError, OperationalError

from bot.store import holds
from bot.store.database import Database, Transaction, moment_parameter
from bot.store.delivery_tables import READY, RUNNING, WAITING_ONLY, hold, job
from bot.store.jobs import COLUMNS, Job, as_job
from bot.store.writing import changed

CLAIM_TRIES = 5
DEADLOCK = "40P01"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
ERROR_LENGTH = 500
CLEARED = ("lease_owner", "lease_until", "error_class", "last_error")


class LostLeaseError(Exception):
    """Another worker has the job by now: whatever was done under the old lease counts for nothing."""


@dataclass(frozen=True, slots=True)
class Setback:
    """Why an attempt did not finish the job, and how it goes on. `error` is stored, so it must hold no secret."""

    error_class: str
    error: str
    after: timedelta | None = None  # None: it keeps its place in the queue
    attempt_spent: bool = True
    strike: bool = False  # it ended without a reason we know; too many of these bury it
    scope: str | None = None  # learnt from the refusal


def claim(db: Database, kinds: Sequence[str], worker: str, limit: int, lease: timedelta) -> list[Job]:
    """Lease due jobs, and those whose worker let its lease lapse. The attempt counts from here on."""
    for _ in range(CLAIM_TRIES):
        try:
            with db.transaction() as tx:
                return _claim(tx, kinds, worker, limit, lease)
        except IntegrityError:  # another worker began a job of the same subject at this moment
            continue
        except OperationalError as error:  # two workers, each waiting to see whether the other begins its subject
            if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                raise
    return []


def renew(tx: Transaction, claimed: Iterable[Job], lease: timedelta) -> set[int]:
    """Lengthen the leases; the ids of those that are still ours."""
    ours = tuple_(job.c.id, job.c.token).in_([(one.id, one.token) for one in claimed])
    statement = update(job).where(ours, job.c.state == "running").values(lease_until=tx.moment(lease))
    return set(tx.scalars(statement.returning(job.c.id)))


def save_intent(tx: Transaction, claimed: Job, intent: dict[str, Any]) -> None:
    """What is about to be done outside, for whoever finds the job half done."""
    _change(tx, claimed, intent=intent)


def finish(tx: Transaction, claimed: Job, result: dict[str, Any] | None) -> None:
    values = {"its_id": claimed.id, "its_token": claimed.token, "its_result": result, "now": tx.later()}
    if changed(tx, _finished(tx.dialect), values) != 1:
        raise _lost(claimed)
    if claimed.scope:
        holds.succeeded(tx, claimed.scope)


def retry_later(tx: Transaction, claimed: Job, setback: Setback) -> None:
    """Back to the queue."""
    values: dict[str, Any] = {"state": "ready", "error_class": setback.error_class, "last_error": _short(setback.error)}
    if setback.after is not None:
        values["run_at"] = tx.moment(setback.after)
    if not setback.attempt_spent:
        values["attempt"] = job.c.attempt - 1
    if not setback.strike:
        values["strikes"] = job.c.strikes - 1
    if setback.scope:
        values["scope"] = setback.scope
    _end(tx, claimed, **values)


def fail(tx: Transaction, claimed: Job, state: str, error_class: str, error: str) -> None:
    """Give up: "failed" where the vendor refuses for good, "dead" where we do not know what is wrong."""
    _end(tx, claimed, state=state, error_class=error_class, last_error=_short(error))


def _claim(tx: Transaction, kinds: Sequence[str], worker: str, limit: int, lease: timedelta) -> list[Job]:
    query, values = _waiting(tx.dialect), {"kinds": kinds, "limit": limit, "now": tx.later()}
    rows, gate = tx.execute(query, values).all(), holds.OPEN
    if rows and rows[0].something_is_held:
        gate = holds.gate(tx)
        rows = tx.execute(query.where(*gate.conditions()), values).all()
    chosen: list[int] = []
    taken: set[str] = set()
    for job_id, subject, scope, _ in rows:
        keys = {f"subject {subject}"} | {f"scope {narrow}" for narrow in gate.crossed(scope)}
        if not keys & taken:
            chosen.append(job_id)
            taken |= keys
    return _lease(tx, chosen, worker, lease) if chosen else []


def _lease(tx: Transaction, ids: list[int], worker: str, lease: timedelta) -> list[Job]:
    values = {"ids": ids, "worker": worker, "until": tx.later(lease), "now": tx.later()}
    rows = tx.execute(_leased(tx.dialect), values).all()
    return sorted(map(as_job, rows), key=lambda one: (one.priority, one.run_at, one.id))


# Building a statement takes SQLAlchemy longer than running it takes the database: the busy ones are built once.


@cache
def _waiting(dialect: str) -> Select[Any]:
    now = moment_parameter(dialect, "now")
    ready = and_(job.c.state == READY, job.c.run_at <= now)
    lapsed = and_(job.c.state == RUNNING, job.c.lease_until < now)
    return (
        select(job.c.id, job.c.subject, job.c.scope, exists(hold).label("something_is_held"))
        .where(WAITING_ONLY, job.c.kind.in_(bindparam("kinds", expanding=True)))
        .where(or_(ready, lapsed), not_(_subject_is_busy()))
        .order_by(job.c.priority, job.c.run_at, job.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )


@cache
def _leased(dialect: str) -> Any:
    now = moment_parameter(dialect, "now")
    values = {
        "state": "running",
        "lease_owner": bindparam("worker"),
        "lease_until": moment_parameter(dialect, "until"),
        "updated_at": now,
        "attempt": job.c.attempt + 1,
        "strikes": job.c.strikes + 1,
        "token": job.c.token + 1,
    }
    return update(job).where(job.c.id.in_(bindparam("ids", expanding=True))).values(values).returning(*COLUMNS)


@cache
def _finished(dialect: str) -> Update:
    ours = and_(job.c.id == bindparam("its_id"), job.c.token == bindparam("its_token"), job.c.state == "running")
    values = {"state": "done", "result": bindparam("its_result"), "updated_at": moment_parameter(dialect, "now")}
    return update(job).where(ours).values(**values, **dict.fromkeys(CLEARED))


def _subject_is_busy() -> ColumnElement[bool]:
    other = job.alias("other")
    same = and_(other.c.workspace == job.c.workspace, other.c.subject == job.c.subject)
    return exists().where(same, other.c.state == RUNNING, other.c.id != job.c.id)


def _end(tx: Transaction, claimed: Job, **values: Any) -> None:
    _change(tx, claimed, lease_owner=None, lease_until=None, **values)


def _change(tx: Transaction, claimed: Job, **values: Any) -> None:
    ours = and_(job.c.id == claimed.id, job.c.token == claimed.token, job.c.state == "running")
    if changed(tx, update(job).where(ours).values(updated_at=tx.moment(), **values)) != 1:
        raise _lost(claimed)


def _lost(claimed: Job) -> LostLeaseError:
    return LostLeaseError(f"job {claimed.id} is no longer ours")


def _short(error: str) -> str:
    return error[:ERROR_LENGTH]
