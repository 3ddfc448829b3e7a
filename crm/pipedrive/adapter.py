"""The port `Crm` over Pipedrive."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

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
    Record,
    RecordKind,
    Setup,
    Task,
    Webhook,
)
from crm.pipedrive import hooks
from crm.pipedrive.api import PipedriveApi, Row
from crm.pipedrive.check import Check
from crm.pipedrive.company import Company
from crm.pipedrive.forms import note_html, note_lines, oldest, organisation, rfc3339, short, task_row
from crm.text import marker, same

DEALS, ORGANISATIONS, ACTIVITIES = "/api/v2/deals", "/api/v2/organizations", "/api/v2/activities"
NOTES, USERS = "/api/v1/notes", "/api/v1/users"
PATHS: Mapping[RecordKind, str] = {"deal": DEALS, "organisation": ORGANISATIONS, "note": NOTES, "task": ACTIVITIES}
PARENTS: Mapping[RecordKind, str] = {"deal": "deal_id", "organisation": "org_id"}


class Pipedrive:
    """The port `Crm` over Pipedrive. What names stand for is asked once and kept."""

    name = "Pipedrive"

    def __init__(self, api: PipedriveApi, setup: Setup) -> None:
        self.api = api
        self.deadline = api.deadline
        self.setup = setup
        self.company = Company(api, setup)

    def check(self) -> list[Finding]:
        return Check(self.api, self.setup).findings()

    def provision(self) -> list[Finding]:
        self.company.forget()
        return Check(self.api, self.setup).provided()

    def users(self) -> list[CrmUser]:
        rows = self.api.call("GET", USERS).get("data") or ()
        return [CrmUser(str(row["id"]), row["name"], row["email"]) for row in rows if row["active_flag"]]

    def deal_fields(self) -> list[DealField]:
        stage = None
        with suppress(Invalid):  # a wrong name of a stage is for others to tell
            stage = self.company.place().get("stage_id")
        return [field.described(stage) for field in self.company.deal_fields()]

    def find_organisation(self, name: str, domain: str | None) -> Organisation | None:
        found = self._search_by_domain(domain) if domain else []
        return oldest(found) or oldest(self._search_by_name(name))

    def recall_organisation(self, name: str, since: datetime) -> Organisation | None:
        recent = self.api.pages(ORGANISATIONS, updated_since=rfc3339(since))
        return oldest([row for row in recent if same(row["name"], short(name))])

    def create_organisation(self, name: str, domain: str | None) -> Organisation:
        body: Row = {"name": short(name)}
        if domain and (field := self.company.domain_field()):
            body["custom_fields"] = {field: short(domain.casefold())}
        row = self.api.write("POST", ORGANISATIONS, body)
        return Organisation(str(row["id"]), row.get("name") or name)

    def organisations(self, ids: Iterable[str]) -> list[Organisation]:
        field = self.company.domain_field()
        rows = self.api.by_id(ORGANISATIONS, list(ids))
        return [organisation(row, field) for row in rows if not row.get("is_deleted")]

    def find_deals_by_key(self, key: str, organisation_id: str, gone_too: bool = False) -> list[DealRecord]:
        form = self.company.form()
        lists: list[tuple[str, Row]] = [(DEALS, {})]
        if gone_too:  # lists leave them out unless asked
            lists += [(f"{DEALS}/archived", {}), (DEALS, {"status": "deleted"})]
        rows = {
            int(row["id"]): row
            for path, which in lists
            for row in self.api.pages(path, org_id=int(organisation_id), **which)
        }
        records = [form.read(rows[id_]) for id_ in sorted(rows)]
        return [record for record in records if record.key == key]

    def open_deals(self, organisation_id: str | None = None) -> list[DealRecord]:
        pipeline = self.company.pipeline()
        if pipeline is None:
            return []
        form = self.company.form()
        where = {} if organisation_id is None else {"org_id": int(organisation_id)}
        return [form.read(row) for row in self.api.pages(DEALS, status="open", pipeline_id=pipeline, **where)]

    def create_deal(self, draft: DealDraft) -> DealRecord:
        fields = self.company.encoded(draft.fields)
        form = self.company.form(writing=True)
        return form.read(self._write("POST", DEALS, {**form.new(draft, fields), **self.company.place()}))

    def amend_deal(self, deal_id: str, amendment: Amendment) -> DealRecord:
        """There is no precondition to send: the version is compared right before the write."""
        fields = self.company.encoded(amendment.fields)
        form = self.company.form(writing=amendment.key is not None)
        row = form.changed(amendment, fields)
        if amendment.version is not None or not row:
            record = self.get_deal(deal_id)
            if not row:
                return record
            if not record.editable:
                raise NotFound(f"Pipedrive's deal '{record.title}' was deleted or archived")
            if record.version != amendment.version:
                raise Changed(f"Somebody changed Pipedrive's deal '{record.title}' meanwhile")
        return form.read(self._write("PATCH", f"{DEALS}/{int(deal_id)}", row))

    def get_deal(self, deal_id: str) -> DealRecord:
        return self.company.form().read(self.api.call("GET", f"{DEALS}/{int(deal_id)}")["data"])

    def get_deals(self, deal_ids: Sequence[str]) -> list[DealRecord]:
        if not deal_ids:
            return []
        form = self.company.form()
        records = (form.read(row) for row in self.api.by_id(DEALS, deal_ids))
        return [record for record in records if record.editable]

    def find_note(self, deal_id: str, key: str) -> str | None:
        notes = self.api.numbered_pages(NOTES, deal_id=int(deal_id))
        ids = [int(row["id"]) for row in notes if marker(key) in note_lines(row["content"])]
        return str(min(ids)) if ids else None

    def create_note(self, deal_id: str, note: Note) -> str:
        body = {"content": note_html(note), "deal_id": int(deal_id), "pinned_to_deal_flag": 1}
        return str(self.api.write("POST", NOTES, body)["id"])

    def update_note(self, note_id: str, note: Note) -> None:
        self.api.write("PUT", f"{NOTES}/{int(note_id)}", {"content": note_html(note)})

    def find_task(self, parent: Record, key: str) -> str | None:
        tasks = self.api.pages(ACTIVITIES, **{PARENTS[parent.kind]: int(parent.id)})
        ids = [int(row["id"]) for row in tasks if marker(key) in note_lines(row.get("note"))]
        return str(min(ids)) if ids else None

    def create_task(self, parent: Record, task: Task) -> str:
        body = {**task_row(task, self.company.task_type()), PARENTS[parent.kind]: int(parent.id)}
        return str(self._write("POST", ACTIVITIES, body)["id"])

    def remove(self, record: Record) -> None:
        self.api.remove(f"{PATHS[record.kind]}/{int(record.id)}")

    def ensure_webhook(self, hook: Webhook, now: datetime) -> datetime | None:  # noqa: ARG002  # ours do not run out
        hooks.ensure(self.api, hook)
        return None

    def parse_webhook(self, hook: Webhook, headers: Mapping[str, str], body: bytes) -> list[str]:
        return hooks.deal_ids(hook, headers, body)

    def _write(self, method: str, path: str, body: Row) -> Row:
        """As `PipedriveApi.write`; a refusal names the field as people do."""
        try:
            return self.api.write(method, path, body)
        except Invalid as error:
            name = self.company.name_of(error.field) if error.field else None
            self.company.forget()  # a stage, field or option may have been deleted and made anew
            if name is None or error.field is None:
                raise
            raise Invalid(str(error).replace(error.field, name), name) from error

    def _search_by_domain(self, domain: str) -> list[Row]:
        if not (field := self.company.domain_field()):
            return []
        where = {"entity_type": "organization", "field": field, "term": domain.casefold(), "match": "exact"}
        return [hit.get("item", hit) for hit in self.api.pages("/api/v2/itemSearch/field", **where)]

    def _search_by_name(self, name: str) -> list[Row]:
        where = {"term": short(name), "fields": "name", "exact_match": "true"}
        items = [hit["item"] for hit in self.api.pages(f"{ORGANISATIONS}/search", **where)]
        return [item for item in items if same(item["name"], short(name))]
