"""What is known of an opportunity, fact by fact, for the CRM's own fields: [crm.fields] says which field gets which."""

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from bot.deals.note import Evidence
from bot.slack.text import clean, shorten
from crm.base import FieldValue

LONGEST = 200  # characters; a line of text in a CRM holds 255
Fact = str | Decimal | date | None


def facts(evidence: Evidence) -> Mapping[str, Fact]:
    """Every fact by its name in `bot.config.facts.FACTS`; None: not known of this opportunity."""
    one, labels, leading = evidence.opportunity, evidence.labels, evidence.leading
    told: dict[str, Fact] = {
        "account_key": one.account.key,
        "account_name": one.account.name,
        "domain": one.account.domain,
        "account_owner": one.account.owner_email,
        "plan": labels.plan(one.plan) if one.plan else None,
        "recommended_plan": labels.plan(one.recommended_plan) if one.recommended_plan else None,
        "arr": one.account.arr,
        "delta_arr": one.delta_arr,
        "overage_cost": one.overage_cost,
        "score": Decimal(one.score),
        "polarity": one.polarity,
        "signals": ", ".join(evidence.kinds()),
        "metric": labels.metric(leading.metric) if leading else None,
        "used": _number(leading.used) if leading else None,
        "limit": _number(leading.limit) if leading else None,
        "used_percent": _percent(leading.ratio) if leading else None,
        "probability_percent": _percent(leading.probability) if leading else None,
        "crosses_on": leading.crosses_on if leading else None,
        "opened_on": one.opened_at.date(),
        "card": evidence.link,
    }
    return {name: _fit(fact) for name, fact in told.items()}


def fields(evidence: Evidence) -> dict[str, FieldValue]:
    """The configured fields that there is something to say in."""
    known = facts(evidence)
    sources = evidence.config.crm.fields.items()
    values = {name: known[source.fact] if source.fact else source.value for name, source in sources}
    return {name: value for name, value in values.items() if value is not None}


def _fit(fact: Fact) -> Fact:
    """A text on one line, an amount in cents; an empty text is nothing."""
    if isinstance(fact, str):
        return shorten(clean(fact), LONGEST) or None
    return round(fact, 2) if isinstance(fact, Decimal) else fact


def _number(value: float | None) -> Decimal | None:
    return None if value is None or not math.isfinite(value) else Decimal(str(round(value, 2)))


def _percent(share: float | None) -> Decimal | None:
    """Whole percent, never rounded up to a limit that has not been reached."""
    return None if share is None or not math.isfinite(share) else Decimal(math.floor(share * 100 + 1e-9))
