"""The modals: what they ask, and what a person's answers mean."""

import math
import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import Thresholds
from bot.model import Opportunity
from bot.slack import ids
from bot.slack.cards import headline
from bot.slack.desk import ThresholdView
from bot.slack.limits import fit_view
from bot.slack.payloads import Payload, choice_in, date_in, text_in
from bot.slack.pieces import Choice
from bot.slack.status import REASONS
from bot.slack.text import Mrkdwn, escape, mention, moment
from bot.slack.words import CardLabels, render

Json = dict[str, Any]
MORNING = time(8)  # a snoozed opportunity is back when the day begins
FARTHEST = timedelta(days=366)
SNOOZES = {"tomorrow": ("Tomorrow", 1), "3_days": ("In 3 days", 3), "a_week": ("In a week", 7)}
ON_A_DATE = "date"
MOST_LEVELS = 10


class Wrong(Exception):  # noqa: N818 - said to a person, as it stands
    """What a person filled in cannot be taken: block id -> what to do instead."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = errors


def snooze_view(opportunity: Opportunity, labels: CardLabels) -> Json:
    choices = [Choice(label, value) for value, (label, _) in SNOOZES.items()]
    return _opportunity_view("snooze.json.j2", opportunity, labels, [*choices, Choice("On a date", ON_A_DATE)])


def dismiss_view(opportunity: Opportunity, labels: CardLabels) -> Json:
    choices = [Choice(label, code) for code, label in REASONS.items()]
    return _opportunity_view("dismiss.json.j2", opportunity, labels, choices)


def thresholds_view(current: ThresholdView, labels: CardLabels) -> Json:
    changed = Mrkdwn("As in headroom.toml. A change counts from the next evaluation.")
    if current.changed_by and current.changed_at:
        when = moment(current.changed_at, labels.timezone)
        changed = Mrkdwn(f"Set by {mention(current.changed_by)}, {when}. A change counts from the next evaluation.")
    if current.exceptions:
        named = escape(", ".join(current.exceptions))
        changed = Mrkdwn(f"{changed} Levels that headroom.toml sets for {named} stay as they are.")
    return fit_view(
        render(
            "thresholds.json.j2",
            ids=ids,
            carried=str(current.version),
            levels=", ".join(f"{level:g}" for level in current.values.approaching),
            probability=f"{current.values.growth_probability * 100:g}",
            changed=changed,
        )
    )


def notice_view(words: Mrkdwn) -> Json:
    return fit_view(render("notice.json.j2", words=words))


def snoozed_until(body: Payload, now: datetime, timezone: str) -> datetime:
    """The morning of the day that was chosen, in the project's time zone."""
    zone = ZoneInfo(timezone)
    today, choice = now.astimezone(zone).date(), choice_in(body, ids.UNTIL_BLOCK)
    day = date_in(body, ids.DATE_BLOCK) if choice == ON_A_DATE else _days_from(today, choice)
    if day is None:
        raise Wrong({ids.DATE_BLOCK if choice == ON_A_DATE else ids.UNTIL_BLOCK: "Choose a day."})
    if not today < day <= today + FARTHEST:
        raise Wrong({ids.DATE_BLOCK: "Choose a day after today, within a year."})
    return datetime.combine(day, MORNING, zone)


def dismissal(body: Payload) -> tuple[str, str]:
    """Reason and note."""
    reason, note = choice_in(body, ids.REASON_BLOCK), text_in(body, ids.NOTE_BLOCK)
    if reason not in REASONS:
        raise Wrong({ids.REASON_BLOCK: "Choose a reason."})
    if reason == "other" and not note:
        raise Wrong({ids.NOTE_BLOCK: "Say in a few words why."})
    return reason, note


def thresholds(body: Payload) -> Thresholds:
    """The thresholds as filled in; every mistake at once."""
    errors: dict[str, str] = {}
    levels = _levels(text_in(body, ids.APPROACHING_BLOCK), errors)
    probability = _probability(text_in(body, ids.GROWTH_BLOCK), errors)
    if errors:
        raise Wrong(errors)
    return Thresholds(approaching=levels, growth_probability=probability)


def _opportunity_view(template: str, opportunity: Opportunity, labels: CardLabels, choices: list[Choice]) -> Json:
    words = headline(opportunity, labels)
    return fit_view(render(template, ids=ids, carried=str(opportunity.id), headline=words, choices=choices))


def _days_from(today: date, choice: str | None) -> date | None:
    return today + timedelta(days=SNOOZES[choice][1]) if choice in SNOOZES else None


def _levels(text: str, errors: dict[str, str]) -> tuple[float, ...]:
    levels = [_number(part) for part in re.split(r"[,;\s]+", re.sub(r"\s*%", "", text)) if part]
    if not levels or len(levels) > MOST_LEVELS or not all(1 <= level <= 1000 for level in levels):
        errors[ids.APPROACHING_BLOCK] = f"Write 1 to {MOST_LEVELS} percentages from 1 to 1000: 80, 90, 100, 120."
    return tuple(sorted(set(levels)))


def _probability(text: str, errors: dict[str, str]) -> float:
    """80, 80 % and 0.8 are the same."""
    number = _number(re.sub(r"\s*%", "", text).replace(",", "."))
    share = number / 100 if number > 1 else number
    if not 0.5 <= share <= 0.99:
        errors[ids.GROWTH_BLOCK] = "Write a percentage from 50 to 99, such as 80."
    return share


def _number(text: str) -> float:
    """NaN, which no range holds, where it is not a number."""
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII) else math.nan
