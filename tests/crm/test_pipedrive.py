"""Pipedrive keeps the contract, and what is its own: paging, headers, fields, Cloudflare."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest

from crm import adapter
from crm.base import (
    Amendment,
    AuthFailed,
    Crm,
    FieldKind,
    FieldValue,
    Invalid,
    NotFound,
    PermissionDenied,
    Record,
    RecordKind,
    Setup,
    Task,
    Throttled,
    Webhook,
)
from sandbox import faults
from sandbox.pipedrive import TOKEN, PipedriveServer
from sandbox.pipedrive.oauth import FIRST_REFRESH_TOKEN
from sandbox.pipedrive.records import activity_type
from sandbox.server import Request, Response, Server
from sandbox.world import eventually
from tests.crm.clock import Passing
from tests.crm.contract import HOOK, SETUP, CrmContract, draft
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
    clock: Passing
    writes = ("POST /api/v2/organizations", "POST /api/v2/deals", "POST /api/v1/notes")
    scopes = ("base", "users:read", "contacts:full", "deals:full", "activities:full")
    page = 500
    looks_before_a_deal = 0

    def connect(self, setup: Setup, token: str | None = None) -> Crm:
        given = {"PIPEDRIVE_URL": self.server.url, "PIPEDRIVE_API_TOKEN": token or TOKEN}
        return adapter("pipedrive").connect(self.client, given, setup, KeptGrants())

    def with_oauth(self, setup: Setup, grants: KeptGrants, url: str = "https://api.pipedrive.com") -> Crm:
        """The usual address is not called: the grant tells where the API is."""
        name, secret = self.server.oauth.client
        given = {
            "PIPEDRIVE_URL": url,
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


def test_who_reads_makes_no_field_and_finds_that_of_another(vendor: PipedriveVendor) -> None:
    theirs = vendor.connect(SETUP)
    asked = draft(theirs)
    by_hand = vendor.deal_by_hand("by hand", asked.organisation_id)
    reader = vendor.connect(SETUP)
    vendor.server.forget_calls()
    assert [deal.id for deal in reader.open_deals()] == [by_hand]
    assert [deal.key for deal in reader.get_deals([by_hand])] == [None]
    assert reader.find_deals_by_key("up:1", asked.organisation_id) == []
    assert {call.method for call in vendor.server.calls} == {"GET"}
    made = theirs.create_deal(asked)
    assert reader.find_deals_by_key("up:1", asked.organisation_id) == [made]
    reader.amend_deal(by_hand, Amendment(key="up:2"))
    assert [row["field_name"] for row in vendor.server.records.fields["deal"]] == ["Headroom key"]


def test_a_deal_can_be_adopted_before_one_was_made(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    by_hand = vendor.deal_by_hand("by hand", draft(crm).organisation_id)
    assert crm.amend_deal(by_hand, Amendment(key="up:1")).key == "up:1"


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


def test_a_refused_field_goes_by_the_name_that_people_see(vendor: PipedriveVendor) -> None:
    vendor.add_field("Plan", "text")
    crm = vendor.connect(replace(SETUP, fields=("Plan",)))
    asked, code = draft(crm), vendor.server.records.fields["deal"][0]["field_code"]
    crm.create_deal(asked)
    refusal = {"success": False, "error": f"Field '{code}' is no good", "field_code": code}
    vendor.server.faults.add("POST /api/v2/deals", faults.status(400, body=refusal))
    with pytest.raises(Invalid, match="'Plan' is no good") as caught:
        crm.create_deal(replace(asked, fields={"Plan": "x"}))
    assert caught.value.field == "Plan"


@pytest.mark.parametrize(
    ("kind", "given", "held", "read"),
    [
        ("monetary", Decimal("12.50"), {"value": 12.5, "currency": "EUR"}, Decimal("12.5")),
        ("set", "EU", [1], "EU"),
        ("text", "x" * 300, "x" * 300, "x" * 300),
        ("phone", "+49 30 1", "+49 30 1", "+49 30 1"),
    ],
)
def test_types_of_pipedrives_own(
    vendor: PipedriveVendor, kind: str, given: FieldValue, held: object, read: FieldValue
) -> None:
    row = vendor.server.records.add_field("deal", "Theirs", kind, ("EU", "US") if kind == "set" else ())
    crm = vendor.connect(replace(SETUP, fields=("Theirs",)))
    made = crm.create_deal(replace(draft(crm), fields={"Theirs": given}))
    assert vendor.server.records.deals[int(made.id)]["custom_fields"][row["field_code"]] == held
    assert made.fields == {"Theirs": read}
    crm.amend_deal(made.id, Amendment(fields={"Theirs": ""}))
    assert crm.get_deal(made.id).fields == {}


def test_several_chosen_options_are_all_told(vendor: PipedriveVendor) -> None:
    vendor.server.records.add_field("deal", "Regions", "set", ("EU", "US"))
    crm = vendor.connect(replace(SETUP, fields=("Regions",)))
    made = crm.create_deal(draft(crm))
    vendor.server.people.edit(int(made.id), "Regions", [1, 2])
    assert crm.get_deal(made.id).fields == {"Regions": "EU, US"}


@pytest.mark.parametrize("value", ["x" * 256, Decimal("NaN"), "two"])
def test_what_pipedrive_cannot_hold_is_told_in_words(vendor: PipedriveVendor, value: FieldValue) -> None:
    vendor.server.records.add_field("deal", "Theirs", "varchar" if str(value)[0] == "x" else "double")
    crm = vendor.connect(SETUP)
    with pytest.raises(Invalid, match=r"'Theirs' takes .*, not ") as caught:
        crm.create_deal(replace(draft(crm), fields={"Theirs": value}))
    assert len(str(caught.value)) < 200


def test_a_field_of_a_stage_is_required_in_that_stage_only(vendor: PipedriveVendor) -> None:
    definitions = vendor.server.records.definitions
    for name, stages in (("Here", [2]), ("There", [1]), ("Everywhere", [])):
        definitions.require(definitions.add("deal", name), stages)
    fields = vendor.connect(SETUP).deal_fields()
    assert {field.name: field.required for field in fields} == {"Here": True, "There": False, "Everywhere": True}
    wrong = vendor.connect(replace(SETUP, stage="Gone")).deal_fields()
    assert {field.name: field.required for field in wrong} == {"Here": False, "There": False, "Everywhere": True}


def test_a_field_made_while_we_run_is_found(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(replace(SETUP, fields=("Plan",)))
    asked = draft(crm)
    crm.create_deal(asked)
    vendor.add_field("Plan", "text")
    assert crm.create_deal(replace(asked, fields={"Plan": "growth"})).fields == {"Plan": "growth"}


def test_a_key_field_that_takes_no_text_is_told(vendor: PipedriveVendor) -> None:
    vendor.add_field("Headroom key", "number")
    crm = vendor.connect(SETUP)
    with pytest.raises(Invalid, match="takes no text") as caught:
        crm.create_deal(draft(crm))
    assert caught.value.field == "key_field"
    for findings in (crm.check(), crm.provision()):
        assert [finding.fix for finding in findings if not finding.ok] == ["set [crm].key_field to another name"]


def test_a_task_is_a_call_or_what_there_is(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    deal = Record("deal", crm.create_deal(draft(crm)).id)
    crm.create_task(deal, Task("task:1", "Call", date(2026, 12, 1), "1"))
    vendor.server.records.activity_types = [activity_type(8, "Fax", active=False), activity_type(9, "Visit")]
    vendor.connect(SETUP).create_task(deal, Task("task:2", "Go", date(2026, 12, 1), "1"))
    assert [row["type"] for row in vendor.server.records.activities.values()] == ["call", "visit"]
    vendor.server.records.activity_types = []
    with pytest.raises(Invalid, match="no kind of activity"):
        vendor.connect(SETUP).create_task(deal, Task("task:3", "Stay", date(2026, 12, 1), "1"))


def test_pipeline_and_stage_are_made_where_we_may(vendor: PipedriveVendor) -> None:
    setup = replace(SETUP, pipeline="Expansion", stage="New")
    assert [finding.what for finding in vendor.connect(setup).provision()] == [
        "deal field 'Headroom key' made",
        "pipeline 'Expansion' made",
        "stage 'New' made",
    ]
    crm = vendor.connect(setup)
    assert vendor.stage(crm.create_deal(draft(crm)).id) == ("Expansion", "New")


def test_what_we_may_not_make_people_are_told_to(vendor: PipedriveVendor) -> None:
    vendor.server.oauth.install(vendor.server.scopes - {"admin", "deal-fields:full"})
    crm = vendor.with_oauth(replace(SETUP, pipeline="Expansion", stage="New"), KeptGrants())
    made = crm.provision()
    assert [(finding.ok, bool(finding.fix)) for finding in made] == [(False, True)] * 3
    missing = [finding.what for finding in crm.check() if not finding.ok]
    assert [what for what in missing if "Headroom key" in what and "deal-fields:full" in what]


def test_a_scope_that_is_granted_but_not_allowed_is_named(vendor: PipedriveVendor) -> None:
    vendor.server.faults.add("GET /api/v2/deals", faults.status(403))
    assert [finding.what for finding in vendor.connect(SETUP).check() if not finding.ok] == [
        "may not make, read and amend deals and notes (scope deals:full): Pipedrive does not allow this: status 403"
    ]


def test_where_nothing_of_deals_may_be_seen_the_scope_is_named(vendor: PipedriveVendor) -> None:
    vendor.server.oauth.install({"base", "users:read", "contacts:full", "activities:full"})
    crm = vendor.with_oauth(SETUP, KeptGrants())
    assert [finding.what for finding in crm.check() if not finding.ok] == [
        "the app lacks the scope deals:full: it may not make, read and amend deals and notes"
    ]


def test_without_the_scope_of_search_domains_cannot_be_found(vendor: PipedriveVendor) -> None:
    vendor.server.records.add_field("organization", "Domain")
    vendor.server.oauth.install(vendor.server.scopes - {"search:read"})
    crm = vendor.with_oauth(replace(SETUP, domain_field="Domain"), KeptGrants())
    assert [finding.what for finding in crm.check() if not finding.ok] == [
        "the app lacks the scope search:read: it may not find organisations by their domain"
    ]


def test_an_app_may_what_a_token_may(vendor: PipedriveVendor) -> None:
    grants = KeptGrants()
    crm = vendor.with_oauth(SETUP, grants)
    assert [finding for finding in crm.check() if not finding.ok] == []
    made = crm.create_deal(draft(crm))
    vendor.wait(timedelta(hours=2))  # the access token has run out meanwhile
    assert crm.get_deal(made.id) == made
    vendor.server.oauth.revoke()
    again = vendor.with_oauth(SETUP, grants)  # as another process, that knows only what is stored
    assert again.get_deal(made.id) == made
    assert [call.path for call in vendor.server.calls].count("/oauth/token") == 3


def test_an_address_that_people_set_goes_before_that_of_the_grant(vendor: PipedriveVendor) -> None:
    vendor.server.oauth.api_domain = "https://nobody.example"
    crm = vendor.with_oauth(SETUP, KeptGrants(), vendor.server.url)
    assert crm.users()


def test_an_app_that_was_removed_is_told(vendor: PipedriveVendor) -> None:
    vendor.server.oauth.client = ("other", "other")
    wrong = vendor.with_oauth(SETUP, KeptGrants())
    vendor.server.oauth.client = ("removed", "removed")
    (finding,) = wrong.check()
    assert not finding.ok
    assert "Invalid client" in finding.what
    assert finding.fix


def test_hooks_left_by_a_race_are_removed(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    crm.ensure_webhook(HOOK, vendor.clock())
    held = vendor.server.hooks.held
    held[2] = {**held[1], "id": 2}
    held[3] = {**held[1], "id": 3, "name": "Somebody else's"}
    held[4] = {**held[1], "id": 4, "subscription_url": "https://other.example/"}
    crm.ensure_webhook(HOOK, vendor.clock())
    assert sorted(held) == [1, 3, 4]


def test_a_hook_that_pipedrive_switched_off_is_made_anew(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    crm.ensure_webhook(HOOK, vendor.clock())
    vendor.server.hooks.held[1]["is_active"] = 0
    crm.ensure_webhook(HOOK, vendor.clock())
    assert [hook["is_active"] for hook in vendor.server.hooks.held.values()] == [1]


def test_an_address_that_is_refused_is_told(vendor: PipedriveVendor) -> None:
    with pytest.raises(Invalid, match="non-reachable"):
        vendor.connect(SETUP).ensure_webhook(replace(HOOK, address="http://headroom.example/"), vendor.clock())


def test_what_pipedrive_sends_is_understood(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    deal = crm.create_deal(draft(crm)).id
    heard: list[Request] = []

    def hear(request: Request) -> Response:
        heard.append(request)
        return Response(200, {})

    with Server() as bot:
        bot.route("POST", "/crm", hear)
        hook = Webhook(f"{bot.url}/crm", 'ä:"secret" & more')
        crm.ensure_webhook(hook, vendor.clock())
        vendor.win(deal)
        vendor.remove(deal)
        assert eventually(lambda: len(heard) == 2)
    told = [crm.parse_webhook(hook, request.headers, request.body) for request in heard]
    assert told == [[deal], [deal]]


def test_no_secret_is_no_secret(vendor: PipedriveVendor) -> None:
    empty = {"Authorization": f"Basic {b64encode(b'headroom:').decode()}"}
    with pytest.raises(AuthFailed):
        vendor.connect(SETUP).parse_webhook(replace(HOOK, secret=""), empty, b"{}")


def test_any_number_of_organisations_by_id(vendor: PipedriveVendor) -> None:
    vendor.crowd("organisation", 230)
    ids = [str(one) for one in vendor.server.records.organizations]
    assert [one.id for one in vendor.connect(SETUP).organisations(ids)] == ids


def test_batches_and_other_news_are_understood(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    crm.ensure_webhook(HOOK, vendor.clock())
    ((headers, _),) = vendor.messages([crm.create_deal(draft(crm)).id])
    metas: list[object] = [{"entity": "deal", "entity_id": 5}, {"entity": "deal", "entity_id": "6"}]
    metas += [{"entity": "deal", "entity_id": "5"}, {"entity": "person", "entity_id": "7"}, {"entity": "deal"}, 8]
    body = json.dumps([{"meta": meta} for meta in metas]).encode()
    assert crm.parse_webhook(HOOK, headers, body) == ["5", "6"]
    assert crm.parse_webhook(HOOK, headers, b"no JSON") == []


def test_an_organisation_has_the_domain_that_its_field_or_its_website_tells(vendor: PipedriveVendor) -> None:
    code = vendor.server.records.add_field("organization", "Domain")["field_code"]
    crm = vendor.connect(replace(SETUP, domain_field="Domain"))
    vendor.server.records.add_organization({"name": "A", "custom_fields": {code: "a.example"}})
    vendor.server.records.add_organization({"name": "B", "website": "https://www.b.example/about"})
    vendor.server.records.add_organization({"name": "C", "website": "c.example"})
    vendor.server.records.add_organization({"name": "D", "website": "http://[odd"})
    domains = [one.domain for one in crm.organisations(["1", "2", "3", "4"])]
    assert domains == ["a.example", "b.example", "c.example", None]


def test_a_deal_that_was_deleted_long_ago_is_not_found(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    made = crm.create_deal(draft(crm)).id
    vendor.remove(made)
    assert not crm.get_deal(made).editable
    vendor.wait(timedelta(days=31))
    with pytest.raises(NotFound):
        crm.get_deal(made)


def test_a_deal_that_is_gone_is_not_taken_for_changed(vendor: PipedriveVendor) -> None:
    crm = vendor.connect(SETUP)
    made = crm.create_deal(draft(crm))
    vendor.archive(made.id)
    with pytest.raises(NotFound, match="archived"):
        crm.amend_deal(made.id, Amendment(Decimal(1), version=made.version))
