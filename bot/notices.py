"""Managers hear of faults in the data: of each once, several in one message, and at most one message a day.

Only what is graver than the last message may come sooner: a fault that concerns all accounts, after some that did not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.store import Database, Transaction, jobs, memory
from bot.store.untold import mark_told, untold

SOURCES = ("posthog", "health")
KIND = "notice"
LAST = "managers_told"
REST = timedelta(days=1)
SHOWN = 5
PRIORITY = 80


def tell_managers(tx: Transaction, managers: Iterable[str]) -> None:
    """Enqueue what is due. Where no manager is configured nothing is told, as doctor says."""
    managers = tuple(managers)
    first = untold(tx, SOURCES, SHOWN) if managers else []
    if not first or not _is_due(tx, grave := first[0].account is None):
        return
    number = mark_told(tx, SOURCES)
    if not number:  # another replica was quicker
        return
    now = tx.now()
    memory.put(tx, LAST, {"at": now.isoformat(), "grave": grave})
    faults = [{"account": one.account, "name": one.name, "detail": one.detail} for one in first]
    _enqueue(tx, {"round": now.isoformat(), "faults": faults, "number": number}, managers)


def _is_due(tx: Transaction, grave: bool) -> bool:
    last = memory.get(tx, LAST)
    if last is None or tx.now() - datetime.fromisoformat(last["at"]) >= REST:
        return True
    return grave and not last["grave"]


def _enqueue(tx: Transaction, notice: Mapping[str, Any], people: Iterable[str]) -> None:
    """A job for each person or user group. Who is named twice, or is in two groups, hears it once."""
    for one in people:
        key = f"{KIND}:{notice['round']}:{one}"
        jobs.enqueue(tx, KIND, {**notice, "to": one}, ukey=key, subject=key, priority=PRIORITY)


@dataclass(frozen=True, slots=True)
class NoticeBook:
    """Behind the notice jobs; each call is one short transaction."""

    db: Database

    def pass_on(self, notice: Mapping[str, Any], people: Iterable[str]) -> None:
        with self.db.transaction() as tx:
            _enqueue(tx, notice, people)
