"""Usage in, signals out. Each module here with a `detect` is a detector; nothing lists them."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import cast

import numpy as np

from detectors.base import Context, Detector, Findings, Rules, Scan, Snapshot
from detectors.batches import batches, blank_forecast, joined, put
from detectors.forecast import expect
from detectors.gates import gate

__all__ = ["load", "scan"]

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
        for found in _findings(context):
            parts.setdefault((found.kind, found.metric), []).append((start, found))
    ordered = sorted(parts, key=lambda key: (key[0], key[1] or ""))
    return Scan([joined(parts[key]) for key in ordered], gates, forecasts)


def _context(rows: Snapshot, rules: Rules) -> Context:
    return Context(
        snapshot=rows,
        rules=rules,
        gates={metric: gate(usage) for metric, usage in rows.usages.items()},
        forecasts={metric: expect(usage) for metric, usage in rows.usages.items()},
    )


def _findings(context: Context) -> list[Findings]:
    with np.errstate(over="ignore"):  # a ratio to an absurdly small limit; `joined` makes it unknown
        return [found for detector in load().values() for found in detector.detect(context) if len(found.rows)]
