"""What of the data cannot be trusted just now: which rows are in doubt, and the faults that it comes from."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bot.config import Config
from bot.evaluation import faults
from bot.evaluation.cases import Evidence
from bot.evaluation.signals import On, unjudged
from bot.evaluation.snapshot import Stream
from bot.model import Account
from bot.periods import day_start
from bot.posthog.reading import Problem
from detectors import health
from detectors.base import Bools, Codes, Ints, Snapshot, Usage
from detectors.gates import OPEN, REASONS
from detectors.health import Days

LONG_SILENT = 120.0  # hours: a long weekend is no fault of the tracking


@dataclass(frozen=True, slots=True)
class Trust:
    """The snapshot with its doubts, and the faults that they come from."""

    snapshot: Snapshot
    faults: tuple[Problem, ...]


class _Doubts:
    """The first doubt of each row and metric, in the order of gates.REASONS."""

    def __init__(self, count: int, metrics: Iterable[str]) -> None:
        self._codes: dict[str, Codes] = {metric: np.zeros(count, np.int8) for metric in metrics}

    def add(self, metric: str, reason: str, rows: slice | Bools | Ints) -> None:
        codes, code = self._codes[metric][rows], REASONS.index(reason)
        self._codes[metric][rows] = np.where((codes == OPEN) | (codes > code), code, codes)

    def of(self, metric: str) -> Codes:
        return self._codes[metric]


def examine(
    config: Config,
    accounts: Sequence[Account],
    streams: Mapping[str, Stream],
    columns: Snapshot,
    at: datetime,
    zone: str,
) -> Trust:
    """All accounts at once; `zone` is the project's time zone. The snapshot's figures stay as they are."""
    hours = (at - day_start(columns.today, ZoneInfo(zone))) / timedelta(hours=1)
    days = {key: Days(streams[key].values[:, :-1], streams[key].values[:, -1], hours) for key in config.metrics}
    doubts = _Doubts(len(accounts), config.metrics)
    found = [
        *_tracking(config, columns, days, doubts),
        *_moved(config, accounts, days, doubts),
        *_limits(config, accounts, columns, doubts),
        *faults.unknown_plans(config, accounts),
    ]
    usages = {metric: replace(usage, doubt=doubts.of(metric)) for metric, usage in columns.usages.items()}
    return Trust(replace(columns, usages=usages), tuple(found))


def silent(evidence: Evidence, on: On) -> Iterator[Problem]:
    """Accounts whose signals stand still because nothing comes in from them: somebody works on old figures."""
    rows = {account.key: row for row, account in enumerate(evidence.accounts)}
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for key in on:
        account, _, metric, _ = key
        reason = unjudged(evidence, rows, key) if metric else None
        if metric and (
            reason == "sudden_zero" or (reason == "stale_data" and _is_long(evidence, metric, rows[account]))
        ):
            labels[account].add(evidence.config.metrics[metric].label)
    return faults.silent({account: sorted(words) for account, words in labels.items()})


def _is_long(evidence: Evidence, metric: str, row: int) -> bool:
    usage = evidence.snapshot.usages[metric]
    gap = usage.usual_gap_hours[row]
    patience = max(LONG_SILENT, health.USUAL_GAPS * gap if np.isfinite(gap) else 0.0)
    return bool(np.fmax(usage.age_hours[row], usage.silent_hours[row]) > patience)


def _tracking(config: Config, columns: Snapshot, days: Mapping[str, Days], doubts: _Doubts) -> Iterator[Problem]:
    """Metrics that nobody has any more, or that changed for everybody at once; else accounts that stopped short."""
    for metric, told in config.metrics.items():
        since = health.vanished(days[metric])
        shift = health.shift(days[metric])
        if since is not None:
            doubts.add(metric, "metric_vanished", slice(None))
            yield faults.vanished(metric, told.label, columns.today - timedelta(days=since))
        elif shift is not None:
            doubts.add(metric, "fleet_shift", slice(None))
            yield faults.shifted(metric, told.label, shift, columns.today - timedelta(days=shift.days_ago))
        elif told.measure in ("count", "sum"):
            doubts.add(metric, "sudden_zero", health.sudden_zero(days[metric], told.measure == "count"))


def _moved(config: Config, accounts: Sequence[Account], days: Mapping[str, Days], doubts: _Doubts) -> Iterator[Problem]:
    """Accounts that go on under another key: the old one is silent, the new one has no history."""
    # Of people, the days hold the levels of 30 days, which tell nothing of single days.
    tracked = [days[key] for key, metric in config.metrics.items() if metric.event and metric.measure != "people"]
    lives = health.lives(tracked) if tracked else None
    if lives is None or not lives.ended.any() or not lives.began.any():
        return
    shared = Counter(name for account in accounts for name in _names(account))
    began = {name: new for new in np.flatnonzero(lives.began).tolist() for name in _names(accounts[new])}
    for old in np.flatnonzero(lives.ended).tolist():
        pairs = {began[name] for name in _names(accounts[old]) if name in began and shared[name] == 2}
        if len(pairs) == 1 and health.follows(lives, old, new := pairs.pop()):
            for metric in config.metrics:
                doubts.add(metric, "key_changed", np.array([old]))
            yield faults.key_changed(accounts[old], accounts[new])


def _names(account: Account) -> set[str]:
    """What tells a company from others; a name that is only the key says nothing."""
    name, domain = " ".join(account.name.split()).casefold(), (account.domain or "").strip().casefold()
    named = {f"name {name}"} if name and account.name != account.key else set()
    return named | ({f"domain {domain}"} if domain else set())


def _limits(config: Config, accounts: Sequence[Account], columns: Snapshot, doubts: _Doubts) -> Iterator[Problem]:
    """Limits that cannot be meant, and limits that are none."""
    names = {name: number for number, name in enumerate(sorted({one.plan for one in accounts if one.plan}))}
    plan = np.array([names.get(account.plan or "", -1) for account in accounts], np.int64)
    for metric, usage in columns.usages.items():
        is_used = ~np.isnan(usage.age_hours)
        absurd = health.absurd_limit(usage, plan) & is_used
        doubts.add(metric, "limit_absurd", absurd)
        figures = {accounts[row].key: _figures(usage, row) for row in np.flatnonzero(absurd).tolist()}
        yield from faults.absurd_limits(config, metric, figures)
        invalid = np.flatnonzero(usage.bad_limit & is_used).tolist()
        yield from faults.invalid_limits(
            config, metric, {accounts[row].key: accounts[row].limits[metric] for row in invalid}
        )


def _figures(usage: Usage, row: int) -> tuple[float, float]:
    return float(usage.limit[row]), float(usage.used[row])
