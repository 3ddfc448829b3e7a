"""Definitions of fields: those that every company has, and those that its people added."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.zoho.answers import Refused

Row = dict[str, Any]
LENGTHS = {"text": 255, "textarea": 32_000, "email": 100, "phone": 30, "website": 450, "picklist": 120}
LOST_REASONS = ("Expectation Mismatch", "Price", "Unqualified Customer", "Lack of response", "Missed Follow Ups")
STATUSES = ("Not Started", "In Progress", "Completed")
MOST_UNIQUE = 2  # fields of a module
TIMES = [
    ("Created Time", "Created_Time", "datetime", {"read_only": True}),
    ("Modified Time", "Modified_Time", "datetime", {"read_only": True}),
]
BUILT_IN: dict[str, list[tuple[str, str, str, Row]]] = {
    "Deals": [
        ("Deal Name", "Deal_Name", "text", {"system_mandatory": True, "length": 120}),
        ("Account Name", "Account_Name", "lookup", {"_to": "Accounts"}),
        ("Deal Owner", "Owner", "ownerlookup", {}),
        ("Amount", "Amount", "currency", {}),
        ("Currency", "Currency", "picklist", {}),
        ("Closing Date", "Closing_Date", "date", {}),
        ("Layout", "Layout", "layout", {}),
        ("Pipeline", "Pipeline", "picklist", {"system_mandatory": True}),
        ("Stage", "Stage", "picklist", {"system_mandatory": True}),
        ("Next Step", "Next_Step", "text", {"length": 100}),
        ("Description", "Description", "textarea", {}),
        ("Expected Revenue", "Expected_Revenue", "currency", {"field_read_only": True}),
        ("Reason For Loss", "Reason_For_Loss__s", "picklist", {"_options": LOST_REASONS}),
        *TIMES,
    ],
    "Accounts": [
        ("Account Name", "Account_Name", "text", {"system_mandatory": True, "length": 200}),
        ("Account Owner", "Owner", "ownerlookup", {}),
        ("Website", "Website", "website", {}),
        ("Description", "Description", "textarea", {}),
        *TIMES,
    ],
    "Notes": [
        ("Note Title", "Note_Title", "text", {"length": 120}),
        ("Note Content", "Note_Content", "textarea", {"system_mandatory": True, "length": 65_535}),
        ("Parent ID", "Parent_Id", "parent", {"system_mandatory": True}),
        *TIMES,
    ],
    "Tasks": [
        ("Subject", "Subject", "text", {"system_mandatory": True}),
        ("Due Date", "Due_Date", "date", {}),
        ("Task Owner", "Owner", "ownerlookup", {}),
        ("Related To", "What_Id", "what", {}),
        ("Module", "$se_module", "module", {}),
        ("Status", "Status", "picklist", {"_options": STATUSES}),
        ("Description", "Description", "textarea", {}),
        *TIMES,
    ],
}


@dataclass(slots=True)
class Definitions:
    """Fields by module, as settings/fields shows them; `_` before what it does not show."""

    fields: dict[str, list[Row]] = field(default_factory=dict)
    _last: int = 0

    def __post_init__(self) -> None:
        for module, rows in BUILT_IN.items():
            self.fields[module] = [self._row(label, name, kind, more) for label, name, kind, more in rows]

    def add(self, module: str, label: str, data_type: str = "text", options: Sequence[str] = (), **more: Any) -> Row:
        """A field that people made. Its API name comes of its label; `unique` as Zoho has it."""
        if any(row["field_label"].casefold() == label.casefold() for row in self.fields[module]):
            raise Refused("DUPLICATE_DATA", "duplicate field label", {"api_name": "field_label"})
        if more.get("unique") and len([row for row in self.fields[module] if row["unique"]]) >= MOST_UNIQUE:
            raise Refused("LIMIT_EXCEEDED", "unique field limit exceeded", {"api_name": "unique"})
        name = self._free_name(module, label)
        row = self._row(label, name, data_type, {"custom_field": True, "_options": tuple(options), **more})
        self.fields[module].append(row)
        return row

    def named(self, module: str, label: str) -> Row:
        return next(row for row in self.fields[module] if row["field_label"] == label)

    def by_name(self, module: str) -> dict[str, Row]:
        return {row["api_name"]: row for row in self.fields[module]}

    def _free_name(self, module: str, label: str) -> str:
        name = re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_") or "Field"
        name = name if name[0].isalpha() else f"Field_{name}"
        taken = set(self.by_name(module))
        return next(one for one in (name, *(f"{name}_{n}" for n in range(1, 10_000))) if one not in taken)

    def _row(self, label: str, name: str, data_type: str, more: Row) -> Row:
        self._last += 1
        options = more.get("_options") or ()
        return {
            "id": f"57257670000000{self._last:05}", "field_label": label, "display_label": label, "api_name": name,
            "data_type": data_type, "length": LENGTHS.get(data_type, 20), "custom_field": False, "visible": True,
            "read_only": False, "field_read_only": False, "virtual_field": False, "system_mandatory": False,
            "unique": {}, "external": None, "_required": False,
            "pick_list_values": [
                {"display_value": one, "actual_value": one, "id": f"57257670000001{self._last:03}{n:02}"}
                for n, one in enumerate(options)
            ],
            **{name: value for name, value in more.items() if name != "_options"},
        }  # fmt: skip
