"""Growth of monthly quotas, day by day on real series: `python -m sandbox.bench.quotas [folder of the benchmark]`.

Each case of a running total with a whole period after its cut is an account and a month: the quota was drawn from the
days before the cut alone, and the month's days follow. The real rule looks just after each day and is held against
what came: an alarm is right when the quota is passed later in that month. Months that the rule does not judge, with a
handful of events a day, are left out and counted. The data stay where they are.
"""

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np

from bot.evaluation.life import Lives, turn
from detectors import rehearse
from detectors.approaching_limit import KIND as LEVELS
from detectors.base import Bools, Floats, Ints, Rules, Sightings, Snapshot, Usage
from detectors.gates import OPEN, gate
from detectors.growth_trajectory import KIND as GROWTH
from sandbox.bench.fit import PERIOD, Cases, cases

HISTORY = 90
EARLY = 5
CHANCES = (0.5, 0.7, 0.8, 0.9)
HEAD = f"{'series':<16} {'rule':<12} {'months':>7} precision   recall  5 d on false/100   lead"


@dataclass(frozen=True, slots=True)
class Months:
    """n accounts, a whole period each; `days` holds the 90 days before it as well."""

    days: Floats  # [n, 120]
    limit: Floats  # [n]

    @classmethod
    def of(cls, case: Cases) -> Self:
        """The cases whose next period is known to its end."""
        start = HISTORY + PERIOD - case["pos"]
        rows = np.flatnonzero(start + PERIOD <= HISTORY + case["F"].shape[1])
        whole = np.concatenate([case["X"], case["F"]], 1).astype(np.float64)[rows]
        place = start[rows, None] + np.arange(-HISTORY, PERIOD)
        return cls(np.take_along_axis(whole, place, 1), case["L"][rows].astype(np.float64))

    def judged(self) -> Self:
        """Those whose gate is open when the period begins."""
        rows = gate(self._snapshot(0).usages["quota"]) == OPEN
        return type(self)(self.days[rows], self.limit[rows])

    def passed(self) -> Ints:
        """The day of the period, from 0, on which the quota is reached; PERIOD: never."""
        return _first(np.cumsum(self.days[:, HISTORY:], 1) >= self.limit[:, None])

    def alarmed(self, rules: Rules, kind: str) -> Ints:
        """The first day of the period at whose end a signal of this kind is on; PERIOD: none."""
        on, lives = np.zeros((len(self.limit), PERIOD), np.bool_), Lives.none(len(self.limit))
        for day in range(PERIOD - 1):  # after the last one the period is over
            _, said = rehearse(self._snapshot(day), [rules], [kind])
            was, lives = lives, Lives.none(len(self.limit))
            for found in next(said):
                lives = lives.changed(found.rows, turn(found, was.rows(found.rows)))
            on[:, day] = lives.on
        return _first(on)

    def _snapshot(self, day: int) -> Snapshot:
        """Just after that day of the period: it counts as a whole day, and of the next one nothing is known."""
        n = len(self.limit)
        no = np.zeros(n, np.bool_)
        usage = Usage(
            metric="quota",
            kind="quota",
            daily=self.days[:, day + 1 : HISTORY + day + 1],
            used=self.days[:, HISTORY : HISTORY + day + 1].sum(1),
            limit=self.limit,
            unlimited=no,
            bad=no,
            bad_limit=no,
            age_hours=np.zeros(n),
            silent_hours=np.zeros(n),
            usual_gap_hours=np.full(n, 24.0),
            observed_days=np.full(n, HISTORY),
            elapsed=np.full(n, day + 1),
            period_days=np.full(n, PERIOD),
            next_period_days=np.full(n, PERIOD),
            previous_periods=np.full((n, 2), np.nan),
        )
        nothing, none, text = np.zeros((n, HISTORY + 1)), np.zeros(0, np.int64), np.zeros(0, np.object_)
        nobody = Sightings(none, text, text, text, none)
        return Snapshot(date(2026, 1, 1), {"quota": usage}, nothing, nothing, np.zeros(n), nobody, nobody, nobody)


@dataclass(frozen=True, slots=True)
class Score:
    """How one rule did on so many account-months."""

    months: int
    precision: float
    recall: float
    early: float
    false_alarms: float  # per 100 account-months
    lead: float  # median days

    @classmethod
    def of(cls, passed: Ints, alarmed: Ints) -> Self:
        is_passed, told = passed < PERIOD, alarmed < passed
        false = (alarmed < PERIOD) & ~is_passed
        right = told & is_passed
        lead = (passed - alarmed)[right]
        crossings = max(int(is_passed.sum()), 1)
        return cls(
            months=len(passed),
            precision=right.sum() / max(int(right.sum() + false.sum()), 1),
            recall=right.sum() / crossings,
            early=(lead >= EARLY).sum() / crossings,
            false_alarms=100 * false.sum() / len(passed),
            lead=float(np.median(lead)) if len(lead) else np.nan,
        )

    def __str__(self) -> str:
        shares = "".join(f"{share:>9.3f}" for share in (self.precision, self.recall, self.early))
        return f" {self.months:>7,} {shares} {self.false_alarms:>7.1f} {self.lead:>6g}"


def _first(days: Bools) -> Ints:
    return np.asarray(np.where(days.any(1), np.argmax(days, 1), PERIOD), np.int64)


def months(folder: Path) -> dict[str, list[Months]]:
    """By source."""
    found: dict[str, list[Months]] = {}
    for source, kind, _, case in cases(folder):
        if kind == "cumulative":
            found.setdefault(source, []).append(Months.of(case))
    return found


def scored(parts: list[Months], rules: Rules, kind: str) -> Score:
    passed = np.concatenate([one.passed() for one in parts])
    return Score.of(passed, np.concatenate([one.alarmed(rules, kind) for one in parts]))


def main(folder: Path) -> None:
    by_source = months(folder)
    everything = [one for parts in by_source.values() for one in parts]
    rules = [(f"growth {chance:g}", Rules(growth_probability=chance), GROWTH) for chance in CHANCES]
    rules.append(("80 % used", Rules(approaching=(80.0,)), LEVELS))
    print(HEAD)  # noqa: T201
    for source, parts in {"all": everything, **by_source}.items():
        judged = [one.judged() for one in parts]
        left_out = sum(len(one.limit) for one in parts) - sum(len(one.limit) for one in judged)
        for name, rule, kind in rules:
            print(f"{source:<16} {name:<12}{scored(judged, rule, kind)}")  # noqa: T201
        print(f"{'':<16} {left_out} account-months were not judged")  # noqa: T201
    print(f"{'target':<16} {'growth 0.8':<12} {'':>7}   >= 0.85  >= 0.93  >= 0.80  <= 5.0")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/bench"))
