"""What any CRM adapter must do. A new adapter subclasses `CrmContract` and gives it a `vendor`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from crm.base import (
    Ambiguous,
    Amendment,
    AuthFailed,
    Changed,
    Crm,
    CrmError,
    DealDraft,
    DealField,
    FieldKind,
    FieldValue,
    Invalid,
    NotApplied,
    Note,
    NotFound,
    Record,
    RecordKind,
    Setup,
    Task,
    Throttled,
    Webhook,
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
    """A sandbox: how to connect to it, what it holds that the port does not show, and what people do in it."""

    server: Server
    writes: tuple[str, str, str]  # fault patterns of the calls that make an organisation, a deal, a note
    scopes: Sequence[str]  # what `check` must miss by name when the credentials lack it
    page: int  # records on the longest page of its lists
    looks_before_a_deal: int  # reads before each new deal, once names are known

    def connect(self, setup: Setup, token: str | None = None) -> Crm: ...
    def without(self, scope: str) -> Crm:
        """Connected with credentials that lack this scope."""

    def organisations(self) -> list[str]: ...
    def note_texts(self, deal_id: str) -> list[str]: ...
    def task_subjects(self, parent: Record) -> list[str]: ...
    def currency(self, deal_id: str) -> str: ...
    def stage(self, deal_id: str) -> tuple[str, str]: ...
    def hooks(self) -> list[str]:
        """The addresses that hear of changed deals."""

    def messages(self, deal_ids: Sequence[str]) -> list[tuple[Mapping[str, str], bytes]]:
        """Headers and body of what the hook hears when these deals change: one message for each, or for several."""

    def lag_search(self, by: timedelta) -> None: ...
    def wait(self, by: timedelta) -> None:
        """Time passes in the CRM."""

    def crowd(self, kind: RecordKind, count: int, parent: Record | None = None) -> None:
        """That many more records, made by others."""

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = (), required: bool = False) -> None:
        """A field of deals."""

    def deal_by_hand(self, title: str, organisation_id: str, pipeline: str = "Upsell") -> str:
        """The id of an open deal that a person made."""

    def edit(self, deal_id: str, field: str, value: FieldValue) -> None:
        """A person fills one of the fields that `add_field` made."""

    def win(self, deal_id: str) -> None: ...
    def lose(self, deal_id: str, reason: str) -> None: ...
    def reopen(self, deal_id: str) -> None: ...
    def remove(self, deal_id: str) -> None: ...
    def archive(self, deal_id: str) -> None: ...
    def merge(self, deal_id: str, into: str) -> None:
        """The first is gone; the other gets what it held and the other did not."""

    def drop_hooks(self) -> None:
        """The CRM gives up telling, as it does with addresses that do not answer."""


SETUP = Setup(currency="EUR", pipeline="Upsell", stage="Usage signal", deadline=10)
IMPATIENT = 0.5  # seconds, where a test is about slow answers; elsewhere a busy machine must not look like one


def draft(crm: Crm, key: str = "up:1", title: str = "Acme: seats", organisation: str = "Acme") -> DealDraft:
    found = crm.find_organisation(organisation, None) or crm.create_organisation(organisation, None)
    owner = crm.users()[0].id
    return DealDraft(key, title, found.id, owner, date(2026, 12, 31), Decimal("4800.50"))


class Connected:
    @pytest.fixture
    def crm(self, vendor: Vendor) -> Crm:
        return vendor.connect(SETUP)


class DealContract(Connected):
    """Organisations, deals and notes, made once and found again; what each failure means."""

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
        if fault.kind == "slow":
            crm = vendor.connect(replace(SETUP, deadline=IMPATIENT))
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
        crm.create_deal(replace(asked, key="up:2"))
        reads = [call for call in vendor.server.calls if call.method == "GET"]
        assert len(reads) == vendor.looks_before_a_deal
        assert len(vendor.server.calls) - len(reads) == 1


ORGANISATION = "Acme"
HOOK = Webhook("https://headroom.example/crm", "a-long-secret")
FIELDS: Mapping[str, tuple[FieldKind, FieldValue, FieldValue]] = {  # kind, and two values that it can hold
    "Plan": ("text", "growth", 'O\'Brien & <b>"Söhne"</b>'),
    "Used": ("number", Decimal("92.5"), Decimal(0)),
    "Crosses on": ("date", date(2026, 11, 26), date(2027, 1, 1)),
    "Trial": ("boolean", True, False),
    "Source": ("choice", "Product usage", "Other; (new), 100 %"),
}
UNFIT: Mapping[str, FieldValue] = {
    "Plan": True,
    "Used": "many",
    "Crosses on": "soon",
    "Trial": "perhaps",
    "Source": "Hearsay",
}
OPTIONS = ("Product usage", "Other; (new), 100 %")


def with_fields(vendor: Vendor) -> Crm:
    """Connected, with one field of each kind."""
    for name, (kind, *_) in FIELDS.items():
        vendor.add_field(name, kind, OPTIONS if kind == "choice" else ())
    return vendor.connect(replace(SETUP, fields=tuple(FIELDS)))


class FieldContract(Connected):
    """Fields go by the names that people see."""

    def test_fields_are_told_with_their_kind(self, vendor: Vendor) -> None:
        with_fields(vendor)
        vendor.add_field("Region", "choice", ("EU", "US"), required=True)
        told = {field.name: field for field in vendor.connect(SETUP).deal_fields()}
        assert {name: told[name].kind for name in FIELDS} == {name: kind for name, (kind, *_) in FIELDS.items()}
        assert told["Source"] == DealField("Source", "choice", OPTIONS)
        assert told["Region"] == DealField("Region", "choice", ("EU", "US"), required=True)

    @pytest.mark.parametrize("which", [1, 2])
    def test_each_kind_is_written_and_read(self, vendor: Vendor, which: int) -> None:
        crm = with_fields(vendor)
        values = {name: held[which] for name, held in FIELDS.items()}
        made = crm.create_deal(replace(draft(crm), fields=values))
        assert made.fields == values
        assert crm.get_deal(made.id).fields == values

    @pytest.mark.parametrize("name", HOSTILE)
    def test_titles_texts_and_reasons_arrive_as_they_are(self, vendor: Vendor, name: str) -> None:
        crm = with_fields(vendor)
        made = crm.create_deal(replace(draft(crm), title=f"{name}: seats", fields={"Plan": name}))
        vendor.lose(made.id, name)
        seen = crm.get_deal(made.id)
        assert (seen.fields["Plan"], seen.lost_reason) == (name, name)
        assert f"{name}: seats".startswith(seen.title)
        assert len(seen.title) >= min(len(f"{name}: seats"), 120)

    def test_numbers_and_dates_are_written_out_in_a_text(self, vendor: Vendor) -> None:
        crm = with_fields(vendor)
        for value, text in ((Decimal("42.50"), "42.5"), (Decimal(1000), "1000"), (date(2026, 11, 26), "2026-11-26")):
            asked = replace(draft(crm, f"up:{text}"), fields={"Plan": value})
            assert crm.create_deal(asked).fields == {"Plan": text}

    def test_an_option_is_found_whatever_its_case(self, vendor: Vendor) -> None:
        crm = with_fields(vendor)
        made = crm.create_deal(replace(draft(crm), fields={"Source": "product USAGE"}))
        assert made.fields == {"Source": "Product usage"}

    def test_a_field_goes_by_its_name_whatever_its_case(self, vendor: Vendor) -> None:
        with_fields(vendor)
        crm = vendor.connect(replace(SETUP, fields=("crosses  ON",)))
        made = crm.create_deal(replace(draft(crm), fields={"crosses  ON": date(2026, 11, 26)}))
        assert made.fields == {"crosses  ON": date(2026, 11, 26)}

    @pytest.mark.parametrize("name", UNFIT)
    def test_a_value_that_does_not_fit_is_not_sent(self, vendor: Vendor, name: str) -> None:
        crm = with_fields(vendor)
        asked, made = draft(crm), crm.create_deal(draft(crm))
        vendor.server.forget_calls()
        attempts: list[Callable[[], object]] = [
            lambda: crm.create_deal(replace(asked, fields={name: UNFIT[name]})),
            lambda: crm.amend_deal(made.id, Amendment(fields={name: UNFIT[name]})),
        ]
        for attempt in attempts:
            with pytest.raises(Invalid, match=name) as caught:
                attempt()
            assert caught.value.field == name
        assert [call for call in vendor.server.calls if call.method != "GET"] == []

    def test_an_unknown_field_is_named(self, vendor: Vendor) -> None:
        crm = vendor.connect(replace(SETUP, fields=("Nowhere",)))
        with pytest.raises(Invalid, match="Nowhere") as caught:
            crm.create_deal(replace(draft(crm), fields={"Nowhere": "x"}))
        assert caught.value.field == "Nowhere"
        assert [(finding.ok, bool(finding.fix)) for finding in crm.check() if "Nowhere" in finding.what] == [
            (False, True)
        ]

    def test_an_amendment_leaves_the_fields_of_others(self, vendor: Vendor) -> None:
        crm = with_fields(vendor)
        vendor.add_field("Theirs", "text")
        every = vendor.connect(replace(SETUP, fields=(*FIELDS, "Theirs")))
        made = crm.create_deal(replace(draft(crm), fields={"Plan": "growth", "Used": Decimal(5)}))
        vendor.edit(made.id, "Theirs", "call on Monday")
        crm.amend_deal(made.id, Amendment(Decimal(1), {"Used": Decimal(7)}))
        assert every.get_deal(made.id).fields == {"Plan": "growth", "Used": Decimal(7), "Theirs": "call on Monday"}
        assert every.get_deal(made.id).value == Decimal(1)

    def test_an_amendment_of_nothing_changes_nothing(self, vendor: Vendor) -> None:
        crm = with_fields(vendor)
        made = crm.create_deal(replace(draft(crm), fields={"Plan": "growth"}))
        assert crm.amend_deal(made.id, Amendment()) == crm.get_deal(made.id) == made

    def test_fields_are_found_behind_many_others(self, vendor: Vendor) -> None:
        for number in range(vendor.page + 1):
            vendor.add_field(f"Field {number}", "text")
        assert {f"Field {number}" for number in range(vendor.page + 1)} <= {
            field.name for field in vendor.connect(SETUP).deal_fields()
        }


class FollowContract(Connected):
    """What people do with deals is seen, and not overwritten."""

    def test_an_outcome_is_told_with_its_reason(self, crm: Crm, vendor: Vendor) -> None:
        won, lost = (crm.create_deal(draft(crm, key)).id for key in ("up:1", "up:2"))
        vendor.win(won)
        vendor.lose(lost, "Too expensive & <late>")
        assert {deal.id: (deal.status, deal.lost_reason) for deal in crm.get_deals([won, lost])} == {
            won: ("won", None),
            lost: ("lost", "Too expensive & <late>"),
        }
        vendor.reopen(lost)
        assert (crm.get_deal(lost).status, crm.get_deal(lost).lost_reason) == ("open", None)

    def test_open_deals_are_those_of_the_pipeline_whoever_made_them(self, crm: Crm, vendor: Vendor) -> None:
        ours, won, lost, gone, archived = (crm.create_deal(draft(crm, f"up:{n}")).id for n in range(5))
        acme, other = draft(crm).organisation_id, crm.create_organisation("Other", None).id
        theirs, elsewhere = vendor.deal_by_hand("by hand", acme), vendor.deal_by_hand("of another", other)
        vendor.deal_by_hand("new business", acme, pipeline="Sales")
        vendor.win(won)
        vendor.lose(lost, "no budget")
        vendor.remove(gone)
        vendor.archive(archived)
        assert {deal.id for deal in crm.open_deals(acme)} == {ours, theirs}
        assert {(deal.id, deal.organisation_id, deal.key) for deal in crm.open_deals()} == {
            (ours, acme, "up:0"),
            (theirs, acme, None),
            (elsewhere, other, None),
        }

    def test_no_pipeline_no_open_deals(self, crm: Crm, vendor: Vendor) -> None:
        crm.create_deal(draft(crm))
        assert vendor.connect(Setup(currency="EUR", deadline=0.5)).open_deals() == []

    def test_open_deals_are_read_to_their_end(self, crm: Crm, vendor: Vendor) -> None:
        acme = Record("organisation", draft(crm).organisation_id)
        vendor.crowd("deal", vendor.page + 1, acme)
        last = crm.create_deal(draft(crm)).id
        assert last in {deal.id for deal in crm.open_deals()}
        assert len({deal.id for deal in crm.open_deals(acme.id)}) == vendor.page + 2
        assert [deal.id for deal in crm.find_deals_by_key("up:1", acme.id)] == [last]

    def test_deals_by_id_leave_out_those_that_are_gone(self, crm: Crm, vendor: Vendor) -> None:
        kept, gone, archived, merged = (crm.create_deal(draft(crm, f"up:{n}")).id for n in range(4))
        vendor.remove(gone)
        vendor.archive(archived)
        vendor.merge(merged, into=kept)
        assert [deal.id for deal in crm.get_deals([gone, merged, kept, archived, "99999"])] == [kept]
        assert crm.get_deals([]) == []

    def test_any_number_of_deals_by_id(self, crm: Crm, vendor: Vendor) -> None:
        acme = Record("organisation", draft(crm).organisation_id)
        vendor.crowd("deal", 230, acme)
        ids = {deal.id for deal in crm.open_deals()}
        assert len(ids) == 230
        assert {deal.id for deal in crm.get_deals(sorted(ids))} == ids

    def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(self, vendor: Vendor) -> None:
        crm = with_fields(vendor)
        made = crm.create_deal(draft(crm))
        vendor.wait(timedelta(seconds=5))
        vendor.edit(made.id, "Plan", "scale")
        with pytest.raises(Changed):
            crm.amend_deal(made.id, Amendment(Decimal(1), version=made.version))
        seen = crm.get_deal(made.id)
        assert (seen.value, seen.fields) == (made.value, {"Plan": "scale"})
        vendor.wait(timedelta(seconds=5))
        amended = crm.amend_deal(made.id, Amendment(Decimal(1), version=seen.version))
        assert (amended.value, amended.version == seen.version) == (Decimal(1), False)

    def test_a_deal_made_by_hand_becomes_one_of_ours(self, crm: Crm, vendor: Vendor) -> None:
        acme = draft(crm).organisation_id
        theirs = vendor.deal_by_hand("by hand", acme)
        before = crm.get_deal(theirs)
        adopted = crm.amend_deal(theirs, Amendment(key="up:7", version=before.version))
        assert (adopted.key, adopted.title, adopted.owner_id, adopted.value) == (
            "up:7",
            "by hand",
            before.owner_id,
            before.value,
        )
        assert [deal.id for deal in crm.find_deals_by_key("up:7", acme)] == [theirs]

    def test_our_key_survives_a_merge_into_a_deal_made_by_hand(self, crm: Crm, vendor: Vendor) -> None:
        ours = crm.create_deal(draft(crm)).id
        theirs = vendor.deal_by_hand("by hand", draft(crm).organisation_id)
        vendor.merge(ours, into=theirs)
        assert [deal.id for deal in crm.find_deals_by_key("up:1", draft(crm).organisation_id)] == [theirs]
        with suppress(NotFound):  # as good
            assert not crm.get_deal(ours).editable

    def test_organisations_by_id_leave_out_those_that_are_gone(self, crm: Crm) -> None:
        made = [crm.create_organisation(name, None) for name in HOSTILE]
        crm.remove(Record("organisation", made[0].id))
        found = crm.organisations([*(one.id for one in made), "99999"])
        assert {(one.id, one.name) for one in found} == {(one.id, one.name) for one in made[1:]}
        assert crm.organisations([]) == []

    def test_an_organisation_is_recalled_behind_many_others(self, crm: Crm, vendor: Vendor) -> None:
        before = vendor.server.clock() - timedelta(minutes=1)
        vendor.crowd("organisation", vendor.page + 1)
        made = crm.create_organisation("Acme", None)
        assert crm.recall_organisation("Acme", before) == made

    def test_a_note_is_found_behind_very_many_others(self, crm: Crm, vendor: Vendor) -> None:
        deal = crm.create_deal(draft(crm)).id
        vendor.crowd("note", vendor.page + 1, Record("deal", deal))
        assert crm.find_note(deal, "note:1") is None
        made = crm.create_note(deal, Note("note:1", ("x",)))
        assert crm.find_note(deal, "note:1") == made


class TaskContract(Connected):
    """Tasks of deals and of organisations, found again by their key; and the removal of anything."""

    @pytest.mark.parametrize("kind", ["deal", "organisation"])
    def test_a_task_is_found_again(self, crm: Crm, vendor: Vendor, kind: RecordKind) -> None:
        parent, other = self._parents(crm, kind)
        assert crm.find_task(parent, "task:1") is None
        crm.create_task(parent, self._task(crm, "task:11"))
        made = crm.create_task(parent, self._task(crm, "task:1"))
        crm.create_task(other, self._task(crm, "task:2"))
        assert crm.find_task(parent, "task:1") == made
        assert crm.find_task(other, "task:1") is None
        assert crm.find_task(parent, "task:2") is None
        assert vendor.task_subjects(parent) == ["Call Acme", "Call Acme"]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_subject_arrives_as_it_is(self, crm: Crm, vendor: Vendor, name: str) -> None:
        parent = Record("deal", crm.create_deal(draft(crm)).id)
        made = crm.create_task(parent, replace(self._task(crm, "task:1"), subject=f"Call {name}"))
        assert vendor.task_subjects(parent) == [f"Call {name}"]
        assert crm.find_task(parent, "task:1") == made

    def test_a_task_is_found_behind_very_many_others(self, crm: Crm, vendor: Vendor) -> None:
        parent = Record("deal", crm.create_deal(draft(crm)).id)
        vendor.crowd("task", vendor.page + 1, parent)
        made = crm.create_task(parent, self._task(crm, "task:1"))
        assert crm.find_task(parent, "task:1") == made

    def test_what_is_removed_twice_is_gone(self, crm: Crm) -> None:
        deal = Record("deal", crm.create_deal(draft(crm)).id)
        note = crm.create_note(deal.id, Note("note:1", ("x",)))
        task = crm.create_task(deal, self._task(crm, "task:1"))
        organisation = Record("organisation", draft(crm).organisation_id)
        for record in (Record("note", note), Record("task", task)):
            crm.remove(record)
            crm.remove(record)
        assert (crm.find_note(deal.id, "note:1"), crm.find_task(deal, "task:1")) == (None, None)
        for record in (deal, organisation):
            crm.remove(record)
            crm.remove(record)
        assert crm.get_deals([deal.id]) == []
        assert crm.organisations([organisation.id]) == []

    def _parents(self, crm: Crm, kind: RecordKind) -> list[Record]:
        if kind == "deal":
            return [Record(kind, crm.create_deal(draft(crm, key)).id) for key in ("up:1", "up:2")]
        return [Record(kind, crm.create_organisation(name, None).id) for name in ("Acme", "Other")]

    def _task(self, crm: Crm, key: str) -> Task:
        return Task(key, "Call Acme", date(2026, 12, 1), crm.users()[0].id)


class WebhookContract(Connected):
    """One hook, kept alive; and nobody but the CRM is believed."""

    def test_a_hook_is_ensured_once(self, crm: Crm, vendor: Vendor) -> None:
        now = vendor.server.clock()
        first = crm.ensure_webhook(HOOK, now)
        assert crm.ensure_webhook(HOOK, now) == first
        assert vendor.hooks() == [HOOK.address]

    def test_a_hook_is_renewed_before_it_runs_out(self, crm: Crm, vendor: Vendor) -> None:
        first = crm.ensure_webhook(HOOK, vendor.server.clock())
        vendor.wait(timedelta(days=6))
        again = crm.ensure_webhook(HOOK, vendor.server.clock())
        assert vendor.hooks() == [HOOK.address]
        assert first is again is None or (first is not None and again is not None and first < again)

    def test_a_hook_that_was_given_up_is_made_anew(self, crm: Crm, vendor: Vendor) -> None:
        crm.ensure_webhook(HOOK, vendor.server.clock())
        vendor.drop_hooks()
        assert vendor.hooks() == []
        crm.ensure_webhook(HOOK, vendor.server.clock())
        assert vendor.hooks() == [HOOK.address]

    def test_another_secret_replaces_the_hook(self, crm: Crm, vendor: Vendor) -> None:
        deal = crm.create_deal(draft(crm)).id
        crm.ensure_webhook(HOOK, vendor.server.clock())
        changed = replace(HOOK, secret="another-long-secret")
        crm.ensure_webhook(changed, vendor.server.clock())
        assert vendor.hooks() == [HOOK.address]
        ((headers, body),) = vendor.messages([deal])
        assert crm.parse_webhook(changed, headers, body) == [deal]
        with pytest.raises(AuthFailed):
            crm.parse_webhook(HOOK, headers, body)

    def test_the_ids_of_changed_deals_are_told(self, crm: Crm, vendor: Vendor) -> None:
        deals = [crm.create_deal(draft(crm, f"up:{n}")).id for n in range(3)]
        crm.ensure_webhook(HOOK, vendor.server.clock())
        messages = vendor.messages(deals)
        assert [one for headers, body in messages for one in crm.parse_webhook(HOOK, headers, body)] == deals
        lower = [({name.lower(): value for name, value in headers.items()}, body) for headers, body in messages]
        assert [one for headers, body in lower for one in crm.parse_webhook(HOOK, headers, body)] == deals

    def test_nobody_else_is_believed(self, crm: Crm, vendor: Vendor) -> None:
        deal = crm.create_deal(draft(crm)).id
        crm.ensure_webhook(HOOK, vendor.server.clock())
        ((headers, body),) = vendor.messages([deal])
        for secret in ("a-long-secreT", "a-long-secret-", "ä", ""):
            with pytest.raises(AuthFailed) as caught:
                crm.parse_webhook(replace(HOOK, secret=secret), headers, body)
            assert HOOK.secret not in str(caught.value)
        for odd in (b"", b"{", b"[]", b"null", b'{"a": 1}', b"\xff"):
            with pytest.raises(AuthFailed):
                crm.parse_webhook(HOOK, {}, odd)


class SetupContract(Connected):
    """What is missing is named, and made where we may."""

    def test_each_missing_scope_is_named(self, vendor: Vendor) -> None:
        assert vendor.scopes
        for scope in vendor.scopes:
            missed = [finding for finding in vendor.without(scope).check() if not finding.ok]
            assert [finding for finding in missed if scope in f"{finding.what} {finding.fix}"], (scope, missed)

    def test_what_is_provided_twice_is_made_once(self, vendor: Vendor) -> None:
        setup = replace(SETUP, key_field="Case key")
        first = vendor.connect(setup).provision()
        assert first
        assert [finding for finding in first if not finding.ok and not finding.fix] == []
        vendor.server.forget_calls()
        assert [finding.ok for finding in vendor.connect(setup).provision()] == [finding.ok for finding in first]
        written = [call for call in vendor.server.calls if call.method != "GET" and "token" not in call.path]
        assert written == []

    def test_a_deal_can_be_made_once_all_is_provided(self, vendor: Vendor) -> None:
        setup = replace(SETUP, key_field="Case key")
        crm = vendor.connect(setup)
        crm.provision()
        assert [finding for finding in crm.check() if not finding.ok] == []
        assert crm.create_deal(draft(crm)).key == "up:1"


class CrmContract(DealContract, FieldContract, FollowContract, TaskContract, WebhookContract, SetupContract):
    """All of it."""
