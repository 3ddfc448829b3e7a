"""The card of an opportunity: what is happening, why now, which plan fits, what it is worth."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.model import Opportunity, Signal
from bot.slack import ids
from bot.slack.limits import fit_blocks
from bot.slack.status import deal_line, status
from bot.slack.text import (
    Mrkdwn,
    called,
    escape,
    expected,
    moment,
    money,
    name_of,
    number,
    percent,
    plain,
    sparkline,
)
from bot.slack.words import CardLabels, fact, render

Blocks = list[dict[str, Any]]
MOST_FACTS = 3
WORKABLE = ("open", "claimed")


@dataclass(frozen=True, slots=True)
class Button:
    """One button of a card, as the template needs it."""

    action: str
    label: str
    value: str
    spoken: str
    style: str | None = None


def render_card(opportunity: Opportunity, labels: CardLabels) -> tuple[Blocks, str]:
    """Blocks, and the line that stands in a phone's notification."""
    words = headline(opportunity, labels)
    blocks = render(
        "card.json.j2",
        headline=words,
        lines=[*_lines(opportunity, labels)],
        footer=footer(opportunity, labels),
        status=status(opportunity, labels),
        actions=buttons(opportunity, labels),
    )
    return fit_blocks(blocks), words


def headline(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    """Who, and the one thing to know. Alone enough on a phone."""
    name, lead = name_of(opportunity.account), leading(opportunity)
    if opportunity.polarity == "save":
        return Mrkdwn(f"{name} may leave: {_reason(opportunity, labels)}")
    crossing = next((signal for signal in ordered(opportunity) if _is_crossing(signal)), None)
    if crossing and crossing.crosses_on:
        when = expected(crossing.crosses_on, crossing.crosses_between)
        return Mrkdwn(f"{name} passes its {_metric(crossing, labels)} limit around {when}")
    if lead and lead.ratio is not None and lead.metric:
        verb = "is over its" if lead.ratio > 1 else "is at its" if lead.ratio == 1 else "nears its"
        return Mrkdwn(f"{name} {verb} {_metric(lead, labels)} limit: {percent(lead.ratio)} used")
    return Mrkdwn(f"{name}: {_reason(opportunity, labels)}")


def ordered(opportunity: Opportunity) -> list[Signal]:
    """The signals, those that count most for the score first."""
    points = opportunity.points
    return sorted(opportunity.signals, key=lambda s: (-points.get(s.kind, 0.0), -s.strength * s.weight, s.kind))


def leading(opportunity: Opportunity) -> Signal | None:
    return next(iter(ordered(opportunity)), None)


def measured(opportunity: Opportunity) -> Signal | None:
    """The signal whose figures stand in the card's second line."""
    return next((s for s in ordered(opportunity) if s.used is not None and s.limit is not None), None)


def facts(opportunity: Opportunity, labels: CardLabels) -> list[Mrkdwn]:
    """A line per signal, without what the second line says already."""
    shown = measured(opportunity)
    told = (shown.metric, shown.used) if shown else None
    signals = (s for s in ordered(opportunity) if s.kind != "approaching_limit" or (s.metric, s.used) != told)
    return list(dict.fromkeys(words for words in (fact(signal, labels) for signal in signals) if words))


def usage_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """API calls: 92,100 of 100,000 used on day 21 of 30, and how it came to that."""
    signal, bars = measured(opportunity), sparkline(opportunity.history)
    if signal is None:
        return Mrkdwn(f"Last days: {bars}") if bars else None
    when = f" on day {opportunity.period_day} of {opportunity.period_days}" if opportunity.period_day else ""
    words = f"{_metric(signal, labels)}: {number(signal.used)} of {number(signal.limit)} used{when}"
    return Mrkdwn(f"{words}    {bars}".rstrip())


def plan_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """Starter → Growth: +€4,800 a year. What staying would cost."""
    if opportunity.plan is None:
        return None
    words = escape(labels.plan(opportunity.plan), 60)
    if opportunity.recommended_plan:
        words = Mrkdwn(f"{words} → {escape(labels.plan(opportunity.recommended_plan), 60)}")
    if opportunity.delta_arr is not None:
        words = Mrkdwn(f"{words}: {money(opportunity.delta_arr, labels.currency, signed=True)} a year")
    if opportunity.overage_cost:
        cost = money(opportunity.overage_cost, labels.currency)
        words = Mrkdwn(f"{words}. Staying would cost about {cost} in overage this period.")
    return Mrkdwn(f"Plan: {words}")


def buttons(opportunity: Opportunity, labels: CardLabels) -> list[Button]:
    """Only what can be done now; an opportunity at rest keeps its story to read."""
    offered: list[tuple[str, str, str | None]] = [(ids.DETAILS, "Details", None)]
    if opportunity.state in WORKABLE:
        offered = [(ids.SNOOZE, "Snooze", None), (ids.DISMISS, "Dismiss", None), *offered]
        if labels.crm and opportunity.deal_state != "pushing":
            offered.insert(0, (ids.PUSH, "Update deal" if opportunity.deal else "Push to CRM", None))
    if opportunity.state == "open":
        offered.insert(0, (ids.CLAIM, "Claim", "primary"))
    name = plain(called(opportunity.account), 50)
    return [Button(act, label, str(opportunity.id), f"{label}: {name}", style) for act, label, style in offered]


def _lines(opportunity: Opportunity, labels: CardLabels) -> Iterator[Mrkdwn]:
    listed = "\n".join(f"• {words}" for words in facts(opportunity, labels)[:MOST_FACTS])
    for words in (usage_line(opportunity, labels), plan_line(opportunity, labels), Mrkdwn(listed)):
        if words:
            yield words


def footer(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    signal = measured(opportunity) or leading(opportunity)
    as_of = signal.as_of if signal and signal.as_of else opportunity.updated_at
    owner = escape(opportunity.account.owner_email, 80) if opportunity.account.owner_email else "unknown"
    deal = deal_line(opportunity, labels) or ("no deal yet" if labels.crm else None)
    parts = [f"Account owner: {owner}", deal, f"score {opportunity.score}", f"as of {moment(as_of, labels.timezone)}"]
    return Mrkdwn(" · ".join(part for part in parts if part))


def _reason(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    lead = leading(opportunity)
    return (fact(lead, labels) if lead else None) or Mrkdwn("usage worth a look")


def _metric(signal: Signal, labels: CardLabels) -> Mrkdwn:
    return escape(labels.metric(signal.metric), 60)


def _is_crossing(signal: Signal) -> bool:
    return signal.crosses_on is not None and (signal.ratio is None or signal.ratio < 1)
