"""The score of an opportunity, 0 to 100, and the points of each kind of signal that it is made of."""

from collections.abc import Iterable, Mapping
from math import exp

from bot.model import Signal

BIAS = -2.5  # an account without signals scores 8
PASSED = 3.0  # a limit that is passed already outweighs one that will be
SHARED = 0.3  # what the lesser of growth and approaching adds on the same metric: they tell of one event
COUNTED_ONCE = ("approaching_limit", "growth_trajectory")


def _sigmoid(z: float) -> float:
    return 1 / (1 + exp(-z))


def contributions(signals: Iterable[Signal]) -> dict[str, float]:
    """The strongest weight times strength of each kind; overage hides approaching on the same metric."""
    values = {(signal.kind, signal.metric, signal.subject): _value(signal) for signal in signals}
    over = {metric for kind, metric, _ in values if kind == "overage_pattern" and metric}
    values |= dict.fromkeys((key for key in values if key[0] == "approaching_limit" and key[1] in over), 0.0)
    best: dict[str, float] = {}
    for (kind, metric, _), value in values.items():
        counted = value
        if kind in COUNTED_ONCE:
            other = COUNTED_ONCE[1 - COUNTED_ONCE.index(kind)]
            rival = values.get((other, metric, None), 0.0)
            counted = value if (value, kind) > (rival, other) else SHARED * value
        best[kind] = max(best.get(kind, 0.0), counted)
    return best


def _value(signal: Signal) -> float:
    passed = signal.ratio is not None and signal.ratio >= 1
    return max(PASSED, signal.weight * signal.strength) if passed else signal.weight * signal.strength


def score(signals: Iterable[Signal]) -> tuple[int, Mapping[str, float]]:
    """The score and its points, which add up to it; "base" is what any account has."""
    parts = contributions(signals)
    total = sum(parts.values())
    value = round(100 * _sigmoid(BIAS + total))
    if total <= 0:
        return value, {"base": float(value)}
    base = round(100 * _sigmoid(BIAS), 1)
    tenths = {kind: round(10 * (value - base) * part / total) for kind, part in parts.items()}
    largest = max(tenths, key=lambda kind: (tenths[kind], kind))
    tenths[largest] += round(10 * (value - base)) - sum(tenths.values())
    ranked = sorted(tenths, key=lambda kind: (-tenths[kind], kind))
    return value, {**{kind: tenths[kind] / 10 for kind in ranked}, "base": base}
