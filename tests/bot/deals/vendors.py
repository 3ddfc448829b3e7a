"""The CRMs of the tests of pushing deals: what a test has to know of each sandbox, and what people do in it."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sandbox.pipedrive import TOKEN, PipedriveServer
from sandbox.server import Server


@dataclass(frozen=True, slots=True)
class Seen:
    """A deal as people see it in the CRM."""

    id: str
    title: str
    owner: str  # by name
    value: Decimal | None
    currency: str
    stage: str
    closes: date | None
    key: str | None
    fields: Mapping[str, str]  # those that hold something, as people read them


@dataclass(frozen=True, slots=True)
class SeenTask:
    """A task, and the deal or organisation that it hangs on."""

    subject: str
    due: date
    owner: str
    on: tuple[str, str]


class Vendor(Protocol):
    """A sandbox CRM. Reps One and Two are active there, with the addresses of the tests' Slack."""

    kind: str
    name: str
    calls: Sequence[str]  # fault patterns of every call of a first push, in any order
    writes: Mapping[str, str]  # fault patterns by what is written: organisation, deal, note, task, amendment, update
    reads: Mapping[str, str]  # fault patterns by what is read: one deal, our deals, tasks
    known_push: Sequence[str]  # the methods of all calls of a push, once names are known

    @property
    def server(self) -> Server: ...

    @property
    def given(self) -> Mapping[str, str]:
        """Settings and secrets, as `connect` wants them."""

    def settled(self) -> None:
        """Returns when no call is under way: one that its caller gave up may still be applied."""

    def set_up_again(self) -> None:
        """As if our key field had never been made."""

    def lag_search(self, by: timedelta) -> None: ...
    def refuse_key(self, refused: bool) -> None: ...
    def refusal(self, field: str, code: str) -> dict[str, Any]:
        """The body of an answer that refuses a deal for one of its fields."""

    def organisations(self, name: str) -> list[str]: ...
    def deals(self, organisation: str) -> list[Seen]: ...
    def notes(self, deal: str) -> list[str]:
        """As people read them."""

    def tasks(self) -> list[SeenTask]: ...
    def add_organisation(self, name: str) -> str: ...
    def move_organisation(self, organisation: str) -> str:
        """It was merged into another one, whose id this is."""

    def add_deal(self, organisation: str, title: str, owner: str = "Rep One", key: str | None = None) -> str:
        """An open deal of the pipeline, made by hand or, with a key, as we would have made it."""

    def add_field(self, name: str, kind: str = "text") -> None: ...
    def edit(self, deal: str, name: str, value: str | Decimal) -> None:
        """A person changes title, value, owner, stage or a field."""

    def close(self, deal: str, won: bool = True) -> None: ...
    def remove(self, deal: str, how: str = "deleted") -> None:
        """`how` is "deleted" or "archived"."""

    def remove_notes(self) -> None: ...
    def user(self, name: str) -> str: ...
    def add_user(self, name: str, email: str) -> str: ...
    def deactivate(self, user: str) -> None: ...


@dataclass
class PipedriveVendor:
    """Pipedrive's sandbox."""

    server: PipedriveServer
    kind: str = "pipedrive"
    name: str = "Pipedrive"
    calls: Sequence[str] = (
        "GET /api/v1/users",
        "GET /api/v2/organizations/search",
        "POST /api/v2/organizations",
        "GET /api/v1/users/me",
        "GET /api/v2/dealFields",
        "POST /api/v2/dealFields",
        "GET /api/v2/pipelines",
        "GET /api/v2/stages",
        "POST /api/v2/deals",
        "POST /api/v1/notes",
        "GET /api/v2/deals",
        "GET /api/v1/activityTypes",
        "POST /api/v2/activities",
    )
    known_push: Sequence[str] = ("GET", "POST", "POST", "POST", "GET")
    reads: Mapping[str, str] = field(
        default_factory=lambda: {
            "deal": "GET /api/v2/deals/*",
            "deals": "GET /api/v2/deals*",
            "tasks": "GET /api/v2/activities*",
        }
    )
    writes: Mapping[str, str] = field(
        default_factory=lambda: {
            "organisation": "POST /api/v2/organizations",
            "deal": "POST /api/v2/deals",
            "note": "POST /api/v1/notes",
            "task": "POST /api/v2/activities",
            "amendment": "PATCH /api/v2/deals/*",
            "update": "PUT /api/v1/notes/*",
        }
    )

    def __post_init__(self) -> None:
        self.records = self.server.records
        self.server.limits.burst = self.server.limits.budget = 1_000_000  # the tests' clock stands still

    @property
    def given(self) -> Mapping[str, str]:
        return {"PIPEDRIVE_URL": self.server.url, "PIPEDRIVE_API_TOKEN": TOKEN}

    def settled(self) -> None:
        self.server.wait_until_quiet()

    def set_up_again(self) -> None:
        self.records.fields["deal"][:] = [row for row in self.records.fields["deal"] if row["field_name"] != OUR_KEY]

    def lag_search(self, by: timedelta) -> None:
        self.records.search_lag = by

    def refuse_key(self, refused: bool) -> None:
        self.server.limits.tokens.clear()
        if not refused:
            self.server.limits.tokens.add(TOKEN)

    def refusal(self, field: str, code: str) -> dict[str, Any]:
        return {"success": False, "error": f"Field '{field}' is required", "field_code": code}

    def organisations(self, name: str) -> list[str]:
        return [str(id_) for id_, row in self.records.organizations.items() if row["name"] == name]

    def deals(self, organisation: str) -> list[Seen]:
        rows = self.records.deals.values()
        return [self._seen(row) for row in rows if str(row["org_id"]) == organisation and not row["is_deleted"]]

    def notes(self, deal: str) -> list[str]:
        rows = (row for row in self.records.notes.values() if str(row["deal_id"]) == deal)
        return [html.unescape(re.sub(r"</p>|<br[^>]*>", "\n", row["content"])) for row in rows]

    def tasks(self) -> list[SeenTask]:
        return [
            SeenTask(
                row["subject"],
                date.fromisoformat(row["due_date"]),
                self._user(row["owner_id"]),
                ("deal", str(row["deal_id"])) if row.get("deal_id") else ("organisation", str(row["org_id"])),
            )
            for row in self.records.activities.values()
        ]

    def add_organisation(self, name: str) -> str:
        return str(self.records.add_organization({"name": name})["id"])

    def move_organisation(self, organisation: str) -> str:
        held = self.records.organizations
        new = max(held) + 6
        held[new] = {**held.pop(int(organisation)), "id": new}
        return str(new)

    def add_deal(self, organisation: str, title: str, owner: str = "Rep One", key: str | None = None) -> str:
        custom = {self._code(OUR_KEY): key} if key else {}
        owner_id = next(row["id"] for row in self.records.users if row["name"] == owner)
        where = {"org_id": int(organisation), "pipeline_id": 2, "owner_id": owner_id}
        return str(self.records.add_deal({"title": title, "value": 900, "custom_fields": custom, **where})["id"])

    def add_field(self, name: str, kind: str = "text") -> None:
        self.records.add_field("deal", name, {"text": "varchar", "number": "double", "date": "date"}[kind])

    def edit(self, deal: str, name: str, value: str | Decimal) -> None:
        row = self.records.deals[int(deal)]
        match name:
            case "title":
                change: dict[str, Any] = {"title": value}
            case "value":
                change = {"value": float(value)}
            case "owner":
                change = {"owner_id": next(one["id"] for one in self.records.users if one["name"] == value)}
            case "stage":
                change = {"stage_id": next(one["id"] for one in self.records.stages if one["name"] == value)}
            case _:
                held = float(value) if isinstance(value, Decimal) else value
                change = {"custom_fields": {self._code(name): held}}
        self.records.change_deal(row, change)

    def close(self, deal: str, won: bool = True) -> None:
        end = self.server.people.win if won else self.server.people.lose
        end(int(deal))

    def remove(self, deal: str, how: str = "deleted") -> None:
        end = {"deleted": self.server.people.delete, "archived": self.server.people.archive}[how]
        end(int(deal))

    def remove_notes(self) -> None:
        self.records.notes.clear()

    def user(self, name: str) -> str:
        return str(next(row["id"] for row in self.records.users if row["name"] == name))

    def add_user(self, name: str, email: str) -> str:
        id_ = len(self.records.users) + 1
        self.records.users.append({"id": id_, "name": name, "email": email, "active_flag": True})
        return str(id_)

    def deactivate(self, user: str) -> None:
        next(row for row in self.records.users if str(row["id"]) == user)["active_flag"] = False

    def _seen(self, row: Mapping[str, Any]) -> Seen:
        names = {one["field_code"]: one["field_name"] for one in self.records.fields["deal"]}
        held = {names[code]: str(value) for code, value in row["custom_fields"].items() if value is not None}
        stages = {one["id"]: one["name"] for one in self.records.stages}
        return Seen(
            id=str(row["id"]),
            title=row["title"],
            owner=self._user(row["owner_id"]),
            value=None if row["value"] is None else Decimal(str(row["value"])),
            currency=row["currency"],
            stage=stages[row["stage_id"]],
            closes=date.fromisoformat(row["expected_close_date"]) if row["expected_close_date"] else None,
            key=held.pop(OUR_KEY, None),
            fields=held,
        )

    def _user(self, id_: int) -> str:
        return str(next(row["name"] for row in self.records.users if row["id"] == id_))

    def _code(self, field: str) -> str:
        rows = self.records.fields["deal"]
        found = next((row for row in rows if row["field_name"] == field), None)
        return str((found or self.records.add_field("deal", field))["field_code"])


OUR_KEY = "Headroom key"
