"""The card of an opportunity: what is happening, why now, which plan fits, what it is worth."""

from collections.abc import Iterator
from typing import Any

from bot.model import Opportunity, Signal, gravest_first, measured
from bot.slack import ids
from bot.slack.limits import fit_blocks
from bot.slack.pieces import Button
from bot.slack.questions import asked
from bot.slack.status import RESTS, deal_line, open_deal_line, status
from bot.slack.text import (
    Mrkdwn,
    called,
    escape,
    expected,
    moment,
    money,
    name_of,
    number,
    percent_used,
    plain,
    sparkline,
    used_of,
)
from bot.slack.words import CardLabels, driving, fact, render

Blocks = list[dict[str, Any]]
MOST_FACTS = 3
COUNTED = 100  # up to such a limit the figures say more than a percentage, as they do just over any
JUST_OVER = 1.01
LIKELY = 0.5  # a date is told where the limit is more likely passed than not
WORKABLE = ("open", "claimed")
TURNED_AWAY = "Turned away"  # as the line of facts begins


def render_card(opportunity: Opportunity, labels: CardLabels) -> tuple[Blocks, str]:
    """Blocks, and the line that stands in a phone's notification."""
    words = headline(opportunity, labels)
    blocks = render(
        "card.json.j2",
        headline=words,
        lines=[*_lines(opportunity, labels)],
        footer=footer(opportunity, labels),
        status=status(opportunity, labels),
        question=asked(opportunity, labels) if opportunity.state in WORKABLE else None,
        actions=buttons(opportunity, labels),
    )
    return fit_blocks(blocks), words


def headline(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    """Who, and the one thing to know. Alone enough on a phone."""
    name = name_of(opportunity.account)
    if opportunity.state in RESTS:
        return Mrkdwn(f"{RESTS[opportunity.state].title}: {name}")
    if opportunity.polarity == "save":
        return Mrkdwn(f"{name} may leave: {_reason(_saving(opportunity), labels)}")
    told = next((words for signal in ordered(opportunity) if (words := _claim(signal, labels))), None)
    return Mrkdwn(f"{name} {told}" if told else f"{name}: {_reason(leading(opportunity), labels)}")


def _claim(signal: Signal, labels: CardLabels) -> str | None:
    """What a signal says of the account, after its name; None: a line of facts says it better."""
    if signal.kind == "overage_pattern" and signal.metric is None:
        words = fact(signal, labels)
        return f"was {words[0].lower()}{words[1:]}" if words.startswith(TURNED_AWAY) else None
    if signal.metric is None or signal.ratio is None:
        return None
    limit = f"limit for {_metric(signal, labels)}"
    if signal.ratio >= 1:
        return f"is {'over' if signal.ratio > 1 else 'at'} its {limit}: {_figures(signal)} used"
    if signal.evidence.get("seats_left") == 1:
        left = "seat left" if labels.metric(signal.metric).casefold() == "seats" else f"left of its {limit}"
        return f"has one {left}: {_figures(signal)} used"
    if signal.kind == "invited_seats":
        return _invited(signal, limit)
    if signal.crosses_on and (signal.probability is None or signal.probability >= LIKELY):
        return f"passes its {limit} around {expected(signal.crosses_on, signal.crosses_between)}"
    return f"nears its {limit}: {_figures(signal)} used" if signal.kind == "approaching_limit" else None


def _invited(signal: Signal, limit: str) -> str | None:
    """What becomes of its seats once everybody is there; None while some would stay free."""
    coming, total = signal.evidence.get("invited"), signal.evidence.get("with_invited")
    if not isinstance(coming, int | float) or total is None or signal.limit is None or total < signal.limit:
        return None
    where = "over" if total > signal.limit else "at"
    on_the_way = f"{number(coming)} more {'is' if coming == 1 else 'are'} invited"
    return f"will be {where} its {limit}: {_figures(signal)} used, {on_the_way}"


def _figures(signal: Signal) -> str:
    is_small, is_just_over = (signal.limit or 0.0) <= COUNTED, 1 < (signal.ratio or 0.0) < JUST_OVER
    return used_of(signal.used, signal.limit) if is_small or is_just_over else percent_used(signal.ratio)


def ordered(opportunity: Opportunity) -> list[Signal]:
    return gravest_first(opportunity.signals, opportunity.points)


def leading(opportunity: Opportunity) -> Signal | None:
    return next(iter(ordered(opportunity)), None)


def facts(opportunity: Opportunity, labels: CardLabels) -> list[Mrkdwn]:
    """A line per signal, without what the second line says already, and what going over a limit makes plain."""
    shown = measured(ordered(opportunity))
    told = (shown.metric, shown.used) if shown else None
    over = {s.metric for s in opportunity.signals if s.kind == "overage_pattern"}
    signals = (
        s
        for s in ordered(opportunity)
        if s.kind != "approaching_limit" or ((s.metric, s.used) != told and s.metric not in over)
    )
    return list(dict.fromkeys(words for words in (fact(signal, labels) for signal in signals) if words))


def usage_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """API calls: 92,100 of 100,000 used on day 21 of 30, and how it came to that."""
    signal, bars = measured(ordered(opportunity)), sparkline(opportunity.history)
    if signal is None:
        return Mrkdwn(f"Last days: {bars}") if bars else None
    when = f" on day {opportunity.period_day} of {opportunity.period_days}" if opportunity.period_day else ""
    words = f"{_metric(signal, labels)}: {used_of(signal.used, signal.limit)} used{when}"
    return Mrkdwn(f"{words}    {bars}".rstrip())


def driver_lines(opportunity: Opportunity, labels: CardLabels) -> list[Mrkdwn]:
    """Who and what makes the usage, the metric of the gravest signal first."""
    return [words for words in (driving(driver, labels) for driver in opportunity.drivers or ()) if words]


def plan_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """Starter → Growth: +€4,800 a year. What staying would cost, and from when on that is more."""
    if opportunity.plan is None:
        return None
    words = escape(labels.plan(opportunity.plan), 60)
    if opportunity.recommended_plan:
        words = Mrkdwn(f"{words} → {escape(labels.plan(opportunity.recommended_plan), 60)}")
    elif opportunity.polarity == "upsell" and opportunity.plan == labels.largest:
        words = Mrkdwn(f"{words} is the largest plan: agree on a custom limit")
    elif opportunity.polarity == "upsell" and opportunity.plan in labels.plans:
        words = Mrkdwn(f"{words}, and no other plan fits: agree on a custom one")
    if opportunity.delta_arr is not None:
        words = Mrkdwn(f"{words}: {money(opportunity.delta_arr, labels.currency, signed=True)} a year")
    elif opportunity.recommended_plan:
        words = Mrkdwn(f"{words}: the account pays no less already, so agree on a price")
    if opportunity.costs_to_stay:
        cost = money(opportunity.overage_cost, labels.currency)
        pays_off = f"; {pays_off_from(opportunity, labels)}" if opportunity.break_even else ""
        words = Mrkdwn(f"{words}. Staying costs about {cost} in overage this period{pays_off}")
    return Mrkdwn(f"Plan: {words}")


def pays_off_from(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    """The upgrade pays off from about 4,000 API calls over the limit a month."""
    even = opportunity.break_even
    if even is None or even.units == 0:
        return Mrkdwn("the upgrade pays off already" if even else "")
    units = f"{number(even.units)} {escape(labels.metric(even.metric), 60)}"
    return Mrkdwn(f"the upgrade pays off from about {units} over the limit a month")


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
    said = headline(opportunity, labels).casefold()
    untold = [words for words in facts(opportunity, labels) if words.casefold() not in said]
    lines = [*untold[:MOST_FACTS], *driver_lines(opportunity, labels)[:1]]
    listed = "\n".join(f"• {words}" for words in lines)
    measured_lines = (
        usage_line(opportunity, labels),
        plan_line(opportunity, labels),
        open_deal_line(opportunity, labels),
    )
    for words in (_save_line(opportunity, labels), *measured_lines, Mrkdwn(listed)):
        if words:
            yield words


def footer(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    signal = measured(ordered(opportunity)) or leading(opportunity)
    as_of = signal.as_of if signal and signal.as_of else opportunity.updated_at
    owner = escape(opportunity.account.owner_email, 80) if opportunity.account.owner_email else "unknown"
    deal = deal_line(opportunity, labels) or ("no deal yet" if labels.crm else None)
    parts = [f"Account owner: {owner}", deal, f"score {opportunity.score}", f"as of {moment(as_of, labels.timezone)}"]
    return Mrkdwn(" · ".join(part for part in parts if part))


def _save_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """What to do about an account that may leave, and what it is worth; nothing once the case is over."""
    if opportunity.polarity != "save" or opportunity.state in RESTS:
        return None
    arr = opportunity.account.arr
    stake = f". At stake: {money(arr, labels.currency)} a year" if arr else ""
    return Mrkdwn(f"Call today: ask what is missing, and offer no upgrade{stake}")


def _saving(opportunity: Opportunity) -> Signal | None:
    """The signal for which the account is one to keep."""
    return next((s for s in ordered(opportunity) if s.evidence.get("saves")), leading(opportunity))


def _reason(signal: Signal | None, labels: CardLabels) -> Mrkdwn:
    return (fact(signal, labels) if signal else None) or Mrkdwn("usage worth a look")


def _metric(signal: Signal, labels: CardLabels) -> Mrkdwn:
    return escape(labels.metric(signal.metric), 60)
