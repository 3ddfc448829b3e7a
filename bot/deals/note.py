"""What a deal says of its opportunity: a title, and a note in plain sentences. Plain text; adapters escape it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.config import Config
from bot.model import Opportunity, Signal
from bot.slack.text import expected, moment, money, number, percent_used
from bot.slack.words import KINDS, CardLabels, driving_sentence, shares
from crm.base import Note

LIKELY = 0.5  # a date is told where the limit is more likely passed than not


@dataclass(frozen=True)
class Evidence:
    """One opportunity in the words of its card, with the link to it if that is known."""

    opportunity: Opportunity
    config: Config
    say: Callable[[Signal], str]  # a signal in words, without a full stop
    link: str | None = None

    @cached_property
    def labels(self) -> CardLabels:
        return CardLabels.of(self.config, "UTC")

    def title(self) -> str:
        """Acme Corp: API calls 92 % of Starter."""
        name = self._name()
        leading = self.leading
        if leading is not None and leading.ratio is not None:
            metric, used = self.labels.metric(leading.metric), percent_used(leading.ratio)
            return f"{name}: {metric} {used} of {self._allowance(leading)}"
        if self.opportunity.recommended_plan:
            return f"{name}: {self._step()}"
        return f"{name}: {', '.join(self.kinds())}"

    def kinds(self) -> list[str]:
        """What is on, in words."""
        kinds = dict.fromkeys(signal.kind for signal in self.opportunity.signals)
        return [KINDS.get(kind, kind.replace("_", " ")) for kind in kinds]

    @cached_property
    def leading(self) -> Signal | None:
        """The signal that says most of a metric and its limit."""
        return max(self._measured(), key=lambda signal: signal.strength * signal.weight, default=None)

    def note(self) -> Note:
        return Note(self.opportunity.key, tuple(self._lines()), self.link)

    def _lines(self) -> Iterator[str]:
        domain = self.opportunity.account.domain
        yield f"{self._name()}{f' ({domain})' if domain else ''} is on {self._plan(self.opportunity.plan)}."
        yield from self._sentences()
        driving = (driving_sentence(driver, self.labels) for driver in self.opportunity.drivers or ())
        yield from (f"{words}." for words in driving if words)
        yield from self._money()
        points = ", ".join(shares(self.opportunity.points))
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
        one, currency = self.opportunity, self.config.crm.currency
        if one.recommended_plan:
            gain = one.delta_arr
            yield self._step() + (f": {money(gain, currency, signed=True)} a year." if gain is not None else ".")
        if one.costs_to_stay:
            yield f"Staying costs about {money(one.overage_cost, currency)} in overage this period."
        if one.break_even and one.break_even.units:
            units = f"{number(one.break_even.units)} {self.labels.metric(one.break_even.metric)}"
            yield f"The upgrade pays off from about {units} over the limit a month."

    def _step(self) -> str:
        return f"{self._plan(self.opportunity.plan)} → {self._plan(self.opportunity.recommended_plan)}"

    def _allowance(self, signal: Signal) -> str:
        """The plan's, unless the account has a limit of its own."""
        plan = self.config.plans.get(self.opportunity.plan or "")
        is_plans = plan is not None and signal.limit == plan.limits.get(signal.metric or "")
        return self._plan(self.opportunity.plan) if is_plans else "its limit"

    def _measured(self) -> list[Signal]:
        return [signal for signal in self.opportunity.signals if signal.metric and signal.ratio is not None]

    def _name(self) -> str:
        return self.opportunity.account.name or self.opportunity.account.key

    def _plan(self, key: str | None) -> str:
        return "an unknown plan" if key is None else self.labels.plan(key)

    def _as_of(self) -> str:
        moments = [signal.as_of for signal in self.opportunity.signals if signal.as_of]
        return f", as of {moment(max(moments), self.labels.timezone)}" if moments else ""


def _crossing(signal: Signal) -> str:
    is_over, is_unlikely = (signal.ratio or 0.0) >= 1, signal.probability is not None and signal.probability < LIKELY
    if signal.crosses_on is None or is_over or is_unlikely:
        return ""
    return f", limit reached around {expected(signal.crosses_on, signal.crosses_between)}"
