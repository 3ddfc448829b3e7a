"""Which signals are on, since when and at which level: what the next evaluation has to know of this one."""

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select, tuple_

from bot.model import Fired, Signal, SignalKey
from bot.signal_json import from_json, to_json
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, signal_state
from bot.store.writing import upsert

KEY = (signal_state.c.account_key, signal_state.c.kind, signal_state.c.metric, signal_state.c.subject)
CHUNK = 200  # keys a statement: SQLite and PostgreSQL both limit the number of parameters


def load(tx: Transaction) -> dict[SignalKey, tuple[Fired, Signal]]:
    """Every signal that is on, with its last evidence."""
    query = select(*KEY, signal_state.c.since, signal_state.c.level, signal_state.c.payload).where(
        signal_state.c.workspace == WORKSPACE
    )
    return {
        (account, kind, metric or None, subject or None): (Fired(since, level), from_json(payload))
        for account, kind, metric, subject, since, level, payload in tx.execute(query)
    }


def save(tx: Transaction, on: Mapping[SignalKey, tuple[Fired, Signal]], over: Iterable[SignalKey]) -> None:
    """Store the signals that are on and forget those that are over."""
    rows = [
        {
            **dict(zip(("account_key", "kind", "metric", "subject"), _stored(key), strict=True)),
            "level": fired.level,
            "strength": signal.strength,
            "since": fired.since,
            "updated_at": tx.now(),
            "payload": to_json(signal),
        }
        for key, (fired, signal) in on.items()
    ]
    upsert(tx, signal_state, rows)
    gone = [_stored(key) for key in over]
    for start in range(0, len(gone), CHUNK):
        chosen = tuple_(*KEY).in_(gone[start : start + CHUNK])
        tx.execute(delete(signal_state).where(signal_state.c.workspace == WORKSPACE, chosen))


def _stored(key: SignalKey) -> tuple[str, str, str, str]:
    account, kind, metric, subject = key
    return account, kind, metric or "", subject or ""
