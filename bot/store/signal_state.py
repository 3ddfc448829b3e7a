"""Which signals are on, since when and at which level: what the next evaluation has to know of this one."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from bot.model import Fired, Signal, SignalKey
from bot.signal_json import from_json, to_json
from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, signal_state
from bot.store.writing import Write, removals, upserts

KEY = (signal_state.c.account_key, signal_state.c.kind, signal_state.c.metric, signal_state.c.subject)
FACTS = ("level", "since", "payload")
Stored = tuple[str, str, str, str]


def load(tx: Transaction, *chosen: ColumnElement[bool]) -> dict[SignalKey, tuple[Fired, Signal]]:
    """Every signal that is on, with its last evidence."""
    columns = (*KEY, signal_state.c.since, signal_state.c.level, signal_state.c.payload)
    query = select(*columns).where(_here(), *chosen)
    return {
        (account, kind, metric or None, subject or None): (_fired(since, level, signal), signal)
        for account, kind, metric, subject, since, level, payload in tx.execute(query)
        for signal in [from_json(payload)]
    }


def of(tx: Transaction, account_key: str) -> dict[SignalKey, tuple[Fired, Signal]]:
    """Those of one account."""
    return load(tx, signal_state.c.account_key == account_key)


def _fired(since: datetime, level: float | None, signal: Signal) -> Fired:
    """Limit and period are those of the last evidence."""
    if level is None:
        return Fired(since)
    period = signal.evidence.get("period_start")
    return Fired(since, level, signal.limit, period and date.fromisoformat(period))


def writes(tx: Transaction, on: Mapping[SignalKey, tuple[Fired, Signal]], over: Iterable[SignalKey]) -> list[Write]:
    """Store the signals that are on, as far as they differ, and forget those that are over."""
    query = select(*KEY, *(signal_state.c[name] for name in FACTS)).where(_here())
    known = {tuple(row[: len(KEY)]): tuple(row[len(KEY) :]) for row in tx.execute(query)}
    told = {_stored(key): (fired.level, fired.since, to_json(signal)) for key, (fired, signal) in on.items()}
    new = [_row(key) | dict(zip(FACTS, facts, strict=True)) for key, facts in told.items() if known.get(key) != facts]
    gone = [_row(key) for key in map(_stored, over) if key in known]
    return [*upserts(signal_state, new), *removals(signal_state, gone)]


def _here() -> ColumnElement[bool]:
    return signal_state.c.workspace == WORKSPACE


def _row(key: Stored) -> dict[str, Any]:
    return {"workspace": WORKSPACE, **dict(zip((column.name for column in KEY), key, strict=True))}


def _stored(key: SignalKey) -> Stored:
    account, kind, metric, subject = key
    return storable(account), kind, storable(metric or ""), storable(subject or "")
