"""The API takes nothing but the right JSON types, and says which field is wrong."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sandbox.server import Refusal

Kind = Callable[[Any], bool]
CURRENCY = re.compile(r"[A-Z]{3}")


def failure(status: int, error: str, field: str | None = None) -> Refusal:
    body = {"success": False, "error": error, "error_info": "Please check developers.pipedrive.com"}
    if field is not None:
        body["field_code"] = field
    return Refusal(status, {**body, "data": None, "additional_data": None})


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def boolean(value: Any) -> bool:
    return isinstance(value, bool)


def text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def long_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 65_000


def day(value: Any) -> bool:
    try:
        return (
            isinstance(value, str)
            and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
            and bool(date.fromisoformat(value))
        )
    except ValueError:
        return False


def money(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"value", "currency"}
        and number(value["value"])
        and isinstance(value["currency"], str)
        and CURRENCY.fullmatch(value["currency"]) is not None
    )


def table(value: Any) -> bool:
    return isinstance(value, dict)


def flag(value: Any) -> bool:
    return value in (0, 1) and not isinstance(value, bool)


def one_of(*values: str) -> Kind:
    return lambda value: value in values


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
FIELD_TYPES: Mapping[str, Kind] = {  # of custom fields; enum and set are checked against their options
    "varchar": text,
    "varchar_auto": text,
    "phone": text,
    "text": long_text,
    "double": number,
    "monetary": money,
    "date": day,
    "boolean": boolean,
    "user": whole,
    "org": whole,
    "people": whole,
}
FIELD: Mapping[str, Kind] = {
    "field_name": text,
    "field_type": one_of(*(set(FIELD_TYPES) - {"boolean"}), "enum", "set", "address", "time", "timerange", "daterange"),
    "options": lambda value: isinstance(value, list) and all(set(one) == {"label"} for one in value),
}
PIPELINE: Mapping[str, Kind] = {"name": text, "is_deal_probability_enabled": boolean}
STAGE: Mapping[str, Kind] = {"name": text, "pipeline_id": whole, "deal_probability": whole}
NOTE: Mapping[str, Kind] = {
    "content": lambda value: isinstance(value, str) and bool(value),
    "deal_id": whole,
    "org_id": whole,
    "pinned_to_deal_flag": flag,
}
ACTIVITY: Mapping[str, Kind] = {
    "subject": text,
    "type": text,
    "owner_id": whole,
    "deal_id": whole,
    "org_id": whole,
    "due_date": day,
    "done": boolean,
    "note": long_text,
}
WEBHOOK: Mapping[str, Kind] = {
    "subscription_url": text,
    "event_action": one_of("create", "change", "delete", "*"),
    "event_object": one_of(
        "activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*"
    ),
    "name": text,
    "user_id": whole,
    "http_auth_user": text,
    "http_auth_password": text,
    "version": one_of("1.0", "2.0"),
}  # fmt: skip


def checked(body: Any, kinds: Mapping[str, Kind], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The body, if Pipedrive would take it."""
    if not isinstance(body, dict):
        raise failure(400, "Request body must be a JSON object")
    for name in required:
        if name not in body:
            raise failure(400, f"Field '{name}' is required", name)
    for name, value in body.items():
        if name not in kinds:
            raise failure(400, f"Validation failed: {name}: Parameter '{name}' is not allowed for this request", name)
        if not kinds[name](value):
            raise failure(400, f"Field '{name}' has a wrong value or type", name)
    return body


def check_custom(values: Mapping[str, Any], fields: Mapping[str, dict[str, Any]]) -> None:
    """`fields` are the definitions by their code; null empties any of them."""
    for code, value in values.items():
        if code not in fields:
            raise failure(400, f"Custom field '{code}' does not exist", code)
        if value is not None and not _fits(fields[code], value):
            raise failure(400, f"Custom field '{code}' takes no such {fields[code]['field_type']}", code)


def _fits(field: Mapping[str, Any], value: Any) -> bool:
    known = {option["id"] for option in field["options"] or ()}
    match field["field_type"]:
        case "enum":
            return whole(value) and value in known
        case "set":
            return isinstance(value, list) and bool(value) and all(whole(one) and one in known for one in value)
        case kind:
            return FIELD_TYPES.get(kind, text)(value)
