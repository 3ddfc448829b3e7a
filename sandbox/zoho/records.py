"""What this Zoho company holds: its people, its pipelines, and its records with their rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from bot.model import Clock
from sandbox.zoho import strictness
from sandbox.zoho.answers import Refused, Row, invalid
from sandbox.zoho.definitions import Definitions
from sandbox.zoho.pipelines import Pipelines

HOME = timezone(timedelta(hours=5, minutes=30))  # times are told in the company's own zone
MODULES = ("Deals", "Accounts", "Notes", "Tasks")
Tell = Callable[[str, str, list[str]], None]


def stamp(moment: datetime) -> str:
    return moment.astimezone(HOME).isoformat(timespec="seconds")


def user(number: int, name: str, email: str, active: bool = True) -> Row:
    status = "active" if active else "disabled"
    return {"id": f"5725767000000{number:06}", "full_name": name, "email": email, "status": status}


def default_users() -> list[Row]:
    return [
        user(1, "Rep One", "rep.one@vendor.example"),
        user(2, "Rep Two", "Rep.Two@Vendor.example"),
        user(3, "Former Rep", "former@vendor.example", active=False),
    ]


@dataclass(slots=True)
class Records:
    """Rows by module and id, with what only the company's own database knows under a leading underscore.

    Queries learn of a new record `search_lag` late: whether the real ones do is not documented.
    """

    clock: Clock
    company: str = "Sandbox"
    zgid: str = "60012345678"
    search_lag: timedelta = timedelta(0)
    users: list[Row] = field(default_factory=default_users)
    currencies: tuple[str, ...] = ("EUR", "USD", "GBP")  # the first is the company's own
    definitions: Definitions = field(default_factory=Definitions)
    pipelines: Pipelines = field(default_factory=Pipelines)
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {module: {} for module in MODULES})
    deleted: dict[str, list[Row]] = field(default_factory=lambda: {module: [] for module in MODULES})
    tell: Tell = lambda *_: None  # nobody listens
    _last: int = 524_000

    def add(self, module: str, values: Row) -> Row:
        """Raises Refused if Zoho would."""
        given = {"Owner": {"id": self.users[0]["id"]}, **values} if "Owner" in self._fields(module) else dict(values)
        strictness.check_row(given, self._fields(module))
        strictness.check_mandatory(given, self._fields(module))
        self._check(module, given)
        self._last += 1
        now = stamp(self.clock())
        hidden = {"_indexed_at": self.clock() + self.search_lag}
        row = {**given, "id": f"5725767000000{self._last}", "Created_Time": now, "Modified_Time": now, **hidden}
        self.rows[module][row["id"]] = row
        self.tell(module, "insert", [row["id"]])
        return row

    def change(self, module: str, identity: str, values: Row, unmodified_since: datetime | None = None) -> Row:
        row = self.rows[module].get(identity)
        if row is None:
            raise Refused("INVALID_DATA", "the id given seems to be invalid", {"id": identity, "api_name": "id"})
        if unmodified_since is not None and datetime.fromisoformat(row["Modified_Time"]) > unmodified_since:
            raise Refused("ALREADY_MODIFIED", "record has been already modified", {"id": identity}, status=412)
        strictness.check_row(values, self._fields(module))
        after = {**row, **values}
        strictness.check_mandatory(after, self._fields(module))
        self._check(module, after)
        row.update(values, Modified_Time=stamp(self.clock()))
        self.tell(module, "update", [identity])
        return row

    def delete(self, module: str, identity: str) -> None:
        row = self.rows[module].pop(identity, None)
        if row is None:
            raise Refused("INVALID_DATA", "record not deleted", {"id": identity, "api_name": "id"})
        name = row.get("Deal_Name") or row.get("Account_Name") or row.get("Subject") or ""
        gone = {"id": identity, "display_name": name, "type": "recycle", "deleted_time": stamp(self.clock())}
        self.deleted[module].append(gone)
        self.tell(module, "delete", [identity])

    def indexed(self, module: str) -> Iterator[Row]:
        """What a query sees by now."""
        now = self.clock()
        return (row for row in self.rows[module].values() if row["_indexed_at"] <= now)

    def shown(self, row: Row, columns: list[str]) -> Row:
        """The columns that were asked for, and the id; lookups with the names of what they point at."""
        return {"id": row["id"], **{name: self._named(row.get(name)) for name in columns if name != "id"}}

    def active(self) -> list[Row]:
        return [row for row in self.users if row["status"] == "active"]

    def _fields(self, module: str) -> dict[str, Row]:
        return self.definitions.by_name(module)

    def _named(self, value: Any) -> Any:
        if not isinstance(value, dict) or "id" not in value:
            return value
        people = {row["id"]: row["full_name"] for row in self.users}
        of = value["id"]
        account, deal = self.rows["Accounts"].get(of), self.rows["Deals"].get(of)
        name = people.get(of) or (account and account["Account_Name"]) or (deal and deal["Deal_Name"])
        return {**value, "name": name}

    def _check(self, module: str, values: Row) -> None:
        """What is pointed at has to be there, people have to be active, unique is unique."""
        if (owner := values.get("Owner")) and owner["id"] not in {row["id"] for row in self.active()}:
            raise invalid("Owner", "the owner given seems to be invalid")
        for name, targets in (
            ("Account_Name", ("Accounts",)),
            ("What_Id", ("Deals", "Accounts")),
            ("Parent_Id", MODULES),
        ):
            target = values.get(name)
            if isinstance(target, dict) and not any(target["id"] in self.rows[one] for one in targets):
                raise invalid(name, "the related record is not there")
        if values.get("What_Id") and values.get("$se_module") not in ("Deals", "Accounts"):
            raise Refused(
                "DEPENDENT_FIELD_MISSING", "dependent field missing", {"dependee": {"api_name": "$se_module"}}
            )
        if module == "Notes" and not (values["Parent_Id"].get("module") or {}).get("api_name"):
            raise invalid("Parent_Id", "the module of the parent is missing")
        if module == "Deals":
            if values.get("Currency") not in (None, *self.currencies):
                raise invalid("Currency")
            self.pipelines.check(values)
        self._check_unique(module, values)

    def _check_unique(self, module: str, values: Row) -> None:
        for name, definition in self._fields(module).items():
            value = values.get(name)
            if not definition["unique"] or value in (None, ""):
                continue
            exact = str(definition["unique"].get("casesensitive")).casefold() == "true"
            for other in self.rows[module].values():
                theirs = other.get(name)
                if other["id"] != values.get("id") and theirs and _equal(value, theirs, exact):
                    held = {"Owner": other.get("Owner"), "id": other["id"]}
                    details = {"api_name": name, "duplicate_record": held, "json_path": f"$.data[0].{name}"}
                    raise Refused("DUPLICATE_DATA", "duplicate data", {**details, "id": other["id"]})


def _equal(one: str, other: str, exact: bool) -> bool:
    return one == other if exact else one.casefold() == other.casefold()
