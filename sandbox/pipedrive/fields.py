"""Definitions of fields: those that every company has, and those that its people added."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
BUILT_IN = {
    "deal": [
        ("Title", "title", "varchar"),
        ("Value", "value", "monetary"),
        ("Organization", "org_id", "org"),
        ("Pipeline", "pipeline", "double"),
        ("Stage", "stage_id", "stage"),
        ("Status", "status", "status"),
        ("Owner", "owner_id", "user"),
        ("Expected close date", "expected_close_date", "date"),
        ("Lost reason", "lost_reason", "varchar_options"),
    ],
    "organization": [("Name", "name", "varchar"), ("Owner", "owner_id", "user"), ("Website", "website", "varchar")],
}


@dataclass(slots=True)
class Fields:
    """Custom fields by the kind of record, oldest first."""

    custom: dict[str, list[Row]] = field(default_factory=lambda: {"deal": [], "organization": []})
    _options: int = 0

    def add(self, kind: str, name: str, field_type: str = "varchar", options: Sequence[str] = ()) -> Row:
        row = _definition(name, secrets.token_hex(20), field_type, custom=True)
        if options:
            row["options"] = [self._option(label) for label in options]
        self.custom[kind].append(row)
        return row

    def require(self, row: Row, stage_ids: Sequence[int] = ()) -> None:
        """People have to fill it in the web application; the API is not held to it."""
        row["required_fields"] = {"enabled": True, "stage_ids": list(stage_ids), "statuses": {}}

    def by_code(self, kind: str) -> dict[str, Row]:
        return {row["field_code"]: row for row in self.custom[kind]}

    def listed(self, kind: str, extras: Sequence[str] = ()) -> list[Row]:
        """What a list shows; the requirements only if they are asked for."""
        rows = [_definition(*one, custom=False) for one in BUILT_IN[kind]] + self.custom[kind]
        left_out = {"required_fields"} - set(extras)
        return [{name: value for name, value in row.items() if name not in left_out} for row in rows]

    def _option(self, label: str) -> Row:
        self._options += 1
        return {"id": self._options, "label": label, "color": None}


def _definition(name: str, code: str, field_type: str, custom: bool) -> Row:
    return {
        "field_name": name,
        "field_code": code,
        "field_type": field_type,
        "options": None,
        "subfields": None,
        "is_custom_field": custom,
        "is_optional_response_field": False,
        "required_fields": {"enabled": False, "stage_ids": [], "statuses": {}},
    }
