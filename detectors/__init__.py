"""Usage in, signals out. Each module here with a `detect` is a detector; nothing lists them."""

import pkgutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import cast

import numpy as np

from detectors.base import Codes, Context, Detector, Findings, Floats, Forecast, Rules, Scan, Snapshot, Usage
from detectors.batches import batches, blank_forecast, joined, put, usage_rows
from detectors.forecast import enough, expect, likelihood
from detectors.gates import gate
from detectors.growth_trajectory import below, earlier

__all__ = ["load", "rehearse", "scan"]

BATCH = 4096  # rows: large enough for NumPy to be fast, small enough to stay in tens of megabytes


@cache
def load() -> Mapping[str, Detector]:
    """Every detector of this folder by its kind."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {cast(Detector, module).KIND: cast(Detector, module) for module in modules if hasattr(module, "detect")}


def scan(snapshot: Snapshot, rules: Rules, batch: int = BATCH) -> Scan:
    """What every detector says on every account, in memory that does not depend on their number."""
    count = len(snapshot.active_people)
    gates = {metric: np.zeros(count, np.int8) for metric in snapshot.usages}
    forecasts = {metric: blank_forecast(count) for metric in snapshot.usages}
    parts: dict[tuple[str, str | None], list[tuple[int, Findings]]] = {}
    for start, rows in batches(snapshot, batch):
        context = _context(rows, rules)
        for metric, codes in context.gates.items():
            gates[metric][start : start + len(codes)] = codes
            put(forecasts[metric], start, context.forecasts[metric])
        for found in _findings(context, load()):
            parts.setdefault((found.kind, found.metric), []).append((start, found))
    ordered = sorted(parts, key=lambda key: (key[0], key[1] or ""))
    return Scan([joined(parts[key]) for key in ordered], gates, forecasts)


def rehearse(
    snapshot: Snapshot, rules: Sequence[Rules], kinds: Collection[str]
) -> tuple[Mapping[str, Codes], Iterator[list[Findings]]]:
    """The gates by metric, and what detectors of these kinds say under each of the rules, for one batch of rows.

    They fire and hold as in `scan`, which works out more: of forecasts there is only the probability here, once for
    all rules, and only where it matters.
    """
    gates = {metric: gate(usage) for metric, usage in snapshot.usages.items()}
    forecasts = {metric: _likely(usage, gates[metric]) for metric, usage in snapshot.usages.items()}
    least = min(one.growth_probability for one in rules)
    before = {metric: _earlier(usage, forecasts[metric], least) for metric, usage in snapshot.usages.items()}
    contexts = (Context(snapshot, one, gates, forecasts, before, brief=True) for one in rules)
    return gates, (_findings(context, kinds) for context in contexts)


def _likely(usage: Usage, gates: Codes) -> Forecast:
    forecast = blank_forecast(len(usage.used))
    rows = np.flatnonzero(below(usage, gates) & enough(usage))
    forecast.enough[rows] = True
    forecast.probability[rows] = likelihood(usage_rows(usage, rows))
    return forecast


def _earlier(usage: Usage, forecast: Forecast, least: float) -> Floats:
    probability = np.zeros(len(usage.used))
    rows = np.flatnonzero((forecast.probability >= least) & (usage.used < usage.limit))
    probability[rows] = earlier(usage, rows)
    return probability


def _context(rows: Snapshot, rules: Rules) -> Context:
    return Context(
        snapshot=rows,
        rules=rules,
        gates={metric: gate(usage) for metric, usage in rows.usages.items()},
        forecasts={metric: expect(usage) for metric, usage in rows.usages.items()},
    )


def _findings(context: Context, kinds: Collection[str]) -> list[Findings]:
    with np.errstate(over="ignore"):  # a ratio to an absurdly small limit; `joined` makes it unknown
        return [found for kind in kinds for found in load()[kind].detect(context) if len(found.rows)]
