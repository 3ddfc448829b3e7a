"""What can be told of an opportunity in a field of the CRM: the right-hand side of [crm.fields]."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bot.config.mistakes import did_you_mean, shown
from crm.base import FieldKind, FieldValue

FACTS: Mapping[str, FieldKind] = {
    "account_key": "text",
    "account_name": "text",
    "domain": "text",
    "account_owner": "text",
    "plan": "text",
    "recommended_plan": "text",
    "arr": "number",
    "delta_arr": "number",
    "overage_cost": "number",
    "score": "number",
    "polarity": "text",
    "signals": "text",
    "metric": "text",
    "used": "number",
    "limit": "number",
    "used_percent": "number",
    "probability_percent": "number",
    "crosses_on": "date",
    "opened_on": "date",
    "card": "text",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's value comes from: a fact by its name, or one value for every deal."""

    fact: str | None = None
    value: FieldValue | None = None


def source(given: Any) -> Source:
    """`"score"` is a fact, `{ value = "Product usage" }` a constant."""
    if isinstance(given, Source):
        return given
    if isinstance(given, dict):
        return Source(value=_constant(given))
    if not isinstance(given, str) or given not in FACTS:
        near = did_you_mean(given, FACTS) if isinstance(given, str) else ""
        known = f"Known are {', '.join(FACTS)}; a fixed value is written {{ value = ... }}."
        raise ValueError(f"{shown(given)} is no fact of an opportunity.{near or f' {known}'}")
    return Source(fact=given)


def _constant(given: dict[str, Any]) -> FieldValue:
    value = given.get("value")
    if set(given) != {"value"} or not isinstance(value, str | bool | int | Decimal | date) or value == "":
        raise ValueError(
            f"{shown(given)} is no fixed value. Write {{ value = ... }} with a text, number, date or true."
        )
    return value if isinstance(value, str | bool | date) else Decimal(value)
