"""What this Pipedrive company holds, and what holds it together."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.model import Clock
from sandbox.pipedrive.fields import Fields
from sandbox.pipedrive.strictness import failure

Row = dict[str, Any]
Told = Callable[[str, str, Row, Row], None]  # action, entity, the row as it is, what it was where that differs
UNSAFE_HTML = re.compile(r"<(script|style|iframe)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
BIN = timedelta(days=30)  # how long a deleted deal can still be seen


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def default_users() -> list[Row]:
    return [
        user(1, "Rep One", "rep.one@vendor.example"),
        user(2, "Rep Two", "Rep.Two@Vendor.example"),
        user(3, "Former Rep", "former@vendor.example", active=False),
    ]


def user(id_: int, name: str, email: str, active: bool = True) -> Row:
    return {"id": id_, "name": name, "email": email, "active_flag": active}


def activity_type(id_: int, name: str, active: bool = True) -> Row:
    return {"id": id_, "name": name, "key_string": name.lower(), "order_nr": id_, "active_flag": active}


@dataclass(slots=True)
class Records:
    """Rows by kind, each with what only the company's own database knows under a leading underscore."""

    clock: Clock
    company_domain: str = "sandbox"
    search_lag: timedelta = timedelta(0)
    users: list[Row] = field(default_factory=default_users)
    currencies: tuple[str, ...] = ("EUR", "USD", "GBP")
    pipelines: list[Row] = field(default_factory=lambda: [{"id": 1, "name": "Sales"}, {"id": 2, "name": "Upsell"}])
    stages: list[Row] = field(
        default_factory=lambda: [
            {"id": 1, "name": "Qualified", "pipeline_id": 1},
            {"id": 2, "name": "Usage signal", "pipeline_id": 2},
            {"id": 3, "name": "Negotiation", "pipeline_id": 2},
        ]
    )
    activity_types: list[Row] = field(
        default_factory=lambda: [activity_type(1, "Call"), activity_type(2, "Meeting"), activity_type(3, "Fax", False)]
    )
    definitions: Fields = field(default_factory=Fields)
    organizations: dict[int, Row] = field(default_factory=dict)
    deals: dict[int, Row] = field(default_factory=dict)
    notes: dict[int, Row] = field(default_factory=dict)
    activities: dict[int, Row] = field(default_factory=dict)
    tell: Told = lambda *_: None  # who hears of what changes

    @property
    def fields(self) -> dict[str, list[Row]]:
        """Custom fields by the kind of record."""
        return self.definitions.custom

    def add_field(self, kind: str, name: str, field_type: str = "varchar", options: Sequence[str] = ()) -> Row:
        return self.definitions.add(kind, name, field_type, options)

    def add(self, rows: dict[int, Row], row: Row) -> Row:
        now = stamp(self.clock())
        new = {"id": max(rows, default=0) + 1, **row, "add_time": now, "update_time": now}
        rows[new["id"]] = new
        return new

    def change(self, row: Row, values: Row) -> Row:
        custom = {**row.get("custom_fields", {}), **values.get("custom_fields", {})}
        row.update(values, update_time=stamp(self.clock()))
        if custom:
            row["custom_fields"] = custom
        return row

    def add_organization(self, values: Row) -> Row:
        row = {"owner_id": 1, "is_deleted": False, "custom_fields": {}, **values}
        return self.add(self.organizations, {**row, "_indexed_at": self.clock() + self.search_lag})

    def add_deal(self, values: Row) -> Row:
        stage = self._stage(values)
        defaults: Row = {
            "value": 0, "currency": "EUR", "creator_user_id": 1, "owner_id": 1, "person_id": None, "org_id": None,
            "status": "open", "is_archived": False, "is_deleted": False, "lost_reason": None, "won_time": None,
            "lost_time": None, "expected_close_date": None, "custom_fields": {},
        }  # fmt: skip
        deal = self.add(
            self.deals, {**defaults, **values, "stage_id": stage["id"], "pipeline_id": stage["pipeline_id"]}
        )
        self.tell("create", "deal", deal, {})
        return deal

    def change_deal(self, deal: Row, values: Row) -> Row:
        before = dict(deal)
        if "stage_id" in values or "pipeline_id" in values:
            stage = self._stage(values)
            values = {**values, "stage_id": stage["id"], "pipeline_id": stage["pipeline_id"]}
        self.change(deal, values)
        previous = {name: before.get(name) for name in deal if before.get(name) != deal[name]}
        self.tell("delete" if deal["is_deleted"] else "change", "deal", deal, previous)
        return deal

    def delete_deal(self, deal: Row) -> None:
        self.change_deal(deal, {"is_deleted": True, "_deleted_at": self.clock()})

    def visible_deal(self, id_: int) -> Row:
        """Also one that is archived, or has been deleted for no more than a month."""
        row = self.deals.get(id_)
        if row is None or self.clock() - row.get("_deleted_at", self.clock()) > BIN:
            raise failure(404, "Deal not found")
        return row

    def deal(self, id_: int) -> Row:
        """A deal that can still be edited."""
        row = self.visible_deal(id_)
        if row["is_deleted"]:
            raise failure(404, "Deal not found")
        if row["is_archived"]:
            raise failure(403, "Archived deals can not be edited")
        return row

    def check_references(self, values: Row) -> None:
        """What is pointed at has to be there, and people have to be active."""
        there = {
            "org_id": {id_ for id_, row in self.organizations.items() if not row["is_deleted"]},
            "owner_id": {row["id"] for row in self.users if row["active_flag"]},
            "currency": set(self.currencies),
            "deal_id": set(self.deals),
            "type": {row["key_string"] for row in self.activity_types if row["active_flag"]},
        }
        for name, known in there.items():
            if name in values and values[name] not in known:
                raise failure(400, f"Field '{name}' points at nothing: {values[name]}", name)
        self._stage(values)

    def _stage(self, values: Row) -> Row:
        pipeline, stage = values.get("pipeline_id"), values.get("stage_id")
        if pipeline is not None and pipeline not in {row["id"] for row in self.pipelines}:
            raise failure(400, f"Pipeline {pipeline} does not exist", "pipeline_id")
        for row in self.stages:
            if row["id"] == stage or (stage is None and row["pipeline_id"] == (pipeline or 1)):
                if pipeline is not None and row["pipeline_id"] != pipeline:
                    break
                return row
        raise failure(400, f"Stage {stage} is not in pipeline {pipeline}", "stage_id")


def sanitised(content: str) -> str:
    """Pipedrive cleans the HTML of notes; exactly how is not documented."""
    return UNSAFE_HTML.sub("", content)
