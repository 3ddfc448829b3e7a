"""headroom.toml: which events are metrics, what plans include, where things go. Every mistake is reported at once."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator


class ConfigError(Exception):
    """The configuration has mistakes: one line each, with the key's path and the fix."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountTable(Table):
    """Where the facts about an account are: names of PostHog group (or, by e-mail domain, person) properties."""

    group_type: str | None = None
    by: Literal["group", "email_domain"] = "group"
    name: str | None = "name"
    domain: str | None = None
    plan: str | None = None
    arr: str | None = None
    owner_email: str | None = None
    period_anchor: str | None = None


class Metric(Table):
    """Something a plan limits."""

    label: str
    measure: Literal["count", "sum", "people", "level"]
    event: Names = ()
    window: Literal["billing_period", "month", "trailing_30d", "current"] | None = None
    property: str | None = None
    group_property: str | None = None
    limit_property: str | None = None


class Plan(Table):
    """What a customer pays for. Price is a month, overage is the price of a unit beyond the limit."""

    label: str | None = None
    price: Decimal
    limits: dict[str, float] = {}
    overage: dict[str, Decimal] = {}


class Signals(Table):
    """Which events mean what."""

    quota_events: Names = ()
    lockout_events: Names = ()
    lockout_feature: str | None = None
    page_event: str = "$pageview"
    page_property: str = "$pathname"
    billing_paths: Names = ()
    save_paths: Names = ()


class Thresholds(Table):
    """The defaults; what managers set in Slack wins."""

    approaching: tuple[float, ...] = (80.0, 90.0, 100.0, 120.0)
    growth_probability: float = 0.8


class Slack(Table):
    channel: str
    managers: tuple[str, ...] = ()


class Crm(Table):
    kind: Literal["pipedrive", "zoho"] | None = None
    currency: str = "USD"
    pipeline: str | None = None
    stage: str | None = None
    close_in_days: int = 30


class Schedule(Table):
    every: str = "1h"


class Config(Table):
    """The whole of headroom.toml, checked."""

    account: AccountTable
    metrics: dict[str, Metric]
    plans: dict[str, Plan] = {}
    signals: Signals = Signals()
    thresholds: Thresholds = Thresholds()
    slack: Slack
    crm: Crm = Crm()
    schedule: Schedule = Schedule()


def load(path: Path) -> Config:
    """Read and check the file; raises ConfigError with every mistake."""
    return Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal))
