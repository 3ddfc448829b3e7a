"""What is new in a case, in the words of the thread below its card."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.model import Opportunity, Signal
from bot.signal_json import from_json
from bot.slack.status import link
from bot.slack.text import Mrkdwn, day, escape, mention, name_of, percent_used, used_of
from bot.slack.words import CardLabels, fact

TEXT = 1000
Blocks = list[dict[str, Any]]


def told(news: Mapping[str, Any], opportunity: Opportunity, labels: CardLabels, now: datetime) -> list[Mrkdwn]:
    """The lines, the first with the owner's mention: whoever put the case off till later is not disturbed by it."""
    lines = [*_lines(news, opportunity, labels, now)]
    if lines and opportunity.owner and opportunity.state != "snoozed":
        lines[0] = Mrkdwn(f"{mention(opportunity.owner)} {lines[0]}")
    return lines


def _lines(news: Mapping[str, Any], opportunity: Opportunity, labels: CardLabels, now: datetime) -> Iterator[Mrkdwn]:
    if "text" in news:
        yield escape(news["text"], TEXT)
    if news.get("upgraded"):
        yield _upgraded(opportunity, labels)
    for place, rise in enumerate(news.get("rises", ())):
        words = _risen(rise, labels, now)
        yield words if place else Mrkdwn(f"{name_of(opportunity.account)}: {words}")
    if news.get("returned"):
        yield Mrkdwn("It is back from its snooze.")


def _upgraded(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn:
    name, now = name_of(opportunity.account), opportunity.account.plan
    before = f" from {_plan(opportunity.plan, labels)}" if opportunity.plan else ""
    to = f" to {_plan(now, labels)}" if now else ""
    words = f"{name} upgraded{before}{to}. This case is closed."
    return Mrkdwn(f"{words} Its deal: {link(opportunity.deal)}" if opportunity.deal else words)


def _plan(key: str, labels: CardLabels) -> Mrkdwn:
    return escape(labels.plan(key), 60)


def _risen(rise: Mapping[str, Any], labels: CardLabels, now: datetime) -> Mrkdwn:
    signal = from_json(rise["signal"]) if rise.get("signal") else None
    match rise["what"]:
        case "save":
            why = f" {fact(signal, labels)}." if signal else ""
            return Mrkdwn(f"the account may leave.{why} Keep it first, and offer no upgrade.")
        case "level" if signal and signal.ratio is not None:
            return _level(signal, rise.get("before"), labels, now)
        case _:
            return Mrkdwn(f"{fact(signal, labels)}. That is new." if signal else "it has become more urgent.")


def _level(signal: Signal, before: Mapping[str, Any] | None, labels: CardLabels, now: datetime) -> Mrkdwn:
    """API calls passed the limit: 101,200 of 100,000 used; on Tue 24 Nov it was 92 %."""
    ratio, past = signal.ratio or 0.0, before["ratio"] if before else 0.0
    if ratio >= 1 > past and (signal.level or 0) <= 100:
        what = "passed the limit" if ratio > 1 else "reached the limit"
    else:
        what = f"rose to {percent_used(ratio)} of the limit"
    figures = f"{used_of(signal.used, signal.limit)} used"
    since = f"; {_when(before['at'], labels, now)} it was {percent_used(past)}" if before and past < ratio else ""
    return Mrkdwn(f"{escape(labels.metric(signal.metric), 60)} {what}: {figures}{since}.")


def _when(instant: str, labels: CardLabels, now: datetime) -> str:
    zone = ZoneInfo(labels.timezone)
    at = datetime.fromisoformat(instant).astimezone(zone)
    return f"at {at:%H:%M}" if at.date() == now.astimezone(zone).date() else f"on {day(at)}"
