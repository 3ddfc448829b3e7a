"""Templates for Slack: values become text that cannot act as markup, and JSON that cannot be broken."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from bot.config import Config
from bot.model import Driver, Signal
from bot.slack.text import Mrkdwn, chance, clean, day, day_range, escape, number, percent, percent_used, used_of

log = logging.getLogger(__name__)
KINDS = {
    "approaching_limit": "close to a limit",
    "overage_pattern": "over limits again and again",
    "growth_trajectory": "growth towards a limit",
    "feature_lockout": "locked features wanted",
    "billing_page_visits": "visits to billing pages",
    "invited_seats": "invited people without a seat",
}
BASE = "base"  # what any account scores


@dataclass(frozen=True, slots=True)
class CardLabels:
    """What the team calls its metrics and plans, and how it writes money and time."""

    metrics: Mapping[str, str] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)
    currency: str = "USD"
    timezone: str = "UTC"  # the PostHog project's
    crm: str | None = None  # "Pipedrive"; None: no CRM, and no button for it
    largest: str | None = None  # the key of the dearest plan

    @classmethod
    def of(cls, config: Config, timezone: str) -> Self:
        plans = {key: plan.label or key.replace("_", " ").capitalize() for key, plan in config.plans.items()}
        metrics = {key: metric.label for key, metric in config.metrics.items()}
        crm = config.crm.kind and config.crm.kind.capitalize()
        largest = max(config.plans, key=lambda key: config.plans[key].price, default=None)
        return cls(metrics, plans, config.crm.currency, timezone, crm, largest)

    def metric(self, key: str | None) -> str:
        return self.metrics.get(key, key) if key else ""

    def plan(self, key: str) -> str:
        return self.plans.get(key, key)


def render(name: str, **values: Any) -> Any:
    """The JSON tree of a template: its shape is the template's own, whatever the values hold."""
    return json.loads(_json_templates().get_template(name).render(**values))


def fact(signal: Signal, labels: CardLabels) -> Mrkdwn:
    """One line of words on a signal for a card."""
    return Mrkdwn(_words(_templates(_as_mrkdwn), signal, labels))


def driving(driver: Driver, labels: CardLabels) -> Mrkdwn:
    """One line on who and what makes the usage; empty where nobody knows."""
    return Mrkdwn(_driving(_templates(_as_mrkdwn), driver, labels))


def made_of(points: Mapping[str, float]) -> dict[str, str]:
    """What a score is made of by kind, the most first; what any account has comes last."""
    told = [(kind == BASE, -value, kind) for kind, value in points.items() if round(value, 1)]
    named = {BASE: "any account", **KINDS}
    return {
        kind: f"{named.get(kind, kind.replace('_', ' '))} {number(round(-lost, 1))}" for _, lost, kind in sorted(told)
    }


def shares(points: Mapping[str, float]) -> list[str]:
    """The same in words alone."""
    return list(made_of(points).values())


def sentence(signal: Signal, labels: CardLabels) -> str:
    """The same words as plain text, for a note in the CRM; whoever shows it escapes it."""
    return _words(_templates(_as_text), signal, labels)


def driving_sentence(driver: Driver, labels: CardLabels) -> str:
    """Who and what makes the usage, as plain text."""
    return _driving(_templates(_as_text), driver, labels)


def _driving(templates: Environment, driver: Driver, labels: CardLabels) -> str:
    words = templates.get_template("drivers.j2").render(driver=driver, metric=labels.metric(driver.metric))
    return " ".join(words.split())


def _words(templates: Environment, signal: Signal, labels: CardLabels) -> str:
    values = {"signal": signal, "metric": labels.metric(signal.metric), "seen": dict(signal.evidence)}
    template = templates.get_template("facts.j2")
    try:
        words = template.render(**values, known=True)
    except (UndefinedError, TypeError, ValueError) as error:  # evidence of an older or newer release
        log.info("No words for the evidence of %s: %s", clean(signal.kind), clean(error))
        words = template.render(**values, known=False)
    return " ".join(words.split())


@cache
def _json_templates() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=PackageLoader("bot.slack"), autoescape=True, undefined=StrictUndefined, finalize=_as_json
    )


def _as_json(value: Any) -> Markup:
    # Markup is what another macro has written as JSON already; anything else is one value.
    return value if isinstance(value, Markup) else Markup(json.dumps(value))  # noqa: S704 - JSON, never HTML


@cache
def _templates(finalize: Callable[[Any], str]) -> Environment:
    # Not HTML: `finalize` makes every value safe for where the words go. A filter's result is safe already.
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("bot.slack"), autoescape=False, undefined=StrictUndefined, finalize=finalize
    )
    environment.filters |= {"number": _number, "count": count, "day": day, "range": _range}
    environment.filters |= {"percent": _percent, "percent_used": _percent_used}
    environment.filters |= {"chance": _chance, "used_of": _used_of}
    return environment


def _as_mrkdwn(value: Any) -> Mrkdwn:
    return escape(_known(value), 120)


def _as_text(value: Any) -> str:
    return clean(_known(value))


def _known(value: Any) -> Any:
    if isinstance(value, StrictUndefined):
        str(value)  # raises, saying which evidence is missing
    return value


def _number(value: float) -> Mrkdwn:
    return Mrkdwn(number(float(value)))


def _percent(value: float) -> Mrkdwn:
    return Mrkdwn(percent(float(value)))


def _chance(value: float) -> Mrkdwn:
    return Mrkdwn(chance(float(value)))


def _used_of(used: float, limit: float) -> Mrkdwn:
    return Mrkdwn(used_of(float(used), float(limit)))


def _percent_used(value: float) -> Mrkdwn:
    return Mrkdwn(percent_used(float(value)))


def count(value: float, one: str, many: str | None = None) -> Mrkdwn:
    """1 person · 3 people."""
    return Mrkdwn(f"{number(float(value))} {one if float(value) == 1 else many or one + 's'}")


def _range(value: Any) -> Mrkdwn:
    return Mrkdwn(day_range(*value))
