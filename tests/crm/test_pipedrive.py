"""Pipedrive keeps the contract, and what is its own: paging, headers, fields, Cloudflare."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crm import adapter
from crm.base import Crm, FieldKind, FieldValue, Invalid, PermissionDenied, Record, RecordKind, Setup, Throttled
from sandbox import faults
from sandbox.pipedrive import TOKEN, PipedriveServer
from sandbox.pipedrive.oauth import FIRST_REFRESH_TOKEN
from tests.crm.contract import SETUP, CrmContract, draft
from tests.crm.grants import KeptGrants

FIELD_TYPES: Mapping[FieldKind, str] = {
    "text": "varchar",
    "number": "double",
    "date": "date",
    "boolean": "boolean",
    "choice": "enum",
}


@dataclass
class PipedriveVendor:
    server: PipedriveServer
    client: httpx.Client
    clock: "Passing"
    writes = ("POST /api/v2/organizations", "POST /api/v2/deals", "POST /api/v1/notes")
    scopes = ("base", "users:read", "contacts:full", "deals:full", "activities:full")
    page = 500

    def connect(self, setup: Setup, token: str | None = None) -> Crm:
        given = {"PIPEDRIVE_URL": self.server.url, "PIPEDRIVE_API_TOKEN": token or TOKEN}
        return adapter("pipedrive").connect(self.client, given, setup, KeptGrants())

    def with_oauth(self, setup: Setup, grants: KeptGrants) -> Crm:
        name, secret = self.server.oauth.client
        given = {
            "PIPEDRIVE_URL": "http://127.0.0.1:1",  # not to be called: the grant tells where the API is
            "PIPEDRIVE_OAUTH_URL": self.server.url,
            "PIPEDRIVE_CLIENT_ID": name,
            "PIPEDRIVE_CLIENT_SECRET": secret,
            "PIPEDRIVE_REFRESH_TOKEN": FIRST_REFRESH_TOKEN,
        }
        return adapter("pipedrive").connect(self.client, given, setup, grants)

    def without(self, scope: str) -> Crm:
        self.server.oauth.install(self.server.scopes - {scope})
        return self.with_oauth(SETUP, KeptGrants())

    def organisations(self) -> list[str]:
        return [row["name"] for row in self.server.records.organizations.values()]

    def note_texts(self, deal_id: str) -> list[str]:
        return [row["content"] for row in self.server.records.notes.values() if row["deal_id"] == int(deal_id)]

    def task_subjects(self, parent: Record) -> list[str]:
        owner = {"deal": "deal_id", "organisation": "org_id"}[parent.kind]
        return [row["subject"] for row in self.server.records.activities.values() if row[owner] == int(parent.id)]

    def currency(self, deal_id: str) -> str:
        return str(self.server.records.deals[int(deal_id)]["currency"])

    def stage(self, deal_id: str) -> tuple[str, str]:
        row, records = self.server.records.deals[int(deal_id)], self.server.records
        pipeline = next(each["name"] for each in records.pipelines if each["id"] == row["pipeline_id"])
        return pipeline, next(each["name"] for each in records.stages if each["id"] == row["stage_id"])

    def hooks(self) -> list[str]:
        return [hook["subscription_url"] for hook in self.server.hooks.held.values()]

    def messages(self, deal_ids: Sequence[str]) -> list[tuple[Mapping[str, str], bytes]]:
        hooks, deals = self.server.hooks, self.server.records.deals
        (hook,) = hooks.held.values()
        events = [hooks.event(hook, "change", "deal", deals[int(one)], {"title": "before"}) for one in deal_ids]
        return [(hooks.headers(hook), json.dumps(event).encode()) for event in events]

    def lag_search(self, by: timedelta) -> None:
        self.server.records.search_lag = by

    def wait(self, by: timedelta) -> None:
        self.clock.ahead += by

    def crowd(self, kind: RecordKind, count: int, parent: Record | None = None) -> None:
        records, of = self.server.records, int(parent.id) if parent else None
        for number in range(count):
            match kind:
                case "organisation":
                    records.add_organization({"name": f"Company {number}"})
                case "deal":
                    records.add_deal({"title": f"Deal {number}", "org_id": of, "stage_id": 2})
                case "note":
                    records.add(records.notes, {"content": "x", "deal_id": of})
                case "task":
                    row = {"subject": "x", "deal_id": of, "org_id": None, "note": None, "is_deleted": False}
                    records.add(records.activities, row)

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = (), required: bool = False) -> None:
        definitions = self.server.records.definitions
        row = definitions.add("deal", name, FIELD_TYPES[kind], options)
        if required:
            definitions.require(row)

    def deal_by_hand(self, title: str, organisation_id: str, pipeline: str = "Upsell") -> str:
        ids = {row["name"]: row["id"] for row in self.server.records.pipelines}
        row = {"title": title, "org_id": int(organisation_id), "pipeline_id": ids[pipeline], "value": 700}
        return str(self.server.records.add_deal(row)["id"])

    def edit(self, deal_id: str, field: str, value: FieldValue) -> None:
        assert isinstance(value, str)
        self.server.people.edit(int(deal_id), field, value)

    def win(self, deal_id: str) -> None:
        self.server.people.win(int(deal_id))

    def lose(self, deal_id: str, reason: str) -> None:
        self.server.people.lose(int(deal_id), reason)

    def reopen(self, deal_id: str) -> None:
        self.server.people.reopen(int(deal_id))

    def remove(self, deal_id: str) -> None:
        self.server.people.delete(int(deal_id))

    def archive(self, deal_id: str) -> None:
        self.server.people.archive(int(deal_id))

    def merge(self, deal_id: str, into: str) -> None:
        self.server.people.merge(int(deal_id), int(into))

    def drop_hooks(self) -> None:
        self.server.hooks.held.clear()


@dataclass
class Passing:
    """The time of day, ahead as far as the test says."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def vendor() -> Iterator[PipedriveVendor]:
    clock = Passing()
    with PipedriveServer(clock) as server, httpx.Client() as client:
        yield PipedriveVendor(server, client, clock)
        assert server.errors == []


class TestPipedrive(CrmContract):
    """The contract, against the sandbox's Pipedrive."""


def test_the_key_field_is_made_once_and_found_by_name(vendor: PipedriveVendor) -> None:
    for _ in range(2):
        crm = vendor.connect(SETUP)
        crm.create_deal(draft(crm))
    assert [row["field_name"] for row in vendor.server.records.fields["deal"]] == ["Headroom key"]


def test_two_key_fields_left_by_a_race_are_both_read(vendor: PipedriveVendor) -> None:
    codes = [vendor.server.records.add_field("deal", "Headroom key")["field_code"] for _ in range(2)]
    crm = vendor.connect(SETUP)
    asked = draft(crm)
    for code in codes:
        vendor.server.records.add_deal(
            {"title": "x", "org_id": int(asked.organisation_id), "custom_fields": {code: "up:1"}}
        )
    assert len(crm.find_deals_by_key("up:1", asked.organisation_id)) == 2


def test_without_leave_to_make_the_key_field_the_fix_is_told(vendor: PipedriveVendor) -> None:
    vendor.server.faults.add("POST /api/v2/dealFields", faults.status(403))
    crm = vendor.connect(SETUP)
    with pytest.raises(PermissionDenied, match="Add a text field 'Headroom key'"):
        crm.create_deal(draft(crm))


def test_an_organisation_is_found_by_its_domain_first(vendor: PipedriveVendor) -> None:
    vendor.server.records.add_field("organization", "Domain")
    crm = vendor.connect(Setup(currency="EUR", domain_field="domain", deadline=0.5))
    made = crm.create_organisation("Acme Incorporated", "Acme.example")
    crm.create_organisation("Acme", None)
    assert crm.find_organisation("Acme", "acme.example") == made
    assert crm.find_organisation("Acme", "other.example") != made


def test_an_unknown_domain_field_is_named(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(Setup(currency="EUR", domain_field="Domain", deadline=0.5))
    with pytest.raises(Invalid, match="Domain"):
        crm.find_organisation("Acme", "acme.example")


def test_lists_are_read_to_their_end(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    asked = draft(crm)
    crm.create_deal(draft(crm, "up:first"))
    for number in range(1100):
        vendor.server.records.add_deal({"title": str(number), "org_id": int(asked.organisation_id)})
    made = crm.create_deal(asked)
    assert crm.find_deals_by_key("up:1", asked.organisation_id) == [made]
    for _ in range(1100):
        vendor.server.records.add(vendor.server.records.notes, {"content": "x", "deal_id": int(made.id)})
    assert crm.find_note(made.id, "up:1") is None
    assert [call.path for call in vendor.server.calls].count("/api/v1/notes") == 3


def test_the_burst_limit_is_told_by_pipedrives_own_header(vendor: PipedriveVendor) -> None:
    vendor.server.limits.burst = 2
    crm = vendor.connect(SETUP)
    crm.users()
    crm.users()
    with pytest.raises(Throttled) as caught:
        crm.users()
    assert 0 < caught.value.after <= 3


def test_a_spent_budget_waits_longer(vendor: PipedriveVendor) -> None:
    vendor.server.limits.budget = 0
    with pytest.raises(Throttled):
        vendor.connect(SETUP).users()


def test_cloudflares_page_is_throttling(vendor: PipedriveVendor) -> None:
    vendor.server.limits.burst = 0
    crm = vendor.connect(SETUP)
    waits = []
    for _ in range(8):
        with pytest.raises(Throttled) as caught:
            crm.users()
        waits.append(caught.value.after)
    assert waits[-1] == 60


def test_the_field_that_is_refused_is_named(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    asked = draft(crm)
    vendor.server.faults.add(
        "POST /api/v2/deals",
        faults.status(400, body={"success": False, "error": "Field 'Reason' is required", "field_code": "reason"}),
    )
    with pytest.raises(Invalid, match="Reason") as caught:
        crm.create_deal(asked)
    assert caught.value.field == "reason"
