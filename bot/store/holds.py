"""What may not be called just now, and until when: a vendor that throttles us, or that refuses our key.

A hold covers its scope and everything below: "slack" holds back "slack:chat.postMessage:C1" too. When its time has
come, one job at a time is let through: were all to rush, the next ones would be refused again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, literal, or_, select

from bot.store.database import Transaction, moment_parameter
from bot.store.delivery_tables import RUNNING, hold, job
from bot.store.tables import WORKSPACE
from bot.store.writing import insert

PROBE = timedelta(minutes=5)  # how often a paused provider is tried with one job, in case its key works again
GENTLE = timedelta(minutes=1)  # how long after a throttle jobs still go one at a time


@dataclass(frozen=True, slots=True)
class Hold:
    """One scope held back; `detail` is for people."""

    scope: str
    detail: str
    until: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Gate:
    """Scopes at one moment: those that nothing may pass, and those that one job may."""

    shut: tuple[str, ...]
    narrow: tuple[str, ...]

    def conditions(self) -> list[ColumnElement[bool]]:
        """What a job must meet to pass, in SQL."""
        return [or_(job.c.scope.is_(None), ~_covered_by(literal(scope))) for scope in self.shut]

    def crossed(self, scope: str | None) -> set[str]:
        """The narrow scopes that a job goes through: after it, no other job may."""
        return {narrow for narrow in self.narrow if scope and (scope == narrow or scope.startswith(f"{narrow}:"))}


OPEN = Gate((), ())


def throttle(tx: Transaction, scope: str, wait: timedelta, detail: str) -> None:
    """Hold the scope back for a while; a pause for a refused key stays."""
    if tx.scalar(select(hold.c.why).where(hold.c.workspace == WORKSPACE, hold.c.scope == scope)) != "auth":
        _hold(tx, scope, "throttled", wait, detail)


def pause(tx: Transaction, provider: str, reason: str) -> None:
    """The provider refuses our key: its jobs stay ready until it is resumed, or a probe succeeds."""
    _hold(tx, provider, "auth", PROBE, reason)


def resume(tx: Transaction, provider: str) -> None:
    """Let the provider's jobs go at once, for instance after the key was replaced."""
    tx.enqueued = True
    tx.execute(delete(hold).where(hold.c.workspace == WORKSPACE, hold.c.scope == provider))


def paused(tx: Transaction) -> list[Hold]:
    """The providers that refuse our key."""
    query = select(hold.c.scope, hold.c.detail, hold.c.until, hold.c.at).where(hold.c.why == "auth")
    return [Hold(*row) for row in tx.execute(query.order_by(hold.c.scope))]


def standing(tx: Transaction, scope: str) -> Hold | None:
    """What holds this scope back just now; a pause whose time has come may be tried once."""
    query = select(hold.c.scope, hold.c.detail, hold.c.until, hold.c.at)
    row = tx.execute(
        query.where(hold.c.workspace == WORKSPACE, hold.c.scope == scope, hold.c.until > tx.moment())
    ).one_or_none()
    return Hold(*row) if row else None


def succeeded(tx: Transaction, scope: str) -> None:
    """A job of the scope went through, so the key is good."""
    parts = scope.split(":")
    above = [":".join(parts[: length + 1]) for length in range(len(parts))]
    tx.execute(delete(hold).where(hold.c.workspace == WORKSPACE, hold.c.scope.in_(above), hold.c.why == "auth"))


def gate(tx: Transaction) -> Gate:
    """How the holds stand. Locks them, so that two workers cannot both let one job through."""
    shut, narrow = [], []
    moments = {"now": tx.later(), "gentle": tx.later(-GENTLE)}
    for scope, is_over, is_busy, is_past in tx.execute(_standing(tx.dialect), moments).all():
        if is_past:
            tx.execute(delete(hold).where(hold.c.workspace == WORKSPACE, hold.c.scope == scope))
        elif is_over and not is_busy:
            narrow.append(scope)
        else:
            shut.append(scope)
    return Gate(tuple(shut), tuple(narrow))


@cache
def _standing(dialect: str) -> Select[Any]:
    now = moment_parameter(dialect, "now")
    busy = exists().where(job.c.state == RUNNING, job.c.lease_until >= now, _covered_by(hold.c.scope))
    over = hold.c.until <= now
    past = and_(hold.c.why == "throttled", hold.c.until < moment_parameter(dialect, "gentle"))
    return select(hold.c.scope, over, busy, past).where(hold.c.workspace == WORKSPACE).with_for_update()


def _hold(tx: Transaction, scope: str, why: str, wait: timedelta, detail: str) -> None:
    values = {"why": why, "detail": detail, "until": tx.moment(wait)}
    statement = insert(tx.dialect, hold).values(scope=scope, at=tx.moment(), **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["workspace", "scope"], set_=values))


def _covered_by(scope: ColumnElement[str]) -> ColumnElement[bool]:
    # Not LIKE: a scope may hold its wildcards.
    below = scope + ":"
    return or_(job.c.scope == scope, func.substr(job.c.scope, 1, func.length(below)) == below)
