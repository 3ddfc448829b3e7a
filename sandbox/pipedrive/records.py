"""What this Pipedrive company holds, and which of it a list or the search index shows."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.model import Clock
from sandbox.pipedrive.strictness import failure

Row = dict[str, Any]
UNSAFE_HTML = re.compile(r"<(script|style|iframe)\b.*?</\1>", re.IGNORECASE | re.DOTALL)


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
    fields: dict[str, list[Row]] = field(default_factory=lambda: {"deal": [], "organization": []})
    organizations: dict[int, Row] = field(default_factory=dict)
    deals: dict[int, Row] = field(default_factory=dict)
    notes: dict[int, Row] = field(default_factory=dict)

    def add_field(self, kind: str, name: str, field_type: str = "varchar") -> Row:
        row = {
            "field_name": name,
            "field_code": secrets.token_hex(20),
            "field_type": field_type,
            "is_custom_field": True,
        }
        self.fields[kind].append(row)
        return row

    def codes(self, kind: str) -> set[str]:
        return {row["field_code"] for row in self.fields[kind]}

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
            "expected_close_date": None, "custom_fields": {},
        }  # fmt: skip
        return self.add(
            self.deals, {**defaults, **values, "stage_id": stage["id"], "pipeline_id": stage["pipeline_id"]}
        )

    def deal(self, id_: int) -> Row:
        """A deal that can still be edited."""
        row = self.deals.get(id_)
        if row is None or row["is_deleted"]:
            raise failure(404, "Deal not found")
        if row["is_archived"]:
            raise failure(403, "Archived deals can not be edited")
        return row

    def check_references(self, values: Row) -> None:
        """What is pointed at has to be there, and people have to be active."""
        there = {
            "org_id": set(self.organizations),
            "owner_id": {row["id"] for row in self.users if row["active_flag"]},
            "currency": set(self.currencies),
            "deal_id": set(self.deals),
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


def shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_")}
