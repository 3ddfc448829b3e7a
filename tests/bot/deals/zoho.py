"""Zoho as the tests of pushing deals see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.zoho import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer
from sandbox.zoho.answers import Row
from tests.bot.deals.vendors import OUR_KEY, Seen, SeenTask

ROOT = "/crm/v8"
BUILT_IN = {"title": "Deal_Name", "value": "Amount"}
STAGES = {"Qualified": "Qualification"}  # as the tests call it, and as Zoho does


@dataclass
class ZohoVendor:
    """Zoho's sandbox, whose key field people made."""

    server: ZohoServer
    kind: str = "zoho"
    name: str = "Zoho"
    calls: Sequence[str] = (
        f"GET {ROOT}/users",
        f"POST {ROOT}/coql",
        f"POST {ROOT}/Accounts",
        f"POST {ROOT}/Deals",
        f"POST {ROOT}/Notes",
        f"POST {ROOT}/Tasks",
        f"GET {ROOT}/org",
        f"GET {ROOT}/settings/fields",
        f"GET {ROOT}/settings/layouts",
        f"GET {ROOT}/settings/pipeline",
    )
    # account by domain and by name, account; a look at the key field; deal, note; then our deals
    known_push: Sequence[str] = (*("POST",) * 3, "GET", *("POST",) * 3)
    reads: Mapping[str, str] = field(
        default_factory=lambda: {
            "deal": f"GET {ROOT}/Deals/*",
            "deals": f"POST {ROOT}/coql",
            "tasks": f"POST {ROOT}/coql",
        }
    )
    writes: Mapping[str, str] = field(
        default_factory=lambda: {
            "organisation": f"POST {ROOT}/Accounts",
            "deal": f"POST {ROOT}/Deals",
            "note": f"POST {ROOT}/Notes",
            "task": f"POST {ROOT}/Tasks",
            "amendment": f"PUT {ROOT}/Deals/*",
            "update": f"PUT {ROOT}/Notes/*",
        }
    )

    def __post_init__(self) -> None:
        self.records = self.server.records
        self.records.definitions.add("Deals", OUR_KEY, unique={"casesensitive": "true"})

    @property
    def given(self) -> Mapping[str, str]:
        return {
            "ZOHO_CLIENT_ID": CLIENT_ID,
            "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
            "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
            "ZOHO_ACCOUNTS_URL": self.server.url,
        }

    def settled(self) -> None:
        self.server.wait_until_quiet()

    def set_up_again(self) -> None:
        """The key field stays: nobody but people and `headroom doctor --fix` make it."""

    def lag_search(self, by: timedelta) -> None:
        self.records.search_lag = by

    def refuse_key(self, refused: bool) -> None:
        self.server.access.revoke()
        self.server.access.refresh = "revoked" if refused else REFRESH_TOKEN

    def refusal(self, field: str, code: str) -> dict[str, Any]:  # noqa: ARG002  # Zoho tells no label
        details = {"api_name": code}
        row = {
            "code": "MANDATORY_NOT_FOUND",
            "details": details,
            "message": "required field not found",
            "status": "error",
        }
        return {"data": [row]}

    def organisations(self, name: str) -> list[str]:
        return [id_ for id_, row in self.records.rows["Accounts"].items() if row["Account_Name"] == name]

    def deals(self, organisation: str) -> list[Seen]:
        rows = self.records.rows["Deals"].values()
        return [self._seen(row) for row in rows if row["Account_Name"]["id"] == organisation]

    def notes(self, deal: str) -> list[str]:
        rows = (row for row in self.records.rows["Notes"].values() if row["Parent_Id"]["id"] == deal)
        texts = (f"{row['Note_Title']}\n{row['Note_Content']}" for row in rows)
        return [text.translate(str.maketrans("\u2039\u203a", "<>")) for text in texts]

    def tasks(self) -> list[SeenTask]:
        kinds = {"Deals": "deal", "Accounts": "organisation"}
        return [
            SeenTask(
                row["Subject"],
                date.fromisoformat(row["Due_Date"]),
                self._user(row),
                (kinds[row["$se_module"]], row["What_Id"]["id"]),
            )
            for row in self.records.rows["Tasks"].values()
        ]

    def add_organisation(self, name: str) -> str:
        return str(self.records.add("Accounts", {"Account_Name": name})["id"])

    def move_organisation(self, organisation: str) -> str:
        held = self.records.rows["Accounts"]
        new = str(max(int(one) for one in held) + 6)
        held[new] = {**held.pop(organisation), "id": new}
        return new

    def add_deal(self, organisation: str, title: str, owner: str = "Rep One", key: str | None = None) -> str:
        made = self.server.people.add(title, organisation, "Upsell", 900)
        made.update({"Owner": self._owner(owner), self._code(OUR_KEY): key})
        return str(made["id"])

    def add_field(self, name: str, kind: str = "text") -> None:
        self.records.definitions.add("Deals", name, {"number": "double"}.get(kind, kind))

    def edit(self, deal: str, name: str, value: str | Decimal) -> None:
        held: Any = float(value) if isinstance(value, Decimal) else value
        if name == "owner":
            self.server.people.assign(deal, self._owner(str(value))["id"])
        elif name == "stage":
            stage = STAGES.get(str(value), value)
            rows = self.records.pipelines.rows
            of = next(row for row in rows if stage in [one["actual_value"] for one in row["maps"]])
            self.records.change("Deals", deal, {"Pipeline": of["actual_value"], "Stage": stage})
        elif name in BUILT_IN:
            self.records.change("Deals", deal, {BUILT_IN[name]: float(value) if name == "value" else held})
        else:
            self.server.people.edit(deal, name, held)

    def close(self, deal: str, won: bool = True) -> None:
        end = self.server.people.win if won else self.server.people.lose
        end(deal)

    def remove(self, deal: str, how: str = "deleted") -> None:  # noqa: ARG002  # there is no archive
        self.server.people.delete(deal)

    def remove_notes(self) -> None:
        self.records.rows["Notes"].clear()

    def user(self, name: str) -> str:
        return str(self._owner(name)["id"])

    def add_user(self, name: str, email: str) -> str:
        number = len(self.records.users) + 1
        self.records.users.append(
            {"id": f"5725767000000{number:06}", "full_name": name, "email": email, "status": "active"}
        )
        return str(self.records.users[-1]["id"])

    def deactivate(self, user: str) -> None:
        next(row for row in self.records.users if row["id"] == user)["status"] = "disabled"

    def _seen(self, row: Row) -> Seen:
        custom = [one for one in self.records.definitions.fields["Deals"] if one["custom_field"]]
        held = {one["field_label"]: row.get(one["api_name"]) for one in custom}
        key = held.pop(OUR_KEY, None)
        return Seen(
            id=row["id"],
            title=row["Deal_Name"],
            owner=self._user(row),
            value=None if row.get("Amount") is None else Decimal(str(row["Amount"])),
            currency=row["Currency"],
            stage=row["Stage"],
            closes=date.fromisoformat(row["Closing_Date"]) if row.get("Closing_Date") else None,
            key=key,
            fields={name: str(value) for name, value in held.items() if value is not None},
        )

    def _user(self, row: Row) -> str:
        return str(next(one["full_name"] for one in self.records.users if one["id"] == row["Owner"]["id"]))

    def _owner(self, name: str) -> Row:
        return {"id": next(one["id"] for one in self.records.users if one["full_name"] == name)}

    def _code(self, label: str) -> str:
        return str(self.records.definitions.named("Deals", label)["api_name"])
