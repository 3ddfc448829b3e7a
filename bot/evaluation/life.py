"""The life of a signal: armed, fired, resolved. What fires and what merely holds differ, so nothing flaps.

A signal is armed as long as it is not on. One with levels fires at each level that usage reaches. It holds a level
down to five points below it; below that, in a new period, or under a raised limit the level is armed again: it
fires anew if usage is at it still, and is resolved if it is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isnan
from typing import Any

from bot.model import Fired, SignalKey
from detectors.base import Findings

ROUNDING = 1e-9  # a limit that is worked out anew is not raised by its last digit


@dataclass(frozen=True, slots=True)
class Live:
    """A signal that is on now, and where its evidence stands in the findings."""

    key: SignalKey
    fired: Fired
    findings: Findings
    index: int


def live(
    findings: Iterable[Findings], accounts: Sequence[str], before: Mapping[SignalKey, Fired], now: datetime
) -> Iterator[Live]:
    """The signals that are on after this evaluation: those that fire, and those that were on and still hold."""
    for found in findings:
        for index, row in enumerate(found.rows):
            subject = None if found.subject is None else str(found.subject[index])
            key = (accounts[row], found.kind, found.metric, subject)
            fired = _next(found, index, before.get(key), now)
            if fired is not None:
                yield Live(key, fired, found, index)


def _next(found: Findings, index: int, was: Fired | None, now: datetime) -> Fired | None:
    if found.level is None or found.held_level is None:
        return was or (Fired(since=now) if found.fires[index] else None)
    level, held = _known(found.level[index]), _known(found.held_level[index])
    limit, period = (_evidence(found, name, index) for name in ("limit", "period_start"))
    if was is None or _armed_again(was, limit, period):
        return Fired(now, level, limit, period) if found.fires[index] else None
    if was.level is not None and held is not None:
        level = max(level or 0.0, min(was.level, held))
    rises = level is not None and level > (was.level or 0.0)
    return Fired(now if rises else was.since, level, limit, period)


def _armed_again(was: Fired, limit: float | None, period: date | None) -> bool:
    """What was known of an older limit or period says nothing of this one."""
    is_raised = limit is not None and was.limit is not None and limit > was.limit * (1 + ROUNDING)
    return is_raised or (period is not None and was.period is not None and period > was.period)


def _evidence(found: Findings, name: str, index: int) -> Any:
    return found.evidence[name][index].item() if name in found.evidence else None


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)
