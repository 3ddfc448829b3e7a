"""The words of the product as values: account, signal, opportunity, deal."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

Clock = Callable[[], datetime]  # the present moment, in UTC

State = Literal["open", "claimed", "snoozed", "dismissed", "resolved", "upgraded", "won", "lost"]
LIVE: tuple[State, ...] = ("open", "claimed", "snoozed")
Polarity = Literal["upsell", "save"]
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Account:
    """A customer company as PostHog knows it. `limits` and `levels` are by metric, as its own properties say."""

    key: str
    name: str
    domain: str | None = None
    plan: str | None = None
    arr: Decimal | None = None
    owner_email: str | None = None
    anchor: str | None = None  # a date or a day of the month, as written in PostHog
    limits: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    """What one detector says about one account and metric, with its evidence in numbers."""

    kind: str
    metric: str | None
    strength: float
    weight: float
    level: float | None = None
    used: float | None = None
    limit: float | None = None
    ratio: float | None = None
    probability: float | None = None
    crosses_on: date | None = None
    crosses_between: tuple[date, date] | None = None
    as_of: datetime | None = None
    subject: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)  # JSON values


def gravest_first(signals: Iterable[Signal], points: Mapping[str, float]) -> list[Signal]:
    """Those whose kind counts most for the score first: what is told of an account begins with them."""
    return sorted(signals, key=lambda one: (-points.get(one.kind, 0.0), -one.strength * one.weight, one.kind))


def measured(signals: Iterable[Signal]) -> Signal | None:
    """The signal whose figures stand for the account: the first that has usage and a limit."""
    return next((one for one in signals if one.used is not None and one.limit is not None), None)


SignalKey = tuple[str, str, str | None, str | None]  # account, kind, metric, subject


@dataclass(frozen=True, slots=True)
class Fired:
    """A signal that is on: since when, and if it has levels, at which (percent), of which limit, in which period."""

    since: datetime
    level: float | None = None
    limit: float | None = None
    period: date | None = None  # its first day; None: a level, which knows no periods


@dataclass(frozen=True, slots=True)
class Deal:
    """The record in the CRM that an opportunity became."""

    id: str
    title: str
    url: str
    owner_name: str | None = None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From so many units of a metric over its limit a month, the overage fees exceed the price of the step."""

    metric: str
    units: int


@dataclass(frozen=True, slots=True)
class Driver:
    """Who and what makes the usage of one metric, of the last `days`, and how it grew; shares are 0..1.

    People are counted and never named: who they are stays in PostHog.
    """

    metric: str
    days: int = 30
    people: int = 0  # who have made any of it
    makers: int = 0  # of them, the fewest that make `makers_share` of it
    makers_share: float = 0.0
    property: str | None = None  # the property of the values, where one is configured
    values: tuple[tuple[str, float], ...] = ()  # with their shares of it, the largest first
    burst: Literal["day", "week"] | None = None  # one day or week makes most of the growth of four weeks
    burst_share: float | None = None  # what the largest day or week makes of the growth; None: it did not grow
    burst_on: date | None = None  # that day, or the week's first


@dataclass(frozen=True, slots=True)
class DealOwner:
    """A person whom the CRM lets own deals."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody has to say before the CRM can be written to: which deal to use, or who they are there."""

    what: Literal["deal", "owner"]
    by: str  # Slack user id of who is asked
    deals: tuple[Deal, ...] = ()  # those that people made, where the question is which one
    pushes: bool = True  # whether the answer pushes; else it was asked for a task alone


@dataclass(frozen=True, slots=True)
class Card:
    """Where the one live message of an opportunity stands in Slack."""

    channel: str
    ts: str
    version: int  # of the opportunity, as last shown


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One upsell case of one account. Money is in the currency of the CRM, a year."""

    id: int
    key: str  # ours, for the CRM: the same on every retry, replica and restart
    account: Account
    state: State
    polarity: Polarity
    score: int
    points: Mapping[str, float]  # add up to the score
    signals: tuple[Signal, ...]
    plan: str | None
    recommended_plan: str | None
    delta_arr: Decimal | None
    overage_cost: Decimal | None  # of staying on the plan for this period
    history: tuple[float | None, ...]  # daily values of the leading metric, oldest first; None: a day never read
    opened_at: datetime
    updated_at: datetime
    version: int  # rises with each change worth showing
    period_day: int | None = None  # day of the billing period, from 1
    period_days: int | None = None
    owner: str | None = None  # Slack user id of the rep
    snoozed_until: datetime | None = None
    dismissed_reason: str | None = None
    outcome_reason: str | None = None  # why the deal was lost, in the CRM's words
    closed_at: datetime | None = None
    deal: Deal | None = None
    deal_state: str | None = None  # what a rep should know of the push: "pushing", or a problem in plain words
    card: Card | None = None
    break_even: BreakEven | None = None
    drivers: tuple[Driver, ...] | None = None  # None: nobody has asked PostHog yet
    question: Question | None = None
    open_deal: Deal | None = None  # another one of the account in the CRM's pipeline

    @property
    def costs_to_stay(self) -> bool:
        """Whether overage is a tenth or more of what the step costs a month: less would speak against the step."""
        cost, delta = self.overage_cost, self.delta_arr
        return bool(cost) and cost is not None and (delta is None or 10 * cost >= delta / MONTHS)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands on one metric, as the last evaluation saw it. `held_back` says why it gets no card."""

    metric: str
    label: str
    used: float | None
    limit: float | None
    as_of: datetime | None
    probability: float | None = None
    crosses_on: date | None = None
    crosses_between: tuple[date, date] | None = None
    held_back: str | None = None

    @property
    def ratio(self) -> float | None:
        return self.used / self.limit if self.used is not None and self.limit and self.limit > 0 else None

    @property
    def is_unlimited(self) -> bool:
        """The plan is known and does not limit the metric: nothing to judge, hence nothing that holds it back."""
        return self.limit is None and self.held_back is None


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What there is to say of an account when somebody asks."""

    account: Account
    standings: tuple[Standing, ...]
    opportunity: Opportunity | None  # the live one, else the last
    evaluated_at: datetime | None
    reasons: tuple[str, ...] = ()  # why there is no card, or what could not be judged for it, in plain words
    rules: tuple[str, ...] = ()  # a line for each metric and part: what is on, else what was not met
