"""What became of an opportunity, in words: claimed, snoozed, dismissed, pushed."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from bot.model import Deal, Opportunity, State
from bot.slack.text import Mrkdwn, clean, day, escape, mention
from bot.slack.words import CardLabels

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAID_ALREADY = ("Not pushed", "Trying again", "Checking", "Not updated", "No task", "No deal any more")
REASONS = {
    "not_relevant": "Not relevant",
    "already_talking": "Already talking to them",
    "wrong_time": "Wrong time",
    "internal_or_test": "Internal or test account",
    "wrong_data": "The data is wrong",
    "other": "Other",
}


@dataclass(frozen=True, slots=True)
class Rest:
    """How an opportunity that is over is called, by itself and in a sentence, and why it is over."""

    title: str
    told: str
    why: str | None = None


RESTS: dict[State, Rest] = {
    "dismissed": Rest("Dismissed", "was dismissed"),
    "resolved": Rest("Closed", "was closed", "no signal is on any more"),
    "upgraded": Rest("Upgraded", "ended with an upgrade", "the account is on a larger plan now"),
    "won": Rest("Won", "was won"),
    "lost": Rest("Lost", "was lost"),
}


def status(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """Who has it, why and until when it rests, how far a push has come; None while there is nothing to add."""
    at_rest = _at_rest(opportunity, ZoneInfo(labels.timezone))
    owner = mention(opportunity.owner) if opportunity.owner else None
    if at_rest:
        return Mrkdwn(f"{at_rest} ({owner})" if owner else at_rest)
    parts = [f"Claimed by {owner}" if owner else None, push_line(opportunity, labels)]
    return Mrkdwn(" · ".join(part for part in parts if part)) or None


def push_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    if opportunity.deal_state is None:
        return None
    if opportunity.deal_state == "pushing":
        return Mrkdwn(f"On its way to {escape(labels.crm or 'the CRM', 40)}")
    words = escape(opportunity.deal_state, 300)
    if opportunity.owner:  # who pushed; nobody else may be mentioned by words that come from a vendor
        words = Mrkdwn(words.replace(escape(f"<@{opportunity.owner}>"), mention(opportunity.owner)))
    return words if words.startswith(SAID_ALREADY) else Mrkdwn(f"Not pushed: {words}")


def deal_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """The deal with its link."""
    if opportunity.deal is None:
        return None
    return Mrkdwn(f"deal{_where(labels)}: {_owned(opportunity.deal)}")


def open_deal_line(opportunity: Opportunity, labels: CardLabels) -> Mrkdwn | None:
    """Another deal of the account, which somebody works on already."""
    if opportunity.open_deal is None or opportunity.state in RESTS:
        return None
    return Mrkdwn(f"Open deal{_where(labels)}: {_owned(opportunity.open_deal)}")


def _where(labels: CardLabels) -> str:
    return f" in {escape(labels.crm, 40)}" if labels.crm else ""


def _owned(deal: Deal) -> str:
    return f"{link(deal)} ({escape(deal.owner_name, 60)})" if deal.owner_name else link(deal)


def link(deal: Deal) -> Mrkdwn:
    """Only to https, or to this machine; otherwise the title alone."""
    title = escape(deal.title or deal.id, 80)
    try:
        url = urlsplit(deal.url)
        safe = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)
    except ValueError:  # not a URL at all
        safe = False
    address = quote(clean(deal.url), safe=":/?#[]@!$&'()+,;=%~-._").replace("&", "&amp;")
    return Mrkdwn(f"<{address}|{title.replace('|', '¦')}>") if safe else title


def _at_rest(opportunity: Opportunity, zone: ZoneInfo) -> str | None:
    if opportunity.state == "snoozed":
        until = opportunity.snoozed_until
        return f"Snoozed until {day(until.astimezone(zone))}" if until else "Snoozed"
    rest = RESTS.get(opportunity.state)
    if rest is None:
        return None
    why = _why(opportunity) or rest.why
    return f"{rest.title}: {why}" if why else rest.title


def _why(opportunity: Opportunity) -> str | None:
    """What people gave as their reason: for a dismissal ours, for a loss whatever they wrote in the CRM."""
    match opportunity.state:
        case "dismissed":
            return _reason(opportunity.dismissed_reason)
        case "lost" if opportunity.outcome_reason:
            return escape(opportunity.outcome_reason, 200)
    return None


def _reason(code: str | None) -> str:
    first, _, note = (code or "no reason given").partition(":")
    return REASONS.get(first, escape(first, 120)) + (f", {escape(note, 200)}" if note else "")
