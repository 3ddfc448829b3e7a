"""Why an account has a card or none, rule by rule: the value, what the rule asks for, and what came of it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot import lookup
from bot.config import Config
from bot.evaluation.trace import Trace, rebuild
from bot.model import LIVE, Account
from bot.signal_json import instant
from bot.slack.text import short_day
from bot.store import Transaction
from bot.why.account import hits, lockouts, others, visits
from bot.why.metrics import MetricRules
from bot.why.steps import LEVEL, Part, Step

__all__ = ["Part", "Step", "Why", "why"]


@dataclass(frozen=True, slots=True)
class Why:
    """`verdict`: what came of it all, the weightiest first."""

    account: Account
    evaluated_at: datetime | None
    verdict: tuple[str, ...]
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        parts = [{"title": part.title, "steps": [_step_to_json(step) for step in part.steps]} for part in self.parts]
        at = self.evaluated_at and instant(self.evaluated_at)
        told = {"account": self.account.key, "name": self.account.name, "plan": self.account.plan}
        return {**told, "evaluated_at": at, "verdict": list(self.verdict), "parts": parts}

    def in_short(self) -> tuple[str, ...]:
        """A line for each part: what is on, else the rules that were not met."""
        return tuple(f"{part.title}: {'; '.join(_short(part))}" for part in self.parts if part.steps)


def why(tx: Transaction, config: Config, account: Account) -> Why:
    """As the last evaluation saw it, by the thresholds in force now."""
    report = lookup.report(tx, config, account)
    one = report.opportunity
    verdict = report.reasons
    if one and one.state in LIVE:
        verdict = (f"it has a card: {one.state} since {short_day(one.opened_at)}, score {one.score}", *verdict)
    trace = rebuild(tx, config, account)
    parts = tuple(_parts(config, trace)) if trace else ()
    return Why(account, report.evaluated_at, verdict, parts)


def _step_to_json(step: Step) -> dict[str, Any]:
    return {**asdict(step), "since": step.since and instant(step.since)}


def _short(part: Part) -> list[str]:
    """Of the levels, only the highest that is on and the first that is not met; what is on is not missed."""
    on = {_topic(step): step for step in part.steps if step.since}
    missed = {_topic(step): step for step in reversed(part.steps) if step.met is False and not step.since}
    told = [f"{step.rule} ({step.value}, on since {short_day(step.since)})" for step in on.values() if step.since]
    told += [f"{step.rule}: {step.value}, needs {step.needs}" for step in reversed(missed.values())][:2]
    return told or ["nothing to judge"]


def _topic(step: Step) -> str:
    return LEVEL if step.rule.endswith(LEVEL) else step.rule


def _parts(config: Config, trace: Trace) -> Iterator[Part]:
    for key, metric in config.metrics.items():
        yield Part(metric.label, tuple(MetricRules(trace, config, key).steps()))
    about = {
        "Limits and quotas hit": hits,
        "Locked features": lockouts,
        "Billing pages": visits,
        "Other signals": others,
    }
    yield from (Part(title, tuple(rules(trace))) for title, rules in about.items())
