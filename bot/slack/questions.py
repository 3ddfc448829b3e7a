"""What has to be known before the CRM can be written to: asked on the card, answered there or in a window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.model import Deal, DealOwner, Opportunity, Question
from bot.slack import ids
from bot.slack.limits import fit_options, fit_view
from bot.slack.pieces import Button, Choice, Select
from bot.slack.status import link
from bot.slack.text import Mrkdwn, called, clean, escape, mention, name_of, plain
from bot.slack.words import CardLabels, render

Json = dict[str, Any]
MOST_OPTIONS = 100  # Slack's
MOST_LINKS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in words, with what answers it."""

    words: Mrkdwn
    elements: tuple[Button | Select, ...]


def asked(opportunity: Opportunity, labels: CardLabels) -> Asked | None:
    """None: nothing is asked."""
    question = opportunity.question
    if question is None:
        return None
    words = _which_deal if question.what == "deal" else _who
    return words(opportunity, question, labels)


def owner_view(opportunity: Opportunity, question: Question, labels: CardLabels) -> Json:
    """The window in which a rep, or a manager, says who the rep is in the CRM."""
    crm = labels.crm or "the CRM"
    words = Mrkdwn(f"Deals and tasks of {mention(question.by)} will belong to this user of {escape(crm, 40)}.")
    carried = f"{opportunity.id}:{question.by}"
    return fit_view(render("owner.json.j2", ids=ids, carried=carried, words=words, crm=crm))


def owner_options(found: Sequence[DealOwner]) -> list[Json]:
    """Answers to what is typed in that window."""
    choices = [Choice(_called(owner), owner.id) for owner in found[:MOST_OPTIONS]]
    return fit_options(render("options.json.j2", choices=choices))


def _which_deal(opportunity: Opportunity, question: Question, labels: CardLabels) -> Asked:
    crm, name = escape(labels.crm or "The CRM", 40), name_of(opportunity.account)
    deals, several = question.deals, len(question.deals) > 1
    has = f"{len(deals)} open deals" if several else "an open deal"
    more = f" and {len(deals) - MOST_LINKS} more" if len(deals) > MOST_LINKS else ""
    words = f"{crm} already has {has} for {name}: {', '.join(map(_told, deals[:MOST_LINKS]))}{more}"
    new = Button(ids.NEW_DEAL, "Make a new one", str(opportunity.id), f"Make a new deal: {_spoken(opportunity)}")
    return Asked(Mrkdwn(words), (_use(opportunity, deals), new))


def _use(opportunity: Opportunity, deals: Sequence[Deal]) -> Button | Select:
    if len(deals) == 1:
        value = f"{opportunity.id}:{deals[0].id}"
        return Button(ids.USE_DEAL, "Use that deal", value, f"Use that deal: {_spoken(opportunity)}", "primary")
    choices = (Choice(_listed(deal), f"{opportunity.id}:{deal.id}") for deal in deals[:MOST_OPTIONS])
    return Select(ids.USE_DEAL, "Use one of them", tuple(choices))


def _who(opportunity: Opportunity, question: Question, labels: CardLabels) -> Asked:
    crm = labels.crm or "the CRM"
    words = f"Nobody in {escape(crm, 40)} has the e-mail address of {mention(question.by)}"
    label = f"Choose who you are in {plain(crm, 40)}"
    return Asked(Mrkdwn(words), (Button(ids.CHOOSE_OWNER, label, str(opportunity.id), label),))


def _told(deal: Deal) -> str:
    return link(deal) + (f" ({escape(deal.owner_name, 60)})" if deal.owner_name else "")


def _listed(deal: Deal) -> str:
    owner = f" ({plain(deal.owner_name, 25)})" if deal.owner_name else ""
    return f"{plain(deal.title or deal.id, 45)}{owner}"


def _called(owner: DealOwner) -> str:
    name = plain(owner.name, 40) or "Unnamed"
    return f"{name} ({plain(owner.email, 60)})" if clean(owner.email) else name


def _spoken(opportunity: Opportunity) -> str:
    return plain(called(opportunity.account), 50)
