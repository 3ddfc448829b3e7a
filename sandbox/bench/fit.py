"""Fit the forecast's weights on real series: `python -m sandbox.bench.fit [folder of the benchmark]`.

Ridge logistic regression on the public half; writes detectors/forecast/weights.py. The data stay where they are.
"""

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.base import Bools, Floats
from detectors.forecast import gauge, quota, restarting, weights
from detectors.forecast.history import History, Weeks, read, weeks
from detectors.forecast.quota import Window

PERIOD = 30
RIDGE = 3.0  # toward zero, on evidence of unit variance

Evidence = dict[str, Floats]
Cases = dict[str, npt.NDArray[Any]]


def cases(folder: Path) -> Iterator[tuple[str, str, int, Cases]]:
    """Source, kind, horizon and columns of each group of the benchmark."""
    stored = np.load(folder / "cases.npz")
    for group in sorted({name.rsplit("|", 1)[0] for name in stored.files}):
        source, kind, horizon = group.split("|")
        yield (
            source,
            kind,
            int(horizon),
            {name: stored[f"{group}|{name}"] for name in ("X", "F", "L", "pos", "cons", "d")},
        )


def gauge_evidence(case: Cases, horizon: int) -> tuple[Evidence, Bools]:
    """What was known of each level, and whether it passed its limit."""
    past = read(case["X"].astype(np.float64), "gauge")
    return gauge.features(past, gauge.movement(past), case["L"], horizon), np.isfinite(case["d"])


def quota_evidence(case: Cases, horizon: int) -> Iterator[tuple[Evidence, Bools]]:
    """The same for each part of a period within the horizon, as if it were a period of its own."""
    past = read(case["X"].astype(np.float64), "quota")
    shape, future = weeks(past), np.cumsum(np.pad(case["F"].astype(np.float64), ((0, 0), (1, 0))), 1)
    info = {"horizon": horizon, "period_len": PERIOD, "period_pos": case["pos"], "consumed": case["cons"]}
    for window in restarting(info):
        rows = np.flatnonzero(window.length > 0)
        start, end = window.start[rows], window.start[rows] + window.length[rows]
        part = Window(start, window.length[rows], window.done[rows])
        known = History(past.days[rows], past.first[rows])
        known_weeks = Weeks(*(getattr(shape, field.name)[rows] for field in fields(Weeks)))
        passed = part.done + future[rows, end] - future[rows, start] >= case["L"][rows]
        yield quota.features(known, known_weeks, part, case["L"][rows]), passed


def fit(parts: list[tuple[Evidence, Bools]]) -> dict[str, float]:
    """Weights of the evidence and of none ("even"), by Newton's method."""
    names = list(parts[0][0])
    columns = np.concatenate([np.column_stack([evidence[name] for name in names]) for evidence, _ in parts])
    passed = np.concatenate([outcome for _, outcome in parts]).astype(np.float64)
    mean, spread = columns.mean(0), columns.std(0)
    table = np.column_stack([np.ones(len(columns)), (columns - mean) / spread])
    found = _newton(table, passed) / np.concatenate([[1.0], spread])
    return {"even": float(found[0] - found[1:] @ mean), **dict(zip(names, found[1:].tolist(), strict=True))}


def _newton(table: Floats, passed: Floats) -> Floats:
    found = np.zeros(table.shape[1])
    ridge = RIDGE * np.diag([0.0] + [1.0] * (table.shape[1] - 1))
    for _ in range(25):
        chance = 1 / (1 + np.exp(-table @ found))
        slope = table.T @ (chance - passed) + ridge @ found
        curvature = (table * (chance * (1 - chance))[:, None]).T @ table + ridge
        found = found - np.linalg.solve(curvature, slope)
    return found


def written(name: str, found: dict[str, float]) -> str:
    """As Python, to four digits: the data cannot tell finer."""
    lines = "".join(f'    "{key}": {value:.4g},\n' for key, value in found.items())
    return f"{name}: dict[str, float] = {{\n{lines}}}\n"


def main(folder: Path) -> None:
    """Fit both kinds and write them in place."""
    levels: list[tuple[Evidence, Bools]] = []
    totals: list[tuple[Evidence, Bools]] = []
    for _, kind, horizon, case in cases(folder):
        if kind == "gauge":
            levels.append(gauge_evidence(case, horizon))
        else:
            totals.extend(quota_evidence(case, horizon))
    target = Path(weights.__file__)
    head = f'"""{weights.__doc__}"""\n\n'
    target.write_text(head + written("GAUGE", fit(levels)) + "\n" + written("QUOTA", fit(totals)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/bench"))
