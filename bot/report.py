"""What an evaluation found, for people at a terminal and, as JSON, for other programs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.evaluation import Evaluation
from bot.evaluation.decisions import Amend, Open
from bot.model import LIVE, AccountReport, Driver, Standing
from bot.signal_json import driver_to_json, instant, to_json
from bot.slack.text import chance, clean, percent_used
from bot.slack.words import CardLabels, sentence
from bot.why import Why

LIKELY = 0.5  # a date is told where the limit is more likely passed than not
NAMELESS = CardLabels()  # metrics are called by their keys


def as_json(found: Evaluation, labels: CardLabels = NAMELESS) -> dict[str, Any]:
    """The contract of `evaluate --json`: keys may be added, none changes its meaning."""
    return {
        "at": instant(found.at),
        "accounts": found.accounts,
        "posthog_calls": found.calls,
        "opportunities": sorted(_opportunities(found, labels), key=lambda one: (-one["score"], one["account"])),
        "held_back": [
            {"account": one.account, "reason": one.reason, "metric": one.metric} | _detail(one.detail)
            for one in found.held_back
        ],
        "problems": [
            {"what": one.what, "account": one.account, "metric": one.metric, "detail": one.detail}
            for one in (*found.problems, *found.faults)
        ],
    }


def _detail(words: str | None) -> dict[str, Any]:
    return {"detail": words} if words else {}


def _opportunities(found: Evaluation, labels: CardLabels) -> Iterator[dict[str, Any]]:
    for decision in found.decisions:
        if not isinstance(decision, Open | Amend):
            continue
        case = decision.case
        yield {
            "account": case.account.key,
            "name": case.account.name,
            "state": decision.opportunity.state if isinstance(decision, Amend) else "open",
            "polarity": case.polarity,
            "score": case.score,
            "points": dict(case.points),
            "facts": {signal.kind: sentence(signal, labels) for signal in reversed(case.signals)},  # behind the points
            "plan": case.account.plan,
            "recommended_plan": case.offer.plan,
            "delta_arr": _amount(case.offer.delta_arr),
            "overage_cost": _amount(case.offer.overage_cost),
            "next_overage_cost": _amount(case.offer.next_overage_cost),
            "break_even": case.offer.break_even and asdict(case.offer.break_even),
            "drivers": [driver_to_json(driver) for driver in _drivers(found, decision)],
            "signals": [to_json(signal) for signal in case.signals],
        }


def _drivers(found: Evaluation, decision: Open | Amend) -> tuple[Driver, ...]:
    """As asked just now, else as they were when the card was new."""
    known = (decision.opportunity.drivers if isinstance(decision, Amend) else None) or ()
    return found.drivers.get(decision.case.account.key, known)


def _amount(money: Any) -> float | None:
    return None if money is None else float(money)


def show(found: Evaluation, console: Console) -> None:
    """A table of the opportunities, and what was left out."""
    table = Table("score", "account", "why", "plan", "a year", box=None, pad_edge=False)
    for one in as_json(found)["opportunities"]:
        why = ", ".join(f"{signal['kind'].replace('_', ' ')}{_about(signal)}" for signal in one["signals"])
        step = f"{one['plan']} -> {one['recommended_plan']}" if one["recommended_plan"] else one["plan"] or ""
        worth = f"{one['delta_arr']:+,.0f}" if one["delta_arr"] is not None else ""
        score = "save" if one["polarity"] == "save" else str(one["score"])
        table.add_row(score, *(_shown(words) for words in (one["name"], why, step)), worth)
    if table.row_count:
        console.print(table)
    console.print(
        f"{table.row_count} opportunities in {found.accounts:,} accounts, read in {found.calls} PostHog calls",
        highlight=False,
    )
    reasons = Counter(one.reason.replace("_", " ") for one in found.held_back)
    if reasons:
        console.print(
            f"held back: {', '.join(f'{number} {reason}' for reason, number in reasons.most_common())}", highlight=False
        )
    for problem in (*found.problems, *found.faults):
        where = f"{problem.account}: " if problem.account else ""
        console.print(_shown(f"problem: {where}{problem.detail}"), highlight=False, soft_wrap=True)


def _shown(text: str) -> str:
    """Text from outside, without markup and without what a terminal would obey."""
    return escape(clean(text))


def _about(signal: dict[str, Any]) -> str:
    ratio = f" {percent_used(signal['ratio'])}" if signal["ratio"] is not None else ""
    return f" ({signal['metric'] or signal['subject']}{ratio})" if signal["metric"] or signal["subject"] else ""


def show_account(told: AccountReport, console: Console) -> None:
    """How one account stands, and why it has no card."""
    account = told.account
    console.print(f"[bold]{_shown(account.name)}[/] ({_shown(account.key)}), plan {_shown(account.plan or 'unknown')}")
    for one in told.standings:
        console.print(f"  {_shown(_standing(one))}", highlight=False, soft_wrap=True)
    if told.opportunity:
        owner = f", owner {told.opportunity.owner}" if told.opportunity.owner else ""
        deal = f", deal {told.opportunity.deal.url}" if told.opportunity.deal else ""
        state, score = told.opportunity.state, told.opportunity.score
        why = f" ({told.opportunity.outcome_reason})" if told.opportunity.outcome_reason else ""
        line = f"opportunity {told.opportunity.id}: {state}{why}, score {score}{owner}{deal}"
        console.print(f"  {_shown(line)}", highlight=False, soft_wrap=True)
    about = "not judged" if told.opportunity and told.opportunity.state in LIVE else "no card"
    for reason in told.reasons:
        console.print(f"  {_shown(f'{about}: {reason}')}", highlight=False, soft_wrap=True)
    if told.evaluated_at:
        console.print(f"  as of {instant(told.evaluated_at)}")


def _standing(one: Standing) -> str:
    used = "unknown" if one.used is None else f"{one.used:,.10g}"
    if one.ratio is None:
        return f"{one.label}: {used}" + (", not limited" if one.is_unlimited else "")
    return f"{one.label}: {used} of {one.limit:,.10g} ({percent_used(one.ratio)}){_forecast(one, one.ratio)}"


def _forecast(one: Standing, ratio: float) -> str:
    """Of a limit that is passed there is none."""
    if ratio >= 1:
        return f"; {'over' if ratio > 1 else 'at'} the limit"
    if one.probability is None or one.held_back:
        return ""
    when = f", around {one.crosses_on}" if one.crosses_on and one.probability >= LIKELY else ""
    return f"; {chance(one.probability)} likely to pass the limit{when}"


FILE_WIDTH = 240  # nothing is wrapped in a file or a pipe
MARKS = {True: "[green]yes[/]", False: "[yellow]no[/]", None: "-"}


def show_why(told: Why, console: Console) -> None:
    """Every rule with its value and what it needs, in columns."""
    if not console.is_terminal:
        console = Console(file=console.file, width=FILE_WIDTH)
    account = told.account
    console.print(f"[bold]{_shown(account.name)}[/] ({_shown(account.key)}), plan {_shown(account.plan or 'unknown')}")
    for words in told.verdict:
        console.print(f"  {_shown(words)}", highlight=False, soft_wrap=True)
    width = max((len(clean(step.rule)) for part in told.parts for step in part.steps), default=0)
    for part in told.parts:
        if not part.steps:
            continue
        console.print(f"\n[bold]{_shown(part.title)}[/]")
        table = Table("rule", "value", "needs", "met", "on since", box=None, pad_edge=False, padding=(0, 3, 0, 0))
        table.columns[0].min_width = min(width, 40)
        for step in part.steps:
            since = f"{step.since:%Y-%m-%d %H:%M}" if step.since else ""
            table.add_row(*(_shown(words) for words in (step.rule, step.value, step.needs)), MARKS[step.met], since)
        console.print(table)
    if told.evaluated_at:
        console.print(f"\nas the evaluation of {instant(told.evaluated_at)} saw it, by the thresholds of now")
