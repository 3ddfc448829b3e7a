"""The port `Crm` over Pipedrive."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from crm.base import (
    Ambiguous,
    Amendment,
    AuthFailed,
    CrmUser,
    DealDraft,
    DealRecord,
    Finding,
    Invalid,
    NotApplied,
    Note,
    Organisation,
    PermissionDenied,
    Setup,
)
from crm.pipedrive.api import PipedriveApi, Row
from crm.pipedrive.forms import (
    DealForm,
    amendment_row,
    draft_row,
    marker,
    note_html,
    note_lines,
    oldest,
    rfc3339,
    same,
    short,
)

DEALS, ORGANISATIONS, NOTES = "/api/v2/deals", "/api/v2/organizations", "/api/v1/notes"
T = TypeVar("T")


class Pipedrive:
    """The port `Crm` over Pipedrive. What names stand for is asked once and kept."""

    name = "Pipedrive"

    def __init__(self, api: PipedriveApi, setup: Setup) -> None:
        self.api = api
        self.deadline = api.deadline
        self.setup = setup
        self._known: dict[str, Any] = {}
        self._lock = threading.RLock()

    def check(self) -> list[Finding]:
        try:
            me = self.api.call("GET", "/api/v1/users/me")["data"]
        except AuthFailed as error:
            return [Finding(False, str(error), "copy the API token from Pipedrive: Personal preferences > API")]
        found = [Finding(True, f"signed in to {me['company_domain']}.pipedrive.com as {me['name']}")]
        return [*found, self._check_currency(), self._check_stage(), self._check_key_field()]

    def users(self) -> list[CrmUser]:
        rows = self.api.call("GET", "/api/v1/users").get("data") or ()
        return [CrmUser(str(row["id"]), row["name"], row["email"]) for row in rows if row["active_flag"]]

    def find_organisation(self, name: str, domain: str | None) -> Organisation | None:
        found = self._search_by_domain(domain) if domain else []
        return oldest(found) or oldest(self._search_by_name(name))

    def recall_organisation(self, name: str, since: datetime) -> Organisation | None:
        recent = self.api.pages(ORGANISATIONS, updated_since=rfc3339(since))
        return oldest([row for row in recent if same(row["name"], short(name))])

    def create_organisation(self, name: str, domain: str | None) -> Organisation:
        body: Row = {"name": short(name)}
        if domain and (field := self._domain_field()):
            body["custom_fields"] = {field: short(domain.casefold())}
        row = self.api.write("POST", ORGANISATIONS, body)
        return Organisation(str(row["id"]), row.get("name") or name)

    def find_deals_by_key(self, key: str, organisation_id: str, gone_too: bool = False) -> list[DealRecord]:
        form = self._form()
        lists: list[tuple[str, Row]] = [(DEALS, {})]
        if gone_too:  # lists leave them out unless asked
            lists += [("/api/v2/deals/archived", {}), (DEALS, {"status": "deleted"})]
        rows = {
            int(row["id"]): row
            for path, which in lists
            for row in self.api.pages(path, org_id=int(organisation_id), **which)
        }
        records = [form.read(rows[id_]) for id_ in sorted(rows)]
        return [record for record in records if record.key == key]

    def create_deal(self, draft: DealDraft) -> DealRecord:
        form = self._form()
        row = {**draft_row(draft, form.key_fields[0], self.setup.currency), **self._stage()}
        try:
            return form.read(self.api.write("POST", DEALS, row))
        except Invalid:
            self._forget()  # a stage or field may have been deleted and made anew
            raise

    def amend_deal(self, deal_id: str, amendment: Amendment) -> DealRecord:
        form = self._form()
        return form.read(self.api.write("PATCH", f"{DEALS}/{int(deal_id)}", amendment_row(amendment)))

    def get_deal(self, deal_id: str) -> DealRecord:
        return self._form().read(self.api.call("GET", f"{DEALS}/{int(deal_id)}")["data"])

    def find_note(self, deal_id: str, key: str) -> str | None:
        notes = self.api.numbered_pages(NOTES, deal_id=int(deal_id))
        ids = [int(row["id"]) for row in notes if marker(key) in note_lines(row["content"])]
        return str(min(ids)) if ids else None

    def create_note(self, deal_id: str, note: Note) -> str:
        body = {"content": note_html(note), "deal_id": int(deal_id), "pinned_to_deal_flag": 1}
        return str(self.api.write("POST", NOTES, body)["id"])

    def update_note(self, note_id: str, note: Note) -> None:
        self.api.write("PUT", f"{NOTES}/{int(note_id)}", {"content": note_html(note)})

    def _check_currency(self) -> Finding:
        codes = {row["code"] for row in self.api.call("GET", "/api/v1/currencies")["data"] if row["active_flag"]}
        known = self.setup.currency in codes
        fix = None if known else f"set [crm].currency to one of {', '.join(sorted(codes))}, or add it in Pipedrive"
        return Finding(known, f"currency {self.setup.currency}", fix)

    def _check_stage(self) -> Finding:
        try:
            self._forget()
            self._stage()
        except Invalid as error:
            return Finding(False, str(error), f"set [crm].{error.field}, or make it in Pipedrive")
        return Finding(True, f"pipeline {self.setup.pipeline or '(default)'}, stage {self.setup.stage or '(first)'}")

    def _check_key_field(self) -> Finding:
        if self._fields("deal", self.setup.key_field):
            return Finding(True, f"deal field '{self.setup.key_field}'")
        return Finding(True, f"deal field '{self.setup.key_field}' is missing; the first deal makes it")

    def _search_by_domain(self, domain: str) -> list[Row]:
        if not (field := self._domain_field()):
            return []
        where = {"entity_type": "organization", "field": field, "term": domain.casefold(), "match": "exact"}
        return [hit.get("item", hit) for hit in self.api.pages("/api/v2/itemSearch/field", **where)]

    def _search_by_name(self, name: str) -> list[Row]:
        where = {"term": short(name), "fields": "name", "exact_match": "true"}
        items = [hit["item"] for hit in self.api.pages(f"{ORGANISATIONS}/search", **where)]
        return [item for item in items if same(item["name"], short(name))]

    def _stage(self) -> Row:
        """pipeline_id and stage_id, as far as they are configured."""
        return self._once("stage", self._ask_stage)

    def _ask_stage(self) -> Row:
        ids: Row = {}
        if self.setup.pipeline:
            ids["pipeline_id"] = self._id_by_name("pipeline", "/api/v2/pipelines", self.setup.pipeline)
        if self.setup.stage:
            ids["stage_id"] = self._id_by_name("stage", "/api/v2/stages", self.setup.stage, **ids)
        return ids

    def _id_by_name(self, kind: str, path: str, name: str, **where: Any) -> int:
        rows = list(self.api.pages(path, **where))
        for row in rows:
            if same(row["name"], name):
                return int(row["id"])
        raise Invalid(f"Pipedrive has no {kind} '{name}'; it has: {', '.join(row['name'] for row in rows)}", kind)

    def _form(self) -> DealForm:
        """Asked for before a write: nothing may fail between a good answer and its reading."""
        return self._once("form", lambda: DealForm(self._company(), self._key_fields()))

    def _company(self) -> str:
        return str(self.api.call("GET", "/api/v1/users/me")["data"]["company_domain"])

    def _key_fields(self) -> list[str]:
        if codes := self._fields("deal", self.setup.key_field):
            return codes
        field = {"field_name": self.setup.key_field, "field_type": "varchar"}
        try:
            self.api.call("POST", "/api/v2/dealFields", body=field)
        except Ambiguous as error:  # no deal has been sent yet, and the next try looks for the field again
            raise NotApplied(str(error)) from error
        except PermissionDenied as error:
            where = "Company settings > Data fields > Deal"
            raise PermissionDenied(f"{error}. Add a text field '{self.setup.key_field}' under {where}") from error
        if codes := self._fields("deal", self.setup.key_field):
            return codes
        raise NotApplied(f"Pipedrive does not show the new deal field '{self.setup.key_field}' yet")

    def _domain_field(self) -> str | None:
        return self._once("domain", self._ask_domain_field) if self.setup.domain_field else None

    def _ask_domain_field(self) -> str:
        if codes := self._fields("organization", self.setup.domain_field or ""):
            return codes[0]
        raise Invalid(f"Pipedrive has no organisation field '{self.setup.domain_field}'", "domain_field")

    def _fields(self, kind: str, name: str) -> list[str]:
        rows = self.api.pages(f"/api/v2/{kind}Fields")
        return [row["field_code"] for row in rows if row["field_type"] == "varchar" and same(row["field_name"], name)]

    def _once(self, what: str, ask: Callable[[], T]) -> T:
        with self._lock:
            if what not in self._known:
                self._known[what] = ask()
            return cast(T, self._known[what])

    def _forget(self) -> None:
        with self._lock:
            self._known.clear()
