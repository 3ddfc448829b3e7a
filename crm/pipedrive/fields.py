"""Fields of Pipedrive's deals: by the names that people see, with values as the application has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from crm.base import DealField, FieldKind, FieldValue, Invalid
from crm.pipedrive.api import Row
from crm.text import number, same, told

LONGEST_TEXT = 255  # of a varchar field, and of names and titles
LENGTHS = {"varchar": LONGEST_TEXT, "varchar_auto": LONGEST_TEXT, "phone": LONGEST_TEXT, "text": 65_000}
KINDS: Mapping[str, FieldKind] = {
    **dict.fromkeys(LENGTHS, "text"),
    "double": "number",
    "monetary": "number",
    "date": "date",
    "boolean": "boolean",
    "enum": "choice",
    "set": "choice",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field of deals. `stages`: where people have to fill it; none of them and `required`: everywhere."""

    name: str
    code: str  # 40 hexadecimal digits
    type: str
    options: Mapping[int, str]
    required: bool
    stages: frozenset[int]

    @classmethod
    def of(cls, row: Row) -> "Field":
        demand = row.get("required_fields") or {}
        options = {int(one["id"]): str(one["label"]) for one in row.get("options") or ()}
        stages = frozenset(demand.get("stage_ids") or ())
        return cls(
            row["field_name"], row["field_code"], row["field_type"], options, bool(demand.get("enabled")), stages
        )

    def described(self, stage: int | None) -> DealField:
        needed = self.required and (not self.stages or stage in self.stages)
        return DealField(self.name, KINDS[self.type], tuple(self.options.values()), needed)

    def written(self, name: str, value: FieldValue, currency: str) -> Any:
        """As the API wants it; `name` is what the configuration calls the field. An empty text empties it."""
        match KINDS.get(self.type), value:
            case _, "":
                return None
            case "text", str() if len(value) <= LENGTHS[self.type]:
                return value
            case "text", Decimal() if value.is_finite():
                return f"{value.normalize():f}"
            case "text" | "date", date():
                return value.isoformat()
            case "number", Decimal() if value.is_finite():
                return {"value": number(value), "currency": currency} if self.type == "monetary" else number(value)
            case "boolean", bool():
                return value
            case "choice", str():
                return self._option(name, value)
        raise Invalid(f"Pipedrive's deal field '{name}' {self._takes()}, not {told(value)}", name)

    def read(self, raw: Any) -> FieldValue | None:
        """None: it holds nothing, or something that cannot be told."""
        if raw is None:
            return None
        match KINDS.get(self.type):
            case "text":
                return str(raw)
            case "number":
                amount = raw.get("value") if isinstance(raw, dict) else raw
                return None if amount is None else Decimal(str(amount))
            case "date":
                return date.fromisoformat(raw)
            case "boolean":
                return bool(raw)
            case "choice":
                chosen = raw if isinstance(raw, list) else [raw]
                return ", ".join(self.options.get(int(one), str(one)) for one in chosen) or None
        return None

    def _option(self, name: str, label: str) -> Any:
        for identity, known in self.options.items():
            if same(known, label):
                return [identity] if self.type == "set" else identity
        known_ones = ", ".join(self.options.values())
        raise Invalid(f"Pipedrive's deal field '{name}' has no option '{label}'; it has: {known_ones}", name)

    def _takes(self) -> str:
        kind = KINDS.get(self.type)
        if kind == "text":
            return f"takes a text of at most {LENGTHS[self.type]} characters"
        if kind == "choice":
            return f"takes one of {', '.join(self.options.values())}"
        return {"number": "takes a number", "date": "takes a date", "boolean": "takes true or false"}.get(
            kind or "", f"is of a type that cannot be filled from here ({self.type})"
        )


def named(fields: Iterable[Field], name: str) -> Field | None:
    """The oldest one that people see under this name."""
    return next((field for field in fields if same(field.name, name)), None)
