"""From the signals of one account to one case: which way it points, its score, its money, its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np

from bot.config import Config
from bot.evaluation.life import Live
from bot.evaluation.pricing import Need, Offer, offer
from bot.evaluation.score import score
from bot.evaluation.snapshot import Stream
from bot.model import Account, Fired, Polarity, Signal, SignalKey, gravest_first, measured
from bot.posthog.reading import Problem
from detectors.base import Forecast, Scan, Snapshot
from detectors.gates import OPEN

CONTEXT_ONLY = frozenset({"billing_page_visits"})  # worth a line on a card, never a card of its own
SPARKLINE_DAYS = 30
LIKELY = 0.5  # below it there is no day by which the limit is more likely passed than not


@dataclass(frozen=True, slots=True)
class Case:
    """What an evaluation says of one account that has signals."""

    account: Account
    polarity: Polarity
    score: int
    points: Mapping[str, float]
    signals: tuple[Signal, ...]  # the gravest first
    fired: Mapping[SignalKey, Fired]
    offer: Offer
    history: tuple[float | None, ...]
    period_day: int | None
    period_days: int | None

    @property
    def worth_a_card(self) -> bool:
        return self.polarity == "save" or any(signal.kind not in CONTEXT_ONLY for signal in self.signals)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that signals are drawn from, in the order of `accounts`."""

    config: Config
    at: datetime
    accounts: Sequence[Account]
    snapshot: Snapshot
    scan: Scan
    streams: Mapping[str, Stream]
    faults: tuple[Problem, ...] = ()  # why some of it is in doubt

    def case(self, row: int, on: Mapping[SignalKey, tuple[Fired, Signal]]) -> Case:
        """The case of the account in this row, of all its signals that are on."""
        account = self.accounts[row]
        value, points = score(signal for _, signal in on.values())
        signals = gravest_first((signal for _, signal in on.values()), points)
        polarity: Polarity = "save" if any(signal.evidence.get("saves") for signal in signals) else "upsell"
        shown = measured(signals)
        metric = shown.metric if shown else None  # the history and the day are those of the figures on the card
        usage = self.snapshot.usages[metric] if metric and self.scan.gates[metric][row] == OPEN else None
        quota = usage if usage is not None and usage.kind == "quota" else None  # a frozen figure is not of today
        return Case(
            account=account,
            polarity=polarity,
            score=value,
            points=points,
            signals=tuple(signals),
            fired={key: fired for key, (fired, _) in on.items()},
            offer=self._offer(account, row, {signal.subject for signal in signals if signal.subject})
            if polarity == "upsell"
            else Offer(None, None, None),
            history=_tail(self.streams[metric].values[row]) if metric else (),
            period_day=int(quota.elapsed[row]) + 1 if quota else None,
            period_days=int(quota.period_days[row]) if quota else None,
        )

    def signal(self, one: Live) -> Signal:
        """The signal with its numbers, as the card and the CRM note tell them."""
        found, index = one.findings, one.index
        row = int(found.rows[index])
        evidence = {name: plain(column[index]) for name, column in found.evidence.items()}
        if found.saves is not None:
            evidence["saves"] = bool(found.saves[index])
        return Signal(
            kind=found.kind,
            metric=found.metric,
            strength=float(found.strength[index]),
            weight=found.weight,
            level=one.fired.level,
            subject=one.key[3],
            evidence=evidence,
            **({"as_of": self.at} if found.metric is None else self.standing(row, found.metric)),
        )

    def standing(self, row: int, metric: str) -> dict[str, Any]:
        """Usage against the limit, how fresh that is, and where it is going, as fields of a Signal."""
        usage = self.snapshot.usages[metric]
        used, limit, last = usage.used[row], usage.limit[row], self.streams[metric].last_event[row]
        return {
            "used": plain(used),
            "limit": plain(limit),
            "ratio": plain(used / limit) if limit > 0 else None,
            "as_of": datetime.fromtimestamp(last, UTC) if isfinite(last) else self.at,
            **_crossing(self.scan.forecasts[metric], row, self.snapshot.today),
        }

    def _offer(self, account: Account, row: int, features: set[str]) -> Offer:
        needs = {}
        for metric, usage in self.snapshot.usages.items():
            used, forecast = usage.used[row], self.scan.forecasts[metric]
            if not isfinite(used) or usage.bad[row] or (usage.doubt is not None and usage.doubt[row]):
                continue
            this, following = forecast.projected[row], forecast.projected_next[row]
            this = max(used, this) if isfinite(this) else used
            if usage.people and self.snapshot.invited_people is not None:
                this = max(this, used + self.snapshot.invited_people[row])
            limit = None if usage.bad_limit[row] else plain(usage.limit[row])
            needs[metric] = Need(float(this), float(following) if isfinite(following) else 0.0, limit)
        return offer(self.config.plans, account.plan, needs, features, account.arr)


def _crossing(forecast: Forecast, row: int, today: date) -> dict[str, Any]:
    """Probability of passing the limit, and the date once that is likelier than not.

    Nothing where there is not enough data for an honest word.
    """
    if not forecast.enough[row]:
        return {}
    probability = float(forecast.probability[row])
    facts: dict[str, Any] = {"probability": round(probability, 4)}
    days = (forecast.day[row], forecast.earliest[row], forecast.latest[row])
    if probability >= LIKELY and all(isfinite(day) for day in days):
        middle, first, last = (today + timedelta(days=max(round(float(day)), 1) - 1) for day in days)
        facts |= {"crosses_on": middle, "crosses_between": (first, last)}
    return facts


def _tail(values: Any) -> tuple[float | None, ...]:
    """The last whole days; None is a day never read, which is no day without usage."""
    days = values[-SPARKLINE_DAYS - 1 : -1]
    return tuple(round(float(value), 4) if isfinite(value) else None for value in days)


def plain(value: Any) -> Any:
    """A JSON value of a NumPy one; NaN and infinity become None, a day its ISO text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not isfinite(value) else value
