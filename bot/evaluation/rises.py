"""What rose in a case since people heard of it: a graver level, a new kind of signal, a turn from upsell to save."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bot.evaluation.cases import CONTEXT_ONLY, Case
from bot.model import Opportunity, Polarity, Signal
from bot.signal_json import instant, to_json

LIMIT_REACHED = 100.0  # percent


@dataclass(frozen=True, slots=True)
class Rise:
    """One thing that rose: the key by which it is told once, and what the thread says of it, as JSON."""

    key: str
    told: dict[str, Any]
    ends_snooze: bool = False


@dataclass(frozen=True, slots=True)
class Peak:
    """How far a case has come at most. Falling and rising again below it is no news."""

    level: float
    kinds: frozenset[str]
    saved: bool

    @classmethod
    def of(cls, polarity: Polarity, signals: Iterable[Signal]) -> Self:
        signals = tuple(signals)
        level = max((signal.level or 0.0 for signal in signals), default=0.0)
        return cls(level, frozenset(signal.kind for signal in signals), polarity == "save")

    def higher(self, told: Sequence[tuple[datetime, Any]]) -> "Peak":
        """With what the lines of history say besides, see `reached`."""
        known = [after for _, after in told if after]
        return Peak(
            max(self.level, *(after.get("level") or 0.0 for after in known)) if known else self.level,
            self.kinds.union(*(after.get("kinds") or () for after in known)),
            self.saved or any(after.get("polarity") == "save" for after in known),
        )


def reached(case: Case) -> dict[str, Any]:
    """For the history: how far the case had come when people were told, and where it stood on the gravest metric."""
    gravest = _gravest(case.signals)
    return {
        "level": gravest.level if gravest else None,
        "metric": gravest.metric if gravest else None,
        "ratio": gravest.ratio if gravest else None,
        "kinds": sorted({signal.kind for signal in case.signals}),
        "polarity": case.polarity,
    }


def rises(case: Case, shown: Opportunity, told: Sequence[tuple[datetime, Any]] = ()) -> Iterator[Rise]:
    """What is beyond everything the card showed and the history tells of; `told` has the oldest line first.

    A snooze ends where waiting would cost the customer something: the limit is reached, passed by a further level, or
    the account may leave. At 80 or 90 % the case is on the way that the rep saw when they put it off, and a forecast
    or a wish for a feature can wait as well: their card is brought up to date, and nobody is disturbed.
    """
    peak = Peak.of(shown.polarity, shown.signals).higher(told)
    if case.polarity == "save" and not peak.saved:
        yield Rise("save", {"what": "save", "signal": _json(_saving(case))}, ends_snooze=True)
    gravest = _gravest(case.signals)
    if gravest and gravest.level and gravest.level > peak.level:
        news = {"what": "level", "signal": _json(gravest), "before": _before(gravest, told)}
        yield Rise(f"level:{gravest.level:g}", news, ends_snooze=gravest.level >= LIMIT_REACHED)
    begun = peak.kinds | CONTEXT_ONLY | ({gravest.kind} if gravest else set())
    for signal in case.signals:
        if signal.kind not in begun and not _is_past(signal):
            begun |= {signal.kind}
            yield Rise(f"kind:{signal.kind}", {"what": "kind", "signal": _json(signal)})


def _is_past(signal: Signal) -> bool:
    """A forecast of what has happened already."""
    return signal.kind == "growth_trajectory" and (signal.ratio or 0.0) >= 1


def _gravest(signals: Iterable[Signal]) -> Signal | None:
    with_levels = (signal for signal in signals if signal.level is not None)
    return max(with_levels, key=lambda signal: (signal.level or 0.0, signal.ratio or 0.0), default=None)


def _saving(case: Case) -> Signal | None:
    return next((signal for signal in case.signals if signal.evidence.get("saves")), None)


def _before(signal: Signal, told: Sequence[tuple[datetime, Any]]) -> dict[str, Any] | None:
    """Where the same metric stood when people last heard of it."""
    for at, after in reversed(told):
        if after and after.get("metric") == signal.metric and after.get("ratio") is not None:
            return {"ratio": after["ratio"], "at": instant(at)}
    return None


def _json(signal: Signal | None) -> dict[str, Any] | None:
    return to_json(signal) if signal else None
