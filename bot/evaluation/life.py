"""The life of a signal: armed, fired, resolved. What fires and what merely holds differ, so nothing flaps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isnan

from bot.model import Fired, SignalKey
from detectors.base import Findings


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
    if not found.fires[index] and was is None:
        return None
    if found.level is None or found.held_level is None:
        return was or Fired(since=now)
    level, held = _number(found.level[index]), _number(found.held_level[index])
    if was is not None and was.level is not None and held is not None:
        level = max(level or 0.0, min(was.level, held))
    if was is None:
        return Fired(since=now, level=level)
    return replace(was, level=level) if level is None or level <= (was.level or 0.0) else Fired(since=now, level=level)


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)
