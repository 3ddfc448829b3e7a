"""API v2 takes nothing but the right JSON types, and says which field is wrong."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sandbox.server import Refusal

Kind = Callable[[Any], bool]


def failure(status: int, error: str, field: str | None = None) -> Refusal:
    body = {"success": False, "error": error, "error_info": "Please check developers.pipedrive.com"}
    if field is not None:
        body["field_code"] = field
    return Refusal(status, {**body, "data": None, "additional_data": None})


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def day(value: Any) -> bool:
    try:
        return (
            isinstance(value, str)
            and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
            and bool(date.fromisoformat(value))
        )
    except ValueError:
        return False


def table(value: Any) -> bool:
    return isinstance(value, dict)


def flag(value: Any) -> bool:
    return value in (0, 1) and not isinstance(value, bool)


DEAL: Mapping[str, Kind] = {
    "title": text,
    "value": number,
    "currency": text,
    "org_id": whole,
    "owner_id": whole,
    "pipeline_id": whole,
    "stage_id": whole,
    "expected_close_date": day,
    "custom_fields": table,
}
ORGANISATION: Mapping[str, Kind] = {"name": text, "owner_id": whole, "custom_fields": table}
FIELD: Mapping[str, Kind] = {"field_name": text, "field_type": text}
NOTE: Mapping[str, Kind] = {
    "content": lambda value: isinstance(value, str) and bool(value),
    "deal_id": whole,
    "org_id": whole,
    "pinned_to_deal_flag": flag,
}


def checked(body: Any, kinds: Mapping[str, Kind], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The body, if Pipedrive would take it."""
    if not isinstance(body, dict):
        raise failure(400, "Request body must be a JSON object")
    for name in required:
        if name not in body:
            raise failure(400, f"Field '{name}' is required", name)
    for name, value in body.items():
        if name not in kinds:
            raise failure(400, f"Field '{name}' is not known", name)
        if not kinds[name](value):
            raise failure(400, f"Field '{name}' has a wrong value or type", name)
    return body


def check_custom(values: Mapping[str, Any], known: set[str]) -> None:
    for code, value in values.items():
        if code not in known:
            raise failure(400, f"Custom field '{code}' does not exist", code)
        if value is not None and not text(value):
            raise failure(400, f"Custom field '{code}' takes a text of at most 255 characters", code)
