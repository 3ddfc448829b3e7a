"""The thresholds that managers set: each change is kept, and nobody overwrites what they have not seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.config import Thresholds
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, threshold_change
from bot.store.writing import inserted


@dataclass(frozen=True, slots=True)
class Change:
    """One version of the thresholds, from 1; version 0 is the configuration's, which nobody changed."""

    version: int
    at: datetime
    who: str
    values: Thresholds


class ConflictError(Exception):
    """Somebody changed the thresholds meanwhile; `current` is what holds now."""

    def __init__(self, current: Change | None) -> None:
        super().__init__(f"the thresholds are at version {current.version if current else 0}")
        self.current = current


def current(tx: Transaction) -> Change | None:
    """None while the configuration's defaults hold."""
    columns = [threshold_change.c[name] for name in ("version", "at", "who", "after")]
    query = select(*columns).where(threshold_change.c.workspace == WORKSPACE)
    row = tx.execute(query.order_by(threshold_change.c.version.desc()).limit(1)).one_or_none()
    return Change(row.version, row.at, row.who, _understood(row.after)) if row else None


def change(tx: Transaction, who: str, expected: int, values: Thresholds) -> Change:
    """Set them if the version is still the expected one, else raise ConflictError."""
    before = current(tx)
    made = Change((before.version if before else 0) + 1, tx.now(), who, values)
    row = {
        "version": made.version,
        "at": made.at,
        "who": who,
        "before": before.values.model_dump(mode="json") if before else None,
        "after": values.model_dump(mode="json"),
    }
    # The key refuses the second of two who both saw the same version.
    if made.version != expected + 1 or not inserted(tx, threshold_change, **row):
        raise ConflictError(current(tx))
    return made


def _understood(stored: Mapping[str, Any]) -> Thresholds:
    """Replicas of two releases may share the store: what only the later one knows is left aside."""
    return Thresholds.model_validate({name: stored[name] for name in Thresholds.model_fields if name in stored})
