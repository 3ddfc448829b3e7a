"""Zoho takes the right JSON types and lengths only, and says which field is wrong and why."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sandbox.zoho.answers import Refused, Row, invalid

TEXTS = ("text", "textarea", "email", "phone", "website")


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def day(value: Any) -> bool:
    try:
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None and _is_day(value)
    except ValueError:
        return False


def reference(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str) and value["id"].isdigit()


KINDS = {  # data type -> what Zoho calls the JSON type that it takes, and whether a value is one
    "integer": ("integer", whole),
    "bigint": ("bigint", lambda value: isinstance(value, str) and value.lstrip("-").isdigit()),
    "double": ("double", number),
    "currency": ("double", number),
    "percent": ("double", number),
    "date": ("date", day),
    "boolean": ("boolean", lambda value: isinstance(value, bool)),
    "lookup": ("jsonobject", reference),
    "ownerlookup": ("jsonobject", reference),
    "layout": ("jsonobject", reference),
    "what": ("jsonobject", reference),
    "parent": ("jsonobject", reference),
    "module": ("string", lambda value: isinstance(value, str)),
}


def check_row(values: Row, fields: Mapping[str, Row]) -> None:
    """Raises for the first field that is not known, not writable, or holds what it cannot."""
    for name, value in values.items():
        if name not in fields:  # the real one overlooks it; here it would hide a mistake of ours
            raise invalid(name, "the field is not there")
        row = fields[name]
        if row["read_only"] or row["field_read_only"]:
            raise invalid(name, "the field cannot be written")
        if value is not None:
            check_value(name, value, row)


def check_value(name: str, value: Any, row: Row) -> None:
    kind = row["data_type"]
    if kind in TEXTS:
        if not isinstance(value, str):
            raise invalid(name, expected_data_type="string")
        if len(value) > row["length"]:
            raise invalid(name, maximum_length=row["length"])
    elif kind in KINDS:
        expected, fits = KINDS[kind]
        if not fits(value):
            raise invalid(name, expected_data_type=expected)
    elif kind == "multiselectpicklist" and not isinstance(value, list):
        raise invalid(name, expected_data_type="jsonarray")
    elif row["pick_list_values"]:
        chosen = value if isinstance(value, list) else [value]
        known = {one["actual_value"] for one in row["pick_list_values"]}
        if not all(isinstance(one, str) and one in known for one in chosen):
            raise invalid(name)


def check_mandatory(values: Row, fields: Mapping[str, Row]) -> None:
    for name, row in fields.items():
        if (row["system_mandatory"] or row["_required"]) and values.get(name) in (None, ""):
            raise Refused("MANDATORY_NOT_FOUND", "required field not found", {"api_name": name})


def moment(text: str) -> datetime | None:
    """A moment with its offset, as Zoho wants them: no Z, no parts of a second."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _is_day(text: str) -> bool:
    return bool(date.fromisoformat(text))
