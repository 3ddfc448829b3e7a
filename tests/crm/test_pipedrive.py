"""Pipedrive keeps the contract, and what is its own: paging, headers, fields, Cloudflare."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from crm import adapter
from crm.base import Crm, Invalid, PermissionDenied, Setup, Throttled
from sandbox import faults
from sandbox.pipedrive import TOKEN, PipedriveServer
from tests.crm.contract import SETUP, DealContract, draft
from tests.crm.grants import KeptGrants


@dataclass
class PipedriveVendor:
    server: PipedriveServer
    client: httpx.Client
    writes = ("POST /api/v2/organizations", "POST /api/v2/deals", "POST /api/v1/notes")

    def connect(self, setup: Setup, token: str | None = None) -> Crm:
        given = {"PIPEDRIVE_URL": self.server.url, "PIPEDRIVE_API_TOKEN": token or TOKEN}
        return adapter("pipedrive").connect(self.client, given, setup, KeptGrants())

    def organisations(self) -> list[str]:
        return [row["name"] for row in self.server.records.organizations.values()]

    def note_texts(self, deal_id: str) -> list[str]:
        return [row["content"] for row in self.server.records.notes.values() if row["deal_id"] == int(deal_id)]

    def currency(self, deal_id: str) -> str:
        return str(self.server.records.deals[int(deal_id)]["currency"])

    def stage(self, deal_id: str) -> tuple[str, str]:
        row, records = self.server.records.deals[int(deal_id)], self.server.records
        pipeline = next(each["name"] for each in records.pipelines if each["id"] == row["pipeline_id"])
        return pipeline, next(each["name"] for each in records.stages if each["id"] == row["stage_id"])

    def remove(self, deal_id: str) -> None:
        self.server.records.deals[int(deal_id)]["is_deleted"] = True

    def archive(self, deal_id: str) -> None:
        self.server.records.deals[int(deal_id)]["is_archived"] = True

    def lag_search(self, by: timedelta) -> None:
        self.server.records.search_lag = by


@pytest.fixture
def vendor() -> Iterator[PipedriveVendor]:
    with PipedriveServer() as server, httpx.Client() as client:
        yield PipedriveVendor(server, client)
        assert server.errors == []


class TestPipedrive(DealContract):
    """The contract as far as it is kept, against the sandbox's Pipedrive."""


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
