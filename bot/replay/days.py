"""Day after day over some accounts: which signals would have been on under each of several rules, and what was true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.evaluation.life import Lives, turn
from bot.evaluation.signals import frozen
from bot.replay.past import Part
from detectors import rehearse
from detectors.approaching_limit import HOLD_POINTS, ROUNDING, figure
from detectors.base import Bools, Codes, Findings, Ints, Rules, Usage
from detectors.gates import OPEN

KINDS = ("approaching_limit", "growth_trajectory", "overage_pattern")  # what stored days can tell
GAUGE_DAYS = 30
Name = tuple[str, str | None]  # kind and metric


@dataclass(frozen=True, slots=True)
class Said:
    """One signal that was on when a card was due, and its level in percent where it has one."""

    kind: str
    metric: str | None
    level: float | None


@dataclass(frozen=True, slots=True)
class Due:
    """A card: the account's row, the day's index, and what it would have said."""

    row: int
    day: int
    signals: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """One metric, [n, days]."""

    over: Bools  # at or over the limit, where nothing was the day before
    near: Bools  # so close to it that, once over, it is not below again
    end: Ints  # index of the day by which a crossing would have been in time: of its period, or in thirty days
    judged: Bools  # whether the gates were open
    restarts: bool  # a quota


@dataclass(frozen=True, slots=True)
class Course:
    """One rule over all days: signals of each metric [n, days], and the cards. The first day only sets the stage."""

    on: Mapping[str, Bools]
    cards: list[Due]
    standing: int  # cards that were due on the first day already
    live: Mapping[Name, Lives]  # as they stand on the last day


@dataclass(frozen=True, slots=True)
class Played:
    part: Part
    truth: Mapping[str, Truth]
    courses: Sequence[Course]

    def judged_days(self) -> Ints:
        """[n] days, the first apart, on which at least one metric of the account could be judged."""
        judged = np.logical_or.reduce([truth.judged[:, 1:] for truth in self.truth.values()])
        return np.asarray(judged.sum(1), np.int64)


def play(part: Part, days: int, rules: Sequence[Rules]) -> Played:
    """The last so many days and the one before them; signals have no life before that."""
    width, count = days + 1, len(part.accounts)
    metrics = part.past.config.metrics
    truth = {metric: _blank(count, width) for metric in metrics}
    running = [_Running(count, width, tuple(metrics)) for _ in rules]
    for day in range(width):
        seen = part.at(days - day)
        gates, said = rehearse(seen, rules, KINDS)
        for metric, usage in seen.usages.items():
            truth[metric] = _seen(truth[metric], usage, gates[metric], day)
        for one, findings in zip(running, said, strict=True):
            one.step(day, gates, findings)
    return Played(part, truth, [one.course() for one in running])


def _blank(count: int, width: int) -> Truth:
    over, near, judged = (np.zeros((count, width), np.bool_) for _ in range(3))
    return Truth(over, near, np.zeros((count, width), np.int64), judged, restarts=False)


def _seen(truth: Truth, usage: Usage, gates: Codes, day: int) -> Truth:
    """Written into the day's column; the same arrays go on."""
    share = figure(usage, np.arange(len(usage.used))) * (1 + ROUNDING)
    is_quota = usage.kind == "quota"
    truth.over[:, day] = share >= usage.limit
    truth.near[:, day] = share >= usage.limit * (1 - HOLD_POINTS / 100)
    truth.end[:, day] = day + (usage.period_days - usage.elapsed - 1 if is_quota else GAUGE_DAYS)
    truth.judged[:, day] = gates == OPEN
    return Truth(truth.over, truth.near, truth.end, truth.judged, restarts=is_quota)


@dataclass(slots=True)
class _Running:
    """The signals of one rule as they turn on and off, and what is written down of that."""

    count: int
    width: int
    metrics: tuple[str, ...]
    live: dict[Name, Lives] = field(default_factory=dict)
    carded: Bools = field(init=False)
    on: dict[str, Bools] = field(init=False)
    cards: list[Due] = field(default_factory=list)
    standing: int = 0

    def __post_init__(self) -> None:
        self.carded = np.zeros(self.count, np.bool_)
        self.on = {metric: np.zeros((self.count, self.width), np.bool_) for metric in self.metrics}

    def step(self, day: int, gates: Mapping[str, Codes], findings: Sequence[Findings]) -> None:
        found = {(one.kind, one.metric): one for one in findings}
        for name in sorted({*self.live, *found}, key=str):
            self.live[name] = self._turned(name, found.get(name), gates)
        for (_, metric), lives in self.live.items():
            if metric is not None:
                self.on[metric][:, day] |= lives.on
        on_now = np.logical_or.reduce([np.zeros(self.count, np.bool_), *(lives.on for lives in self.live.values())])
        new = np.flatnonzero(on_now & ~self.carded).tolist()
        self.carded = on_now  # nobody clicks: a card lives as long as any signal
        if day == 0:
            self.standing = len(new)
        else:
            self.cards += [Due(row, day, self._said(row)) for row in new]

    def _turned(self, name: Name, found: Findings | None, gates: Mapping[str, Codes]) -> Lives:
        """Over, where it is not found, unless it cannot be judged just now."""
        was, metric = self.live.get(name, Lives.none(self.count)), name[1]
        stays = was.on & frozen(gates[metric]) if metric is not None else np.zeros(self.count, np.bool_)
        now = was.only(stays)
        return now if found is None else now.changed(found.rows, turn(found, was.rows(found.rows)))

    def _said(self, row: int) -> tuple[Said, ...]:
        return tuple(
            Said(kind, metric, None if np.isnan(lives.level[row]) else float(lives.level[row]))
            for (kind, metric), lives in self.live.items()
            if lives.on[row]
        )

    def course(self) -> Course:
        return Course(self.on, self.cards, self.standing, self.live)
