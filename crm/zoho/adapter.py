"""The port `Crm` over Zoho."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from crm.base import (
    Amendment,
    Changed,
    CrmUser,
    DealDraft,
    DealField,
    DealRecord,
    Finding,
    Invalid,
    Note,
    NotFound,
    Organisation,
    PermissionDenied,
    Record,
    RecordKind,
    Setup,
    Task,
    Webhook,
)
from crm.text import domain_of, same
from crm.zoho import coql, hooks
from crm.zoho.api import Duplicate, Row, ZohoApi, checked_id
from crm.zoho.check import Check
from crm.zoho.company import Company
from crm.zoho.forms import (
    LONGEST_NAME,
    DealForm,
    has_mark,
    is_same_moment,
    moment,
    note_row,
    oldest,
    organisation,
    short,
    task_row,
)

DEALS, ACCOUNTS, NOTES, TASKS = "/Deals", "/Accounts", "/Notes", "/Tasks"
PATHS: Mapping[RecordKind, str] = {"deal": DEALS, "organisation": ACCOUNTS, "note": NOTES, "task": TASKS}
NAME = "Account_Name"
HIDDEN = "Restore it from the recycle bin, or let Headroom's user see it, then push again."


class Zoho:
    """The port `Crm` over Zoho. What names stand for is asked once and kept."""

    name = "Zoho"

    def __init__(self, api: ZohoApi, setup: Setup, home: str) -> None:
        self.api = api
        self.deadline = api.deadline
        self.setup = setup
        self.company = Company(api, setup, home)

    def check(self) -> list[Finding]:
        return Check(self.api, self.setup, self.company.home).findings()

    def provision(self) -> list[Finding]:
        self.company.forget()
        return Check(self.api, self.setup, self.company.home).provided()

    def users(self) -> list[CrmUser]:
        rows = self.api.pages("/users", under="users", type="ActiveUsers")
        people = [row for row in rows if row.get("status") == "active" and row.get("email")]
        return [CrmUser(str(row["id"]), str(row.get("full_name") or row["email"]), row["email"]) for row in people]

    def deal_fields(self) -> list[DealField]:
        fields, demanded = self.company.fillable(), self._demanded()
        return [field.described(field.required or field.code in demanded) for field in fields]

    def find_organisation(self, name: str, domain: str | None) -> Organisation | None:
        field, wanted = self.company.domain_field(), domain_of(domain)
        rows = self._accounts(coql.contains(field, wanted)) if wanted and "." in wanted else []
        by_domain = [row for row in rows if domain_of(row.get(field)) == wanted]
        if by_domain:
            return oldest(by_domain, field)
        rows = self._accounts(coql.equals(NAME, short(name, LONGEST_NAME)))
        return oldest((row for row in rows if same(row[NAME], short(name, LONGEST_NAME))), field)

    def recall_organisation(self, name: str, since: datetime) -> Organisation | None:
        field, found = self.company.domain_field(), list[Row]()
        wanted = f"{NAME},{field},Modified_Time"
        for row in self.api.pages(ACCOUNTS, fields=wanted, sort_by="Modified_Time", sort_order="desc"):
            if moment(row["Modified_Time"]) < since.replace(microsecond=0):
                break
            if same(row[NAME], short(name, LONGEST_NAME)):
                found.append(row)
        return oldest(found, field)

    def create_organisation(self, name: str, domain: str | None) -> Organisation:
        field = self.company.domain_field()
        row: Row = {NAME: short(name, LONGEST_NAME)}
        if domain:
            row[field] = short(domain.casefold())
        try:
            written = self.api.write("POST", ACCOUNTS, row)
        except Duplicate as error:  # names or domains are unique here, and a query may not have known it yet
            if error.field not in row:
                raise
            return organisation(self.api.one(ACCOUNTS, error.id, f"{NAME},{field}"), field)
        return organisation({**row, "id": written["id"]}, field)

    def organisations(self, ids: Iterable[str]) -> list[Organisation]:
        field = self.company.domain_field()
        rows = self.api.by_id(ACCOUNTS, list(ids), f"{NAME},{field}")
        return [organisation(row, field) for row in rows]

    def find_deals_by_key(self, key: str, organisation_id: str, gone_too: bool = False) -> list[DealRecord]:  # noqa: ARG002  # see below
        """A key is unique whatever the organisation. Of deleted deals Zoho shows names and no other field, so that
        they cannot be found by a key."""
        form = self.company.form()
        found = (form.read(row) for row in self._deals(form, [coql.equals(form.key, key)]))
        return [record for record in found if record.key == key]

    def open_deals(self, organisation_id: str | None = None) -> list[DealRecord]:
        if not self.setup.pipeline:
            return []
        form = self.company.form()
        pipeline = form.places.pipeline(self.setup.pipeline)
        stages = [stage.code for stage in pipeline.stages if stage.outcome == "open"]
        if not stages:
            return []
        conditions: list[str | None] = [coql.one_of("Stage", stages)]
        if form.places.has_pipelines:
            conditions.append(f"Pipeline = {coql.quoted(pipeline.code)}")
        if organisation_id is not None:
            conditions.append(f"{NAME} = {coql.quoted(checked_id(organisation_id))}")
        return [form.read(row) for row in self._deals(form, conditions)]

    def create_deal(self, draft: DealDraft) -> DealRecord:
        self.company.look_again()
        fields = self.company.encoded(draft.fields)
        form = self.company.form()
        row = form.new(draft, fields, self.company.place())
        try:
            written = self._write("POST", DEALS, row)
        except Duplicate as error:
            if error.field != form.key:
                raise self._named(error) from error
            return self._holder(error.id, draft.key)
        return form.read({**row, "id": written["id"], "Modified_Time": written.get("Modified_Time")})

    def amend_deal(self, deal_id: str, amendment: Amendment) -> DealRecord:
        """Read first: what comes back after the write then needs no call that could fail."""
        fields = self.company.encoded(amendment.fields)
        form = self.company.form()
        row = form.changed(amendment, fields)
        before = self.api.one(DEALS, deal_id, ",".join(form.columns))
        record = form.read(before)
        if not row:
            return record
        if amendment.version is not None and not is_same_moment(record.version, amendment.version):
            raise Changed(f"Somebody changed Zoho's deal '{record.title}' meanwhile")
        headers = {"If-Unmodified-Since": amendment.version} if amendment.version is not None else None
        try:
            written = self._write("PUT", f"{DEALS}/{checked_id(deal_id)}", row, headers)
        except Duplicate as error:
            raise self._named(error) from error
        return form.read({**before, **row, "Modified_Time": written.get("Modified_Time")})

    def get_deal(self, deal_id: str) -> DealRecord:
        """One that is deleted is shown no more."""
        form = self.company.form()
        return form.read(self.api.one(DEALS, deal_id, ",".join(form.columns)))

    def get_deals(self, deal_ids: Sequence[str]) -> list[DealRecord]:
        if not deal_ids:
            return []
        form = self.company.form()
        return [form.read(row) for row in self.api.by_id(DEALS, deal_ids, ",".join(form.columns))]

    def find_note(self, deal_id: str, key: str) -> str | None:
        notes = self.api.pages(f"{DEALS}/{checked_id(deal_id)}{NOTES}", fields="Note_Content")
        ids = [int(row["id"]) for row in notes if has_mark(row.get("Note_Content"), key)]
        return str(min(ids)) if ids else None

    def create_note(self, deal_id: str, note: Note) -> str:
        parent = {"module": {"api_name": "Deals"}, "id": checked_id(deal_id)}
        return str(self.api.write("POST", NOTES, {**note_row(note), "Parent_Id": parent})["id"])

    def update_note(self, note_id: str, note: Note) -> None:
        self.api.write("PUT", f"{NOTES}/{checked_id(note_id)}", note_row(note))

    def find_task(self, parent: Record, key: str) -> str | None:
        of_parent = [f"What_Id = {coql.quoted(checked_id(parent.id))}"]
        tasks = coql.every_row(self.api.query, ("id", "Description"), "Tasks", of_parent)
        return next((str(row["id"]) for row in tasks if has_mark(row.get("Description"), key)), None)

    def create_task(self, parent: Record, task: Task) -> str:
        module: Literal["Deals", "Accounts"] = "Deals" if parent.kind == "deal" else "Accounts"
        return str(self.api.write("POST", TASKS, task_row(task, checked_id(parent.id), module))["id"])

    def remove(self, record: Record) -> None:
        self.api.remove(PATHS[record.kind], record.id)

    def ensure_webhook(self, hook: Webhook, now: datetime) -> datetime | None:
        return hooks.ensure(self.api, hook, now)

    def parse_webhook(self, hook: Webhook, headers: Mapping[str, str], body: bytes) -> list[str]:  # noqa: ARG002  # Zoho tells it in the body
        return hooks.deal_ids(hook, body)

    def _accounts(self, condition: str | None) -> list[Row]:
        """None: there is no way to ask."""
        if condition is None:
            return []
        columns = dict.fromkeys(("id", NAME, self.company.domain_field()))
        return list(coql.every_row(self.api.query, columns, "Accounts", [condition]))

    def _deals(self, form: DealForm, conditions: list[str | None]) -> Iterable[Row]:
        known = [condition for condition in conditions if condition is not None]
        return coql.every_row(self.api.query, form.columns, "Deals", known) if known else ()

    def _holder(self, identity: str, key: str) -> DealRecord:
        """The deal that has our key already; it stays as it is."""
        try:
            record = self.get_deal(identity)
        except NotFound as error:
            raise PermissionDenied(f"Zoho has this deal, but does not show it to us. {HIDDEN}") from error
        if record.key != key:  # a field may be unique whatever the case of its letters
            raise Invalid(f"Zoho takes our key for that of the deal '{record.title}'", self.setup.key_field)
        return record

    def _demanded(self) -> frozenset[str]:
        places = self.company.places()
        try:
            return places.demanded[self.company.place().layout]
        except Invalid:  # a wrong name of a stage is for others to tell
            return frozenset()

    def _write(self, method: str, path: str, row: Row, headers: Mapping[str, str] | None = None) -> Row:
        """As `ZohoApi.write`; a refusal names the field as people do."""
        try:
            return self.api.write(method, path, row, headers=headers)
        except Duplicate:
            raise
        except Invalid as error:
            raise self._named(error) from error

    def _named(self, error: Invalid) -> Invalid:
        name = self.company.name_of(error.field) if error.field else None
        self.company.forget()  # a stage, field or option may have been deleted and made anew
        if name is None or error.field is None:
            return Invalid(str(error), error.field)
        return Invalid(str(error).replace(error.field, name), name)
