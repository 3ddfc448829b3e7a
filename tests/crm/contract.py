"""What any CRM adapter must do. A new adapter subclasses `CrmContract` and gives it a `vendor`."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from crm.base import (
    Ambiguous,
    Amendment,
    AuthFailed,
    Crm,
    CrmError,
    DealDraft,
    Invalid,
    NotApplied,
    Note,
    NotFound,
    Setup,
    Throttled,
)
from sandbox import faults
from sandbox.server import Server

SECRET = "a-token-that-must-not-be-told"
HOSTILE = [
    'O\'Brien & "Söhne"',
    "<script>alert(1)</script>",
    "n" * 200,
    "two\nlines",
    "\u202eevil",
    "100 % (a),b;c",
    "Ä",
]


class Vendor(Protocol):
    """A sandbox, and the hidden side of its records."""

    server: Server
    writes: tuple[str, str, str]  # fault patterns of the calls that make an organisation, a deal, a note

    def connect(self, setup: Setup, token: str | None = None) -> Crm: ...
    def organisations(self) -> list[str]: ...
    def note_texts(self, deal_id: str) -> list[str]: ...
    def currency(self, deal_id: str) -> str: ...
    def stage(self, deal_id: str) -> tuple[str, str]: ...
    def remove(self, deal_id: str) -> None: ...
    def archive(self, deal_id: str) -> None: ...
    def lag_search(self, by: timedelta) -> None: ...


SETUP = Setup(currency="EUR", pipeline="Upsell", stage="Usage signal", deadline=0.5)


def draft(crm: Crm, key: str = "up:1", title: str = "Acme: seats", organisation: str = "Acme") -> DealDraft:
    found = crm.find_organisation(organisation, None) or crm.create_organisation(organisation, None)
    owner = crm.users()[0].id
    return DealDraft(key, title, found.id, owner, date(2026, 12, 31), Decimal("4800.50"))


class CrmContract:
    @pytest.fixture
    def crm(self, vendor: Vendor) -> Crm:
        return vendor.connect(SETUP)

    def test_a_deal_carries_all_that_was_asked(self, crm: Crm, vendor: Vendor) -> None:
        asked = draft(crm)
        made = crm.create_deal(asked)
        assert (made.title, made.key, made.owner_id, made.value) == (
            asked.title,
            "up:1",
            asked.owner_id,
            Decimal("4800.5"),
        )
        assert (made.status, made.editable, made.expected_close) == ("open", True, asked.expected_close)
        assert made.url.startswith("https://")
        assert made.id in made.url
        assert vendor.currency(made.id) == "EUR"
        assert vendor.stage(made.id) == ("Upsell", "Usage signal")
        assert crm.get_deal(made.id) == made

    def test_a_deal_is_found_by_its_key_and_no_other(self, crm: Crm) -> None:
        made = crm.create_deal(draft(crm, "up:1"))
        crm.create_deal(draft(crm, "up:11"))
        assert [deal.id for deal in crm.find_deals_by_key("up:1", draft(crm).organisation_id)] == [made.id]

    def test_a_deal_is_found_behind_many_others(self, crm: Crm) -> None:
        asked = draft(crm)
        ids = [crm.create_deal(draft(crm, f"other:{n}")).id for n in range(30)]
        assert crm.find_deals_by_key("other:29", asked.organisation_id)[0].id == ids[29]

    def test_every_deal_of_a_key_is_found_the_oldest_first(self, crm: Crm) -> None:
        ids = [crm.create_deal(draft(crm)).id for _ in range(3)]
        assert [deal.id for deal in crm.find_deals_by_key("up:1", draft(crm).organisation_id)] == ids

    def test_deals_that_are_gone_are_found_only_if_asked_for(self, crm: Crm, vendor: Vendor) -> None:
        removed, archived = (crm.create_deal(draft(crm)).id for _ in range(2))
        vendor.remove(removed)
        vendor.archive(archived)
        organisation = draft(crm).organisation_id
        assert crm.find_deals_by_key("up:1", organisation) == []
        found = crm.find_deals_by_key("up:1", organisation, gone_too=True)
        assert [(deal.id, deal.editable) for deal in found] == [(removed, False), (archived, False)]

    def test_an_amendment_leaves_what_belongs_to_people(self, crm: Crm) -> None:
        made = crm.create_deal(draft(crm))
        amended = crm.amend_deal(made.id, Amendment(Decimal(6000)))
        assert amended.value == Decimal(6000)
        assert (amended.title, amended.owner_id, amended.key) == (made.title, made.owner_id, made.key)

    def test_a_deal_that_is_gone_cannot_be_amended(self, crm: Crm, vendor: Vendor) -> None:
        made = crm.create_deal(draft(crm))
        vendor.remove(made.id)
        with pytest.raises(CrmError) as caught:
            crm.amend_deal(made.id, Amendment(Decimal(1)))
        assert not isinstance(caught.value, Ambiguous)

    def test_a_missing_deal_is_not_found(self, crm: Crm) -> None:
        with pytest.raises(NotFound):
            crm.get_deal("99999")

    @pytest.mark.parametrize("name", HOSTILE)
    def test_names_arrive_as_they_are(self, crm: Crm, vendor: Vendor, name: str) -> None:
        made = crm.create_organisation(name, None)
        assert vendor.organisations() == [name]
        assert crm.find_organisation(name, None) == made

    def test_an_organisation_is_found_whatever_its_case(self, crm: Crm) -> None:
        made = crm.create_organisation("Acme Corp", None)
        assert crm.find_organisation("ACME corp", None) == made
        assert crm.find_organisation("Acme", None) is None

    def test_a_new_organisation_is_recalled_before_the_search_knows_it(self, crm: Crm, vendor: Vendor) -> None:
        vendor.lag_search(timedelta(seconds=30))
        before = vendor.server.clock() - timedelta(minutes=1)
        made = crm.create_organisation("Acme", None)
        assert crm.find_organisation("Acme", None) is None
        assert crm.recall_organisation("Acme", before) == made
        assert crm.recall_organisation("Acme", vendor.server.clock() + timedelta(hours=1)) is None

    def test_only_active_users_own_deals(self, crm: Crm) -> None:
        assert all("former" not in user.email for user in crm.users())

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_note_is_escaped_and_found_again(self, crm: Crm, vendor: Vendor, name: str) -> None:
        deal = crm.create_deal(draft(crm)).id
        other = crm.create_note(deal, Note("note:11", ("another",)))
        made = crm.create_note(
            deal, Note("note:1", (f"Account {name}", "used 92 %"), "https://slack.example/a?b=1&c=2")
        )
        assert crm.find_note(deal, "note:1") == made != other
        assert "<script" not in "".join(vendor.note_texts(deal))
        assert crm.find_note(deal, "note:2") is None

    def test_a_note_is_updated_in_place(self, crm: Crm, vendor: Vendor) -> None:
        deal = crm.create_deal(draft(crm)).id
        note = crm.create_note(deal, Note("note:1", ("used 92 %",)))
        crm.update_note(note, Note("note:1", ("used 97 %",)))
        (content,) = vendor.note_texts(deal)
        assert "97" in content
        assert "92" not in content
        assert crm.find_note(deal, "note:1") == note

    def test_a_missing_note_is_not_found(self, crm: Crm) -> None:
        with pytest.raises(NotFound):
            crm.update_note("99999", Note("note:1", ("x",)))

    def test_a_note_is_found_behind_many_others(self, crm: Crm) -> None:
        deal = crm.create_deal(draft(crm)).id
        ids = [crm.create_note(deal, Note(f"note:{n}", ("x",))) for n in range(30)]
        assert crm.find_note(deal, "note:29") == ids[29]

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (faults.status(429, retry_after=7), Throttled),
            (faults.status(401), AuthFailed),
            (faults.status(500), Ambiguous),
            (faults.status(503), Ambiguous),
            (faults.apply_then_drop(), Ambiguous),
            (faults.drop(), Ambiguous),
            (faults.truncate(), Ambiguous),
            (faults.slow(0.7), Ambiguous),
            (faults.body("<html>all is well</html>"), Ambiguous),
            (faults.body("{}"), Ambiguous),
        ],
        ids=lambda value: value.kind + str(value.status) if isinstance(value, faults.Fault) else "",
    )
    def test_a_write_says_whether_it_was_applied(
        self, crm: Crm, vendor: Vendor, fault: faults.Fault, error: type[CrmError]
    ) -> None:
        asked = draft(crm)
        crm.create_deal(asked)  # so that names are known and the next call is the write
        deal = crm.create_deal(asked).id
        attempts: list[Callable[[], object]] = [
            lambda: crm.create_organisation("Other", None),
            lambda: crm.create_deal(asked),
            lambda: crm.create_note(deal, Note("note:1", ("x",))),
        ]
        for pattern, attempt in zip(vendor.writes, attempts, strict=True):
            vendor.server.faults.add(pattern, fault)
            with pytest.raises(error):
                attempt()

    @pytest.mark.parametrize("fault", [faults.status(500), faults.drop(), faults.truncate(), faults.body("<html>")])
    def test_a_failed_read_changed_nothing(self, crm: Crm, vendor: Vendor, fault: faults.Fault) -> None:
        vendor.server.faults.add("GET *", fault)
        with pytest.raises(NotApplied):
            crm.users()

    def test_nothing_listens(self, vendor: Vendor) -> None:
        crm = vendor.connect(SETUP)
        vendor.server.stop()
        with pytest.raises(NotApplied):
            crm.create_organisation("Acme", None)

    def test_throttling_says_until_when(self, crm: Crm, vendor: Vendor) -> None:
        vendor.server.faults.add("*", faults.status(429, retry_after=7))
        with pytest.raises(Throttled) as caught:
            crm.users()
        assert caught.value.after == 7

    def test_a_wrong_stage_is_named(self, vendor: Vendor) -> None:
        crm = vendor.connect(Setup(currency="EUR", pipeline="Upsell", stage="Gone", deadline=0.5))
        with pytest.raises(Invalid, match=r"Gone.*Usage signal") as caught:
            crm.create_deal(draft(crm))
        assert caught.value.field == "stage"

    def test_a_wrong_currency_is_named(self, vendor: Vendor) -> None:
        crm = vendor.connect(Setup(currency="XXX", deadline=0.5))
        with pytest.raises(Invalid) as caught:
            crm.create_deal(draft(crm))
        assert "currency" in str(caught.value.field).lower()

    def test_check_finds_nothing_wrong(self, crm: Crm) -> None:
        assert [finding for finding in crm.check() if not finding.ok] == []

    def test_check_names_every_mistake_with_its_fix(self, vendor: Vendor) -> None:
        wrong = vendor.connect(Setup(currency="XXX", pipeline="Gone", deadline=0.5)).check()
        assert len([finding for finding in wrong if not finding.ok and finding.fix]) == 2

    def test_no_error_tells_the_token(self, vendor: Vendor) -> None:
        crm = vendor.connect(SETUP, SECRET)
        with pytest.raises(AuthFailed) as caught:
            crm.users()
        assert SECRET not in repr(caught.value)
        vendor.server.faults.add("*", faults.body(f'{{"success": false, "error": "token {SECRET} is odd"}}', 400))
        with pytest.raises(Invalid) as refused:
            crm.users()
        assert SECRET not in str(refused.value)

    def test_a_deal_is_one_write_once_names_are_known(self, vendor: Vendor, crm: Crm) -> None:
        asked = draft(crm)
        crm.create_deal(asked)
        vendor.server.forget_calls()
        crm.create_deal(asked)
        assert len(vendor.server.calls) == 1
