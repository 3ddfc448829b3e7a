"""headroom.toml: which events are metrics, what plans include, where things go. Every mistake is reported at once."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.config import rules as config_rules
from bot.config.mistakes import ConfigError, Mistake, mistakes, path
from bot.config.values import (
    Channel,
    CrmKind,
    Currency,
    Days,
    FieldSource,
    Interval,
    Levels,
    Limit,
    Managers,
    MetricKey,
    Money,
    Names,
    Paths,
    Probability,
    PropertyName,
    Template,
    Text,
    interval,
)

__all__ = ["Config", "ConfigError", "load", "parse"]


Measure = Literal["count", "sum", "people", "level"]
Window = Literal["billing_period", "month", "trailing_30d", "current"]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountTable(Table):
    """Where the facts about an account are: names of PostHog group (or, by e-mail domain, person) properties."""

    group_type: Text | None = None
    by: Literal["group", "email_domain"] = "group"
    name: PropertyName | None = "name"
    domain: PropertyName | None = None
    plan: PropertyName | None = None
    arr: PropertyName | None = None
    owner_email: PropertyName | None = None
    period_anchor: PropertyName | None = None


class Metric(Table):
    """Something a plan limits."""

    label: Text = Field(examples=["API calls"])
    measure: Measure = Field(examples=["count"])
    event: Names = ()
    window: Window = "billing_period"  # where none is given: by the measure
    property: PropertyName | None = None
    group_property: PropertyName | None = None
    limit_property: PropertyName | None = None
    driver_property: PropertyName | None = None  # of its events: which values make most of it is told

    @model_validator(mode="before")
    @classmethod
    def _usual_window(cls, values: Any) -> Any:
        usual = config_rules.WINDOWS.get(str(values.get("measure"))) if isinstance(values, dict) else None
        return {"window": usual[0], **values} if usual else values


class Plan(Table):
    """What a customer pays for. Price is a month, overage is the price of a unit beyond the limit."""

    label: Text | None = None
    price: Money = Field(examples=[99])
    limits: dict[str, Limit] = {}
    overage: dict[str, Money] = {}
    features: Names = ()  # gated features that the plan has; where none are named, it is taken to have them all


class Signals(Table):
    """Which events mean what."""

    quota_events: Names = ()
    lockout_events: Names = ()
    lockout_feature: PropertyName | None = None
    invite_events: Names = ()
    invite_person: PropertyName | None = None  # of those events: the e-mail address of who is invited
    page_event: Text = "$pageview"
    page_property: PropertyName = "$pathname"
    billing_paths: Paths = ()
    save_paths: Paths = ()


class Thresholds(Table):
    """The defaults; what managers set in Slack wins."""

    approaching: Levels = (80.0, 90.0, 100.0, 120.0)
    growth_probability: Probability = 0.8


class OwnLevels(Table):
    """Levels that hold for one metric."""

    approaching: Levels = Field(examples=[[70, 90]])


class PlanLevels(Table):
    """Levels that hold for the accounts on one plan, and for single metrics of theirs."""

    approaching: Levels | None = None
    metrics: dict[str, OwnLevels] = {}


class AllThresholds(Thresholds):
    """The defaults, and what only some metrics and plans have; the latter is set here alone, not in Slack."""

    metrics: dict[str, OwnLevels] = {}
    plans: dict[str, PlanLevels] = {}

    @property
    def defaults(self) -> Thresholds:
        return Thresholds(approaching=self.approaching, growth_probability=self.growth_probability)

    @property
    def exceptions(self) -> tuple[str, ...]:
        """The metrics and plans that have levels of their own."""
        return tuple([f"metric {key}" for key in self.metrics] + [f"plan {name}" for name in self.plans])

    def own_levels(self, metric: str, plan: str | None) -> tuple[float, ...] | None:
        """The most specific there are: of the metric on the plan, else of the plan, else of the metric; None: none."""
        of_plan = self.plans.get(plan or "", PlanLevels())
        candidates = (of_plan.metrics.get(metric), of_plan, self.metrics.get(metric))
        return next((one.approaching for one in candidates if one and one.approaching), None)


class Slack(Table):
    channel: Channel = Field(examples=["C0123ABCD"])
    save_channel: Channel | None = None  # for accounts that may leave; none: they are told with the others
    managers: Managers = ()


class FollowUp(Table):
    """A task for the rep who claims an opportunity."""

    subject: Template = "Call {account} about their usage"
    due_in_days: Days = 2


class Crm(Table):
    kind: CrmKind | None = None
    currency: Currency = "USD"
    pipeline: Text | None = None
    stage: Text | None = None
    close_in_days: Days = 30
    key_field: Text = "Headroom key"
    domain_field: Text | None = None
    fields: dict[Text, FieldSource] = {}
    follow_up: FollowUp | None = None
    poll: Interval = "15m"
    rest_days: Days = 30

    @property
    def poll_interval(self) -> timedelta:
        return interval(self.poll)


class Schedule(Table):
    every: Interval = "1h"

    @property
    def interval(self) -> timedelta:
        return interval(self.every)


class Config(Table):
    """The whole of headroom.toml, checked."""

    account: AccountTable = Field(examples=['group_type = "company"'])
    metrics: dict[MetricKey, Metric] = Field(examples=["a table for each metric, such as [metrics.api_calls]"])
    plans: dict[Text, Plan] = {}
    signals: Signals = Signals()
    thresholds: AllThresholds = AllThresholds()
    slack: Slack = Field(examples=['channel = "C0123ABCD"'])
    crm: Crm = Crm()
    schedule: Schedule = Schedule()


def load(file: Path) -> Config:
    """Read and check the file; raises ConfigError with every mistake."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except FileNotFoundError:
        raise ConfigError(
            [f"{file}: is not there. Make one with `headroom init` and adapt it, or name yours in HEADROOM_CONFIG."]
        ) from None
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: is not UTF-8 text (byte {error.start}). Save it as UTF-8."]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: {_syntax(str(error))}"]) from error
    return parse(tables, str(file))


def parse(tables: Mapping[str, Any], source: str = "headroom.toml") -> Config:
    """Check tables that are read already; raises ConfigError with every mistake."""
    found: list[Mistake] = []
    config = None
    try:
        config = Config.model_validate(tables)
    except ValidationError as error:
        found = mistakes(error, Config)
    found += config_rules.mistakes(tables)
    if config is None or found:
        lines = dict.fromkeys(f"{source}: {path(place)}: {words}" for place, words in found)
        raise ConfigError(list(lines))
    return config


def _syntax(message: str) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if not match:
        return f"is not TOML: {message}."
    return f"{f'line {match[2]}, column {match[3]}' if match[2] else 'the end'}: {match[1]}."
