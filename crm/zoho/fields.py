"""Fields of Zoho's records: by the names that people see, with values as the application has them.

https://www.zoho.com/crm/developer/docs/api/v8/field-meta.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from crm.base import DealField, FieldKind, FieldValue, Invalid
from crm.text import number, same, told
from crm.zoho.api import Row

LONGEST_TEXT = 255
KINDS: Mapping[str, FieldKind] = {
    **dict.fromkeys(("text", "textarea", "email", "phone", "website"), "text"),
    **dict.fromkeys(("integer", "bigint", "double", "currency", "percent"), "number"),
    "date": "date",
    "boolean": "boolean",
    "picklist": "choice",
    "multiselectpicklist": "choice",
}
WHOLE = ("integer", "bigint")
NO_CHOICE = "-None-"  # what Zoho offers for nothing


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a module. `required`: Zoho itself takes no record without it."""

    id: str
    name: str
    code: str  # its API name
    type: str
    length: int
    options: Mapping[str, str]  # what the API calls them -> what people see
    writable: bool
    unique: bool
    required: bool

    @classmethod
    def of(cls, row: Row) -> "Field":
        options = {
            str(one.get("actual_value", one["display_value"])): str(one["display_value"])
            for one in row.get("pick_list_values") or ()
            if one["display_value"] != NO_CHOICE and one.get("type", "used") == "used"
        }
        return cls(
            str(row["id"]),
            row["field_label"],
            row["api_name"],
            row["data_type"],
            int(row.get("length") or LONGEST_TEXT),
            options,
            not (row.get("read_only") or row.get("field_read_only") or row.get("virtual_field")),
            _is_unique(row),
            bool(row.get("system_mandatory")),
        )

    @property
    def kind(self) -> FieldKind | None:
        return KINDS.get(self.type)

    def described(self, required: bool) -> DealField:
        return DealField(self.name, KINDS[self.type], tuple(self.options.values()), required)

    def written(self, name: str, value: FieldValue) -> Any:
        """As the API wants it; `name` is what the configuration calls the field. An empty text empties it."""
        match self.kind, value:
            case _, "":
                return None
            case "text", str() if len(value) <= self.length:
                return value
            case "text", Decimal() if value.is_finite():
                return f"{value.normalize():f}"
            case "text" | "date", date():
                return value.isoformat()
            case "number", Decimal() if value.is_finite() and (self.type not in WHOLE or value == int(value)):
                return str(int(value)) if self.type == "bigint" else number(value)
            case "boolean", bool():
                return value
            case "choice", str():
                return self._option(name, value)
        raise Invalid(f"Zoho's field '{name}' {self._takes()}, not {told(value)}", name)

    def read(self, raw: Any) -> FieldValue | None:
        """None: it holds nothing, or something that cannot be told."""
        if raw is None or raw in ("", []):
            return None
        match self.kind:
            case "text":
                return str(raw)
            case "number":
                return Decimal(str(raw))
            case "date":
                return date.fromisoformat(raw)
            case "boolean":
                return bool(raw)
            case "choice":
                chosen = raw if isinstance(raw, list) else [raw]
                return ", ".join(self.options.get(str(one), str(one)) for one in chosen)
        return None

    def _option(self, name: str, label: str) -> Any:
        for code, shown in self.options.items():
            if same(shown, label):
                return [code] if self.type == "multiselectpicklist" else code
        known = ", ".join(self.options.values())
        raise Invalid(f"Zoho's field '{name}' has no option '{label}'; it has: {known}", name)

    def _takes(self) -> str:
        if self.kind == "text":
            return f"takes a text of at most {self.length} characters"
        if self.kind == "choice":
            return f"takes one of {', '.join(self.options.values())}"
        if self.kind == "number":
            return "takes a whole number" if self.type in WHOLE else "takes a number"
        return {"date": "takes a date", "boolean": "takes true or false"}.get(
            self.kind or "", f"is of a type that cannot be filled from here ({self.type})"
        )


def named(fields: Iterable[Field], name: str) -> Field | None:
    """The one that people see under this name; its API name does as well."""
    known = list(fields)
    by_label = (field for field in known if same(field.name, name))
    return next(by_label, None) or next((field for field in known if field.code == name), None)


def _is_unique(row: Row) -> bool:
    """Also a field that holds an external id for the whole company; one for each user does not count."""
    external = row.get("external") or {}
    return bool(row.get("unique")) or external.get("type") == "org"
