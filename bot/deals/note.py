"""What a deal says of its opportunity: a title, and a note in plain sentences. Plain text; adapters escape it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.config import Config
from bot.model import Opportunity, Signal
from crm.base import Note


@dataclass(frozen=True, slots=True)
class Evidence:
    """One opportunity in the words of its card, with the link to it if that is known."""

    opportunity: Opportunity
    config: Config
    say: Callable[[Signal], str]  # a signal in words, without a full stop
    link: str | None = None

    def title(self) -> str:
        """Acme Corp: API calls 92 % of Starter."""
        name = self.opportunity.account.name or self.opportunity.account.key
        leading = max(self._measured(), key=lambda signal: signal.strength * signal.weight, default=None)
        if leading is not None and leading.ratio is not None:
            return f"{name}: {self._metric(leading)} {_percent(leading.ratio)} of {self._plan(self.opportunity.plan)}"
        if self.opportunity.recommended_plan:
            return f"{name}: {self._step()}"
        return f"{name}: {', '.join(dict.fromkeys(_spaced(signal.kind) for signal in self.opportunity.signals))}"

    def note(self) -> Note:
        return Note(self.opportunity.key, tuple(self._lines()), self.link)

    def _lines(self) -> Iterator[str]:
        account = self.opportunity.account
        known = f"{account.name or account.key} ({account.domain})" if account.domain else account.name or account.key
        yield f"{known} is on {self._plan(self.opportunity.plan)}."
        yield from self._sentences()
        yield from self._money()
        points = ", ".join(f"{_spaced(kind)} {_figure(points)}" for kind, points in self.opportunity.points.items())
        yield f"Score {self.opportunity.score} of 100" + (f": {points}." if points else ".")
        yield f"Measured in PostHog by Headroom{self._as_of()}."

    def _sentences(self) -> Iterator[str]:
        """A signal each; the day on which a limit will be passed is told once."""
        told: set[str] = set()
        for signal in self.opportunity.signals:
            crossing = "" if signal.metric in told else _crossing(signal)
            told |= {signal.metric} if signal.metric and crossing else set()
            yield f"{self.say(signal)}{crossing}."

    def _money(self) -> Iterator[str]:
        currency = self.config.crm.currency
        if self.opportunity.recommended_plan:
            gain = self.opportunity.delta_arr
            yield self._step() + (f": {_figure(gain)} {currency} more a year." if gain is not None else ".")
        if self.opportunity.overage_cost:
            cost = _figure(self.opportunity.overage_cost)
            yield f"Staying would cost about {cost} {currency} in overage this period."

    def _step(self) -> str:
        return f"{self._plan(self.opportunity.plan)} to {self._plan(self.opportunity.recommended_plan)}"

    def _measured(self) -> list[Signal]:
        return [signal for signal in self.opportunity.signals if signal.metric and signal.ratio is not None]

    def _metric(self, signal: Signal) -> str:
        metric = self.config.metrics.get(signal.metric or "")
        return metric.label if metric else signal.metric or ""

    def _plan(self, key: str | None) -> str:
        if key is None:
            return "an unknown plan"
        plan = self.config.plans.get(key)
        return (plan and plan.label) or key.replace("_", " ").capitalize()

    def _as_of(self) -> str:
        moments = [signal.as_of for signal in self.opportunity.signals if signal.as_of]
        return f", as of {_moment(max(moments))}" if moments else ""


def _crossing(signal: Signal) -> str:
    if signal.crosses_on is None:
        return ""
    between = (
        f" (between {signal.crosses_between[0]} and {signal.crosses_between[1]})" if signal.crosses_between else ""
    )
    return f", limit reached around {signal.crosses_on}{between}"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _figure(value: float | Decimal) -> str:
    """92,100 · 31.5 · 0.25"""
    amount = float(value)
    if not math.isfinite(amount):
        return "unknown"
    return f"{amount:,.0f}" if abs(amount) >= 1000 or amount == int(amount) else f"{amount:,.4g}"


def _percent(share: float) -> str:
    """Never rounded up to a limit that has not been reached."""
    return f"{math.floor(share * 100 + 1e-9):,} %" if math.isfinite(share) else "unknown"
