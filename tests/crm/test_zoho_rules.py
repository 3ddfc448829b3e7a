"""What is Zoho's own: unique keys, statuses of records, queries, tokens, layouts, channels."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from crm.base import (
    Ambiguous,
    Amendment,
    AuthFailed,
    Changed,
    CrmError,
    DealDraft,
    Invalid,
    NotApplied,
    Note,
    NotFound,
    PermissionDenied,
    Record,
    Setup,
    Task,
    Throttled,
    Webhook,
)
from crm.zoho import home
from sandbox import faults
from sandbox.server import Request, Response, Server
from sandbox.zoho import CLIENT_SECRET, REFRESH_TOKEN, ZohoServer
from tests.crm.clock import Passing
from tests.crm.contract import SETUP, draft
from tests.crm.grants import KeptGrants
from tests.crm.test_zoho import ZohoVendor

KEY = "Headroom key"


@pytest.fixture
def fresh() -> Iterator[ZohoVendor]:
    """A company without a key field."""
    clock = Passing()
    with ZohoServer(clock) as server, httpx.Client() as client:
        yield ZohoVendor(server, client, clock)
        assert server.errors == []


@pytest.fixture
def vendor(fresh: ZohoVendor) -> ZohoVendor:
    fresh.server.records.definitions.add("Deals", KEY, unique={"casesensitive": "true"})
    return fresh


def paths(vendor: ZohoVendor, *methods: str) -> list[str]:
    calls = [call for call in vendor.server.calls if call.method in methods or not methods]
    return [f"{call.method} {call.path.removeprefix('/crm/v8')}" for call in calls]


class TestUniqueKey:
    """Nothing is written to a Zoho that would take the same key twice."""

    @pytest.mark.parametrize(("unique", "fix"), [(None, "doctor --fix"), ({}, "tick 'Do not allow duplicate values'")])
    def test_no_deal_is_made_without_a_unique_key_field(
        self, fresh: ZohoVendor, unique: dict[str, str] | None, fix: str
    ) -> None:
        if unique is not None:
            fresh.server.records.definitions.add("Deals", KEY, unique=unique)
        crm = fresh.connect(SETUP)
        asked = draft(crm)
        with pytest.raises(Invalid, match=fix) as caught:
            crm.create_deal(asked)
        assert caught.value.field == "key_field"
        assert fresh.server.records.rows["Deals"] == {}
        (finding,) = [one for one in crm.check() if KEY in one.what]
        assert (finding.ok, finding.blocks) == (False, True)
        assert fix in str(finding.fix)

    @pytest.mark.parametrize("change", [{"unique": {}}, {"field_label": "Another"}])
    def test_a_key_field_that_people_change_meanwhile_is_noticed_before_the_next_deal(
        self, vendor: ZohoVendor, change: dict[str, Any]
    ) -> None:
        crm = vendor.connect(SETUP)
        crm.create_deal(draft(crm))
        vendor.server.records.definitions.named("Deals", KEY).update(change)
        with pytest.raises(Invalid, match=KEY):
            crm.create_deal(replace(draft(crm), key="up:another"))
        assert len(vendor.server.records.rows["Deals"]) == 1

    def test_a_field_of_another_kind_is_no_key_field(self, fresh: ZohoVendor) -> None:
        fresh.server.records.definitions.add("Deals", KEY, "date")
        crm = fresh.connect(SETUP)
        with pytest.raises(Invalid, match="another kind"):
            crm.create_deal(draft(crm))
        assert [one.ok for one in crm.provision() if KEY in one.what] == [False]

    @pytest.mark.parametrize("there", [False, True])
    def test_the_field_is_made_unique(self, fresh: ZohoVendor, there: bool) -> None:
        if there:
            fresh.server.records.definitions.add("Deals", KEY)
        crm = fresh.connect(SETUP)
        assert [one.ok for one in crm.provision() if KEY in one.what] == [True]
        assert fresh.server.records.definitions.named("Deals", KEY)["unique"] == {"casesensitive": "true"}
        assert len({crm.create_deal(draft(crm)).id for _ in range(2)}) == 1

    @pytest.mark.parametrize("there", [False, True])
    def test_where_zoho_does_not_let_us_people_are_told_what_to_click(self, fresh: ZohoVendor, there: bool) -> None:
        definitions = fresh.server.records.definitions
        if there:
            definitions.add("Deals", KEY)
        else:
            for name in ("One", "Two"):  # two unique fields are all that a module may have
                definitions.add("Deals", name, unique={"casesensitive": "false"})
        fresh.server.faults.add("PATCH *", faults.status(403))
        (finding,) = [one for one in fresh.connect(SETUP).provision() if KEY in one.what]
        assert (finding.ok, finding.blocks) == (False, True)
        assert "Modules and Fields" in str(finding.fix)

    def test_a_deal_that_is_there_already_stays_as_people_left_it(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        made = crm.create_deal(draft(crm))
        vendor.server.people.move(made.id, "Negotiation")
        vendor.server.people.assign(made.id, crm.users()[1].id)
        found = crm.create_deal(replace(draft(crm), value=Decimal(1)))
        assert (found.id, found.owner_id, found.value) == (made.id, crm.users()[1].id, made.value)
        assert vendor.stage(made.id) == ("Upsell", "Negotiation")

    def test_a_key_that_differs_by_case_is_another_deals(self, fresh: ZohoVendor) -> None:
        fresh.server.records.definitions.add("Deals", KEY, unique={"casesensitive": "false"})
        crm = fresh.connect(SETUP)
        crm.create_deal(draft(crm, "up:acme"))
        with pytest.raises(Invalid, match="takes our key for that of"):
            crm.create_deal(draft(crm, "up:ACME"))
        assert crm.find_deals_by_key("up:ACME", "1") == []

    def test_another_unique_field_is_named_as_people_do(self, vendor: ZohoVendor) -> None:
        vendor.server.records.definitions.add("Deals", "Contract no.", unique={"casesensitive": "false"})
        crm = vendor.connect(SETUP)
        crm.create_deal(replace(draft(crm), fields={"Contract no.": "7"}))
        with pytest.raises(Invalid, match=r"Contract no\.") as caught:
            crm.create_deal(replace(draft(crm, "up:2"), fields={"Contract no.": "7"}))
        assert caught.value.field == "Contract no."
        assert len(vendor.server.records.rows["Deals"]) == 1

    def test_a_lost_answer_and_a_late_query_make_no_second_deal(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        asked = draft(crm)
        vendor.lag_search(timedelta(minutes=5))
        vendor.server.faults.add("POST /crm/v8/Deals", faults.apply_then_drop())
        with pytest.raises(Ambiguous):
            crm.create_deal(asked)
        assert crm.find_deals_by_key("up:1", asked.organisation_id) == []
        crm.create_deal(asked)
        assert len(vendor.server.records.rows["Deals"]) == 1

    def test_two_at_once_make_one_deal(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        asked, ids = draft(crm), list[str]()
        threads = [threading.Thread(target=lambda: ids.append(crm.create_deal(asked).id)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(ids), len(set(ids))) == (6, 1)

    def test_an_account_whose_name_is_taken_is_that_account(self, vendor: ZohoVendor) -> None:
        definitions = vendor.server.records.definitions.by_name("Accounts")
        definitions["Account_Name"]["unique"] = {"casesensitive": "false"}
        crm = vendor.connect(SETUP)
        made = crm.create_organisation("Acme", None)
        assert crm.create_organisation("ACME", "acme.example") == made


def refused(code: str, status: int, field: str | None = None, message: str = "no") -> faults.Fault:
    """What Zoho says of the one record."""
    row = {"code": code, "details": {"api_name": field} if field else {}, "message": message, "status": "error"}
    return faults.body(json.dumps({"data": [row]}), status)


class TestStatuses:
    """Each record has a status of its own, whatever that of the call."""

    @pytest.mark.parametrize(
        ("fault", "error", "field"),
        [
            (refused("RECORD_LOCKED", 400), NotApplied, None),
            (refused("RECORD_LOCKED", 200), NotApplied, None),
            (refused("INTERNAL_ERROR", 200), Ambiguous, None),
            (refused("INTERNAL_ERROR", 400), Ambiguous, None),
            (refused("MANDATORY_NOT_FOUND", 207, "Next_Step"), Invalid, "Next Step"),
            (refused("INVALID_DATA", 400, "Next_Step"), Invalid, "Next Step"),
            (refused("DEPENDENT_FIELD_MISSING", 201, "Next_Step"), Invalid, "Next Step"),
            (refused("RECORD_IN_BLUEPRINT", 400), Invalid, None),
            (refused("NO_PERMISSION", 403), PermissionDenied, None),
            (refused("AUTHORIZATION_FAILED", 400), PermissionDenied, None),
            (refused("SOMETHING_NEW", 400), Invalid, None),
            (refused("TOO_MANY_REQUESTS", 429), Throttled, None),
            (faults.status(429, body={"code": "RATE_LIMIT_EXCEEDED", "status": "error"}), Throttled, None),
            (faults.status(400, body={"code": "INVALID_MODULE", "status": "error", "message": "x"}), Invalid, None),
            (faults.status(404, body={"code": "INVALID_URL_PATTERN", "status": "error"}), Invalid, None),
            (faults.body('{"data": []}'), Ambiguous, None),
            (faults.body('{"data": [{"status": "success"}]}'), Ambiguous, None),
            (faults.body('{"data": [7]}'), Ambiguous, None),
            (faults.body("", 204), Ambiguous, None),
        ],
    )
    def test_a_refusal_says_what_to_do(
        self, vendor: ZohoVendor, fault: faults.Fault, error: type[CrmError], field: str | None
    ) -> None:
        crm = vendor.connect(SETUP)
        asked = draft(crm)
        vendor.server.faults.add("POST /crm/v8/Deals", fault)
        with pytest.raises(error) as caught:
            crm.create_deal(asked)
        assert type(caught.value) is error
        assert getattr(caught.value, "field", None) == field

    def test_what_was_changed_meanwhile_is_refused_by_zoho_too(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        made = crm.create_deal(draft(crm))
        vendor.server.faults.add("PUT *", refused("ALREADY_MODIFIED", 412))
        with pytest.raises(Changed):
            crm.amend_deal(made.id, Amendment(Decimal(1), version=made.version))
        (sent,) = [call.request.headers for call in vendor.server.calls if call.method == "PUT"]
        assert sent["if-unmodified-since"] == made.version

    def test_throttling_without_a_header_waits_a_while(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        crm.users()
        vendor.server.access.credits = 0
        with pytest.raises(Throttled) as caught:
            crm.users()
        assert caught.value.after >= 10

    def test_what_is_no_id_of_zohos_is_not_there(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        for odd in ("", "12a", "1 or id > 0", "../Leads", "9" * 30):
            with pytest.raises(NotFound):
                crm.get_deal(odd)
            assert crm.get_deals([odd]) == []
        with pytest.raises(NotFound):
            crm.open_deals("1' or id is not null")


class TestQueries:
    """Whatever accounts are called, a query finds the one that is meant."""

    NAMES = ("O'Brien' or id is not null", "back\\slash's", "100%", "a_b", "tab\there", '"quoted"', "(a, b)", "%", "\\")

    def test_hostile_names_find_their_own_account_only(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        crm.create_organisation("Decoy", None)
        for decoy in ("axb", "Another slash's"):
            crm.create_organisation(decoy, None)
        made = {name: crm.create_organisation(name, None) for name in self.NAMES}
        for name, organisation in made.items():
            found = crm.find_organisation(name, None)
            assert found == organisation or (found is None and name == "\\"), name
        assert crm.find_organisation("brien", None) is None

    @pytest.mark.parametrize(
        "website",
        ["acme.example", "https://www.ACME.example/about?x=1", "http://acme.example:8080", "www.acme.example"],
    )
    def test_an_account_is_found_by_its_web_site(self, vendor: ZohoVendor, website: str) -> None:
        records = vendor.server.records
        for other in ("notacme.example", "acme.example.org", "https://evil.example/acme.example"):
            records.add("Accounts", {"Account_Name": "Acme", "Website": other})
        meant = records.add("Accounts", {"Account_Name": "Acme Incorporated", "Website": website})
        found = vendor.connect(SETUP).find_organisation("Acme", "Acme.example")
        assert found is not None
        assert (found.id, found.domain) == (meant["id"], "acme.example")

    @pytest.mark.parametrize("domain", ["%", "x' or id is not null", "com", " ", "\\", "[", "a b.example"])
    def test_what_is_no_domain_finds_nothing(self, vendor: ZohoVendor, domain: str) -> None:
        vendor.server.records.add("Accounts", {"Account_Name": "Decoy", "Website": "https://decoy.com"})
        assert vendor.connect(SETUP).find_organisation("Acme", domain) is None

    def test_a_field_of_its_own_holds_the_domain(self, vendor: ZohoVendor) -> None:
        vendor.server.records.definitions.add("Accounts", "Main domain")
        crm = vendor.connect(replace(SETUP, domain_field="main domain"))
        made = crm.create_organisation("Acme", "Acme.example")
        assert crm.find_organisation("Other name", "acme.example") == made
        assert crm.recall_organisation("Acme", vendor.clock() - timedelta(minutes=1)) == made
        assert [one.domain for one in crm.organisations([made.id])] == ["acme.example"]
        with pytest.raises(Invalid, match="Nowhere"):
            vendor.connect(replace(SETUP, domain_field="Nowhere")).find_organisation("Acme", None)

    def test_more_rows_than_one_query_gives_are_read(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        acme = Record("organisation", draft(crm).organisation_id)
        vendor.crowd("deal", 2001, acme)
        assert len({deal.id for deal in crm.open_deals(acme.id)}) == 2001
        assert paths(vendor, "POST").count("POST /coql") == 3  # the account, and two pages

    def test_an_account_is_recalled_behind_two_thousand_others(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        before = vendor.clock() - timedelta(minutes=1)
        made = crm.create_organisation("Acme", None)
        vendor.wait(timedelta(minutes=5))
        vendor.crowd("organisation", 2100)
        assert crm.recall_organisation("Acme", before) == made
        assert crm.recall_organisation("Acme", before + timedelta(minutes=3)) is None

    def test_lists_that_never_end_are_left(self, vendor: ZohoVendor) -> None:
        """A list that gives the same page again and again would be read for ever."""
        now = vendor.clock().isoformat(timespec="seconds")
        rows = [{"id": "5", "Account_Name": "Acme", "Website": None, "Modified_Time": now}] * 2000
        info = {"more_records": True, "next_page_token": "again"}
        text = json.dumps({"data": rows, "info": info})
        crm = vendor.connect(SETUP)
        for pattern in ("GET /crm/v8/Accounts", "POST /crm/v8/coql"):
            vendor.server.faults.add(pattern, faults.body(text), times=20)
        found = crm.find_organisation("Acme", None)
        assert found == crm.recall_organisation("Acme", vendor.clock() - timedelta(hours=1))
        assert found is not None
        assert len(vendor.server.calls) < 10

    def test_a_version_is_the_moment_whatever_its_zone(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        made = crm.create_deal(draft(crm))
        elsewhere = datetime.fromisoformat(str(made.version)).astimezone(UTC).isoformat()
        assert elsewhere != made.version
        assert crm.amend_deal(made.id, Amendment(Decimal(1), version=elsewhere)).value == 1
        with pytest.raises(Changed):
            crm.amend_deal(made.id, Amendment(Decimal(2), version="yesterday"))


class TestTokens:
    """A token for all, renewed when it has run out, and never told."""

    def test_a_token_that_ran_out_is_renewed_and_the_call_made_again(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        asked = draft(crm)
        vendor.server.access.revoke()
        assert crm.create_deal(asked).key == "up:1"
        vendor.wait(timedelta(hours=2))
        assert crm.create_deal(asked).key == "up:1"
        assert paths(vendor).count("POST /oauth/v2/token") == 3
        assert len(vendor.server.records.rows["Deals"]) == 1

    def test_a_missing_scope_is_named_and_asks_for_no_other_token(self, vendor: ZohoVendor) -> None:
        crm = vendor.without("ZohoCRM.users.READ")
        vendor.server.forget_calls()
        with pytest.raises(PermissionDenied, match=r"ZohoCRM\.users\.READ"):
            crm.users()
        assert paths(vendor) == ["GET /users"]

    def test_too_many_tokens_are_waited_for(self, vendor: ZohoVendor) -> None:
        for _ in range(10):
            vendor.connect(SETUP).users()
        with pytest.raises(Throttled) as caught:
            vendor.connect(SETUP).users()
        assert caught.value.after == 600
        vendor.wait(timedelta(minutes=10))
        assert vendor.connect(SETUP).users()

    @pytest.mark.parametrize("name", ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"])
    def test_wrong_credentials_are_told_with_the_fix(self, vendor: ZohoVendor, name: str) -> None:
        crm = vendor.with_grants(SETUP, KeptGrants(), **{name: "wrong-and-secret"})
        with pytest.raises(AuthFailed) as caught:
            crm.users()
        (finding,) = crm.check()
        assert "ZOHO_ACCOUNTS_URL" in str(finding.fix)
        for secret in ("wrong-and-secret", CLIENT_SECRET, REFRESH_TOKEN):
            assert secret not in f"{caught.value!r} {finding}"

    @pytest.mark.parametrize("address", ["http://www.zohoapis.example", ""])
    def test_the_token_goes_to_no_open_address(self, vendor: ZohoVendor, address: str) -> None:
        vendor.server.access.api_domain = address
        with pytest.raises(AuthFailed):
            vendor.connect(SETUP).users()
        assert paths(vendor) == ["POST /oauth/v2/token"]

    @pytest.mark.parametrize(
        ("accounts", "where"),
        [
            ("https://accounts.zoho.eu", "zoho.eu"),
            ("https://accounts.zoho.com.au/", "zoho.com.au"),
            ("https://accounts.zohocloud.ca", "zohocloud.ca"),
            ("http://127.0.0.1:8080", "zoho.com"),
        ],
    )
    def test_people_work_where_the_data_is(self, accounts: str, where: str) -> None:
        assert home(accounts) == where


class TestLayouts:
    """What a company may lack or demand."""

    def test_a_demanded_field_is_named_unless_it_is_filled(self, vendor: ZohoVendor) -> None:
        vendor.add_field("Region", "choice", ("EU", "US"), required=True)
        crm = vendor.connect(SETUP)
        missing = [one for one in crm.check() if not one.ok]
        assert [("Region" in one.what, "[crm.fields]" in str(one.fix)) for one in missing] == [(True, True)]
        with pytest.raises(Invalid) as caught:
            crm.create_deal(draft(crm))
        assert caught.value.field == "Region"
        filled = vendor.connect(replace(SETUP, fields=("Region",)))
        assert [one for one in filled.check() if not one.ok] == []
        assert filled.create_deal(replace(draft(crm), fields={"Region": "EU"})).fields == {"Region": "EU"}

    def test_without_a_configured_place_a_deal_goes_to_the_first_stage_of_the_default(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(Setup("EUR", deadline=10))
        assert vendor.stage(crm.create_deal(draft(crm)).id) == ("Sales", "Qualification")

    def test_a_company_with_one_currency_has_no_such_field(self, vendor: ZohoVendor) -> None:
        fields = vendor.server.records.definitions.fields["Deals"]
        fields[:] = [row for row in fields if row["api_name"] != "Currency"]
        crm = vendor.connect(SETUP)
        assert crm.create_deal(draft(crm)).value == Decimal("4800.5")
        with pytest.raises(Invalid, match="EUR, not USD"):
            vendor.connect(replace(SETUP, currency="USD")).create_deal(draft(crm))

    def test_a_renamed_stage_is_found_again(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        crm.create_deal(draft(crm))
        stage = vendor.server.records.pipelines.named("Upsell")["maps"][0]
        stage.update(actual_value="Renamed", display_value="Renamed")
        with pytest.raises(Invalid):
            crm.create_deal(draft(crm, "up:2"))
        stage.update(display_value="Usage signal")
        assert vendor.stage(crm.create_deal(draft(crm, "up:2")).id) == ("Upsell", "Renamed")

    def test_a_deal_in_another_pipeline_has_its_outcome(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        deal = vendor.deal_by_hand("by hand", draft(crm).organisation_id, "Sales")
        vendor.win(deal)
        assert crm.get_deal(deal).status == "won"

    def test_a_field_that_people_have_just_made_is_found(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(replace(SETUP, fields=("Plan",)))
        with pytest.raises(Invalid, match="no deal field 'Plan'"):
            crm.create_deal(replace(draft(crm), fields={"Plan": "growth"}))
        vendor.add_field("Plan", "text")
        assert crm.create_deal(replace(draft(crm), fields={"Plan": "growth"})).fields == {"Plan": "growth"}


class TestTexts:
    def test_a_note_keeps_its_mark_however_long_it_is(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        deal = crm.create_deal(draft(crm)).id
        made = crm.create_note(deal, Note("note:1", ("t" * 300, "x" * 70_000), "https://slack.example/x"))
        assert crm.find_note(deal, "note:1") == made
        (row,) = vendor.server.records.rows["Notes"].values()
        assert (len(row["Note_Title"]), len(row["Note_Content"])) == (120, 65_535)
        assert "https://slack.example/x" in row["Note_Content"]

    def test_a_short_first_line_is_the_title(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        deal = crm.create_deal(draft(crm)).id
        crm.create_note(deal, Note("note:1", ("Acme passes its limit", "seats: 48 of 50")))
        (row,) = vendor.server.records.rows["Notes"].values()
        assert (row["Note_Title"], row["Note_Content"]) == ("Acme passes its limit", "seats: 48 of 50\nref: note:1")


class TestChannels:
    HOOK = Webhook("https://headroom.example/crm", "a-long-secret")

    def test_a_channel_lives_a_week_and_is_renewed_before(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        first = crm.ensure_webhook(self.HOOK, vendor.clock())
        assert first is not None
        assert timedelta(days=6) < first - vendor.clock() <= timedelta(days=7)
        vendor.wait(timedelta(days=2))
        assert crm.ensure_webhook(self.HOOK, vendor.clock()) == first
        vendor.wait(timedelta(days=3))
        renewed = crm.ensure_webhook(self.HOOK, vendor.clock())
        assert renewed is not None
        assert renewed > first
        assert [call for call in paths(vendor, "POST", "PUT") if "watch" in call] == [
            "POST /actions/watch",
            "PUT /actions/watch",
        ]

    def test_the_secret_itself_is_not_given_away(self, vendor: ZohoVendor) -> None:
        vendor.connect(SETUP).ensure_webhook(self.HOOK, vendor.clock())
        (channel,) = vendor.server.watch.living()
        assert self.HOOK.secret not in json.dumps(channel)
        assert len(channel["token"]) <= 50

    def test_what_happened_is_told_and_understood(self, vendor: ZohoVendor) -> None:
        heard: list[bytes] = []
        told = threading.Event()

        def hear(request: Request) -> Response:
            heard.append(request.body)
            told.set()
            return Response(200, {})

        with Server() as receiver:
            receiver.route("POST", "/crm", hear)
            hook = Webhook(f"{receiver.url}/crm", "a-long-secret")
            crm = vendor.connect(SETUP)
            crm.ensure_webhook(hook, vendor.clock())
            made = crm.create_deal(draft(crm))
            assert told.wait(10)
            assert crm.parse_webhook(hook, {}, heard[0]) == [made.id]

    def test_a_message_of_another_module_tells_nothing(self, vendor: ZohoVendor) -> None:
        crm = vendor.connect(SETUP)
        crm.ensure_webhook(self.HOOK, vendor.clock())
        (channel,) = vendor.server.watch.living()
        for module, ids in (("Leads", ["1"]), ("Deals", ["1", "1", "x"])):
            body = vendor.server.watch.message(channel, module, "update", ids)
            assert crm.parse_webhook(self.HOOK, {}, body) == (["1"] if module == "Deals" else [])


def test_what_a_new_deal_costs(vendor: ZohoVendor) -> None:
    """With all names known: looks for the account by domain and by name and at the key field, a write each."""
    crm = vendor.connect(SETUP)
    crm.create_deal(draft(crm, "up:0", organisation="Other"))
    vendor.server.forget_calls()
    steps: list[Callable[[Any], Any]] = [
        lambda _: crm.find_organisation("Acme", "acme.example") or crm.create_organisation("Acme", "acme.example"),
        lambda organisation: crm.create_deal(replace(draft_of(vendor), organisation_id=organisation.id)),
        lambda deal: (crm.create_note(deal.id, Note("note:1", ("x",))), deal)[1],
        lambda deal: crm.create_task(Record("deal", deal.id), Task("t:1", "Call", deal.expected_close, deal.owner_id)),
    ]
    asked = None
    for step in steps:
        asked = step(asked)
    assert paths(vendor) == [
        "POST /coql",
        "POST /coql",
        "POST /Accounts",
        "GET /settings/fields",
        "POST /Deals",
        "POST /Notes",
        "POST /Tasks",
    ]


def draft_of(vendor: ZohoVendor) -> DealDraft:
    """A draft that needs no call."""
    owner = vendor.server.records.active()[0]["id"]
    return DealDraft("up:1", "Acme: seats", "0", owner, vendor.clock().date(), Decimal(4800))
