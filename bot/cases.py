"""From the signals of one account to one case: which way it points, its score, its money, its evidence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from math import isfinite
from typing import Any

import numpy as np

from bot.config import Config
from bot.life import Fired, Live
from bot.model import Account, Polarity, Signal
from bot.pricing import Need, Offer, offer
from bot.score import score
from bot.snapshot import Stream
from detectors.base import Findings, Forecast, Scan, Snapshot

CONTEXT_ONLY = frozenset({"billing_page_visits"})  # worth a line on a card, never a card of its own
SPARKLINE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Case:
    """What an evaluation says of one account that has signals."""

    account: Account
    polarity: Polarity
    score: int
    points: Mapping[str, float]
    signals: tuple[Signal, ...]  # the gravest first
    fired: Mapping[tuple[str, str | None, str | None], Fired]  # by kind, metric and subject
    offer: Offer
    history: tuple[float, ...]
    period_day: int | None
    period_days: int | None

    @property
    def worth_a_card(self) -> bool:
        return self.polarity == "save" or any(signal.kind not in CONTEXT_ONLY for signal in self.signals)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the signals were drawn from, in the order of `accounts`."""

    config: Config
    at: datetime
    accounts: Sequence[Account]
    snapshot: Snapshot
    scan: Scan
    streams: Mapping[str, Stream]

    def cases(self, alive: Iterable[Live]) -> list[Case]:
        """One case for each account with live signals, in the order of the accounts."""
        rows = sorted(alive, key=lambda one: (int(one.findings.rows[one.index]), one.key[1], one.key[2] or ""))
        return [self._case(row, list(group)) for row, group in groupby(rows, lambda one: int(one.findings.rows[one.index]))]

    def _case(self, row: int, alive: list[Live]) -> Case:
        account = self.accounts[row]
        signals = sorted((self._signal(row, one) for one in alive), key=lambda one: -one.weight * one.strength)
        value, points = score(signals)
        polarity: Polarity = "save" if any(_saves(one.findings, one.index) for one in alive) else "upsell"
        metric = next((signal.metric for signal in signals if signal.metric), None)
        usage = self.snapshot.usages[metric] if metric else None
        quota = usage if usage is not None and usage.kind == "quota" else None
        return Case(
            account=account,
            polarity=polarity,
            score=value,
            points=points,
            signals=tuple(signals),
            fired={one.key[1:]: one.fired for one in alive},
            offer=self._offer(account, row) if polarity == "upsell" else Offer(None, None, None),
            history=_tail(self.streams[metric].values[row]) if metric else (),
            period_day=int(quota.elapsed[row]) + 1 if quota else None,
            period_days=int(quota.period_days[row]) if quota else None,
        )

    def _signal(self, row: int, one: Live) -> Signal:
        found, index = one.findings, one.index
        facts: dict[str, Any] = {}
        if found.metric:
            facts = self._usage_facts(row, found.metric)
        return Signal(
            kind=found.kind,
            metric=found.metric,
            strength=float(found.strength[index]),
            weight=found.weight,
            level=one.fired.level,
            subject=one.key[3],
            evidence={name: plain(column[index]) for name, column in found.evidence.items()},
            **{"as_of": self.at, **facts},
        )

    def _usage_facts(self, row: int, metric: str) -> dict[str, Any]:
        usage, forecast = self.snapshot.usages[metric], self.scan.forecasts[metric]
        last, limit = self.streams[metric].last_event[row], usage.limit[row]
        facts = {
            "used": plain(usage.used[row]),
            "limit": plain(limit),
            "ratio": plain(usage.used[row] / limit) if limit > 0 else None,
            "as_of": datetime.fromtimestamp(last, UTC) if isfinite(last) else self.at,
        }
        return {**facts, **_crossing(forecast, row, self.snapshot.today)}

    def _offer(self, account: Account, row: int) -> Offer:
        needs = {}
        for metric, usage in self.snapshot.usages.items():
            used, forecast = usage.used[row], self.scan.forecasts[metric]
            if not isfinite(used) or usage.bad[row]:
                continue
            ahead = [used, *(value for value in (forecast.projected[row],) if isfinite(value))]
            following = forecast.projected_next[row]
            limit = plain(usage.limit[row])
            needs[metric] = Need(float(max(ahead)), float(following) if isfinite(following) else 0.0, limit)
        return offer(self.config.plans, account.plan, needs)


def _crossing(forecast: Forecast, row: int, today: date) -> dict[str, Any]:
    """Probability and date of passing the limit; nothing where there is not enough data for an honest word."""
    if not forecast.enough[row]:
        return {}
    facts: dict[str, Any] = {"probability": round(float(forecast.probability[row]), 4)}
    days = (forecast.day[row], forecast.earliest[row], forecast.latest[row])
    if all(isfinite(day) for day in days):
        middle, first, last = (today + timedelta(days=max(round(float(day)), 1) - 1) for day in days)
        facts |= {"crosses_on": middle, "crosses_between": (first, last)}
    return facts


def _saves(found: Findings, index: int) -> bool:
    return found.saves is not None and bool(found.saves[index])


def _tail(values: Any) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in np.nan_to_num(values[-SPARKLINE_DAYS - 1 : -1]))


def plain(value: Any) -> Any:
    """A JSON value of a NumPy one; NaN and infinity become None."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value
