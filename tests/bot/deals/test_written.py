"""What we wrote, what people wrote, and how the two are told apart."""

import json
from datetime import date
from decimal import Decimal

import pytest

from bot.deals.written import VALUE, Contents, Written, contents

WROTE: Contents = contents(Decimal(4800), {"Plan": "Growth", "Passes on": date(2026, 11, 26), "Trial": True})

AMONG = (*WROTE, "Budget", "Long")


def stored(written: Written) -> Written:
    return Written.from_json(json.loads(json.dumps(written.to_json())))


def test_it_survives_being_stored() -> None:
    whole = Written.of(WROTE).before({"Plan": "Starter", VALUE: Decimal(1)}).seen({**WROTE, "Plan": "Theirs"}, AMONG)
    assert stored(whole) == whole
    assert whole.to_json()["value"] == "4800"
    assert whole.to_json()["fields"]["Passes on"] == "2026-11-26"
    assert stored(Written(adopted=True)) == Written(adopted=True)


@pytest.mark.parametrize(
    "same",
    [
        {**WROTE, VALUE: Decimal("4800.00")},
        {**WROTE, VALUE: Decimal("4.8E+3")},
        {**WROTE, "Plan": "growth "},
    ],
)
def test_one_value_in_two_spellings_is_nobodys_change(same: Contents) -> None:
    assert Written.of(WROTE).seen(same, AMONG) == Written.of(WROTE)
    assert Written.of(WROTE).may_change(same, WROTE) == {}


@pytest.mark.parametrize(
    ("present", "theirs"),
    [
        ({**WROTE, VALUE: Decimal(4801)}, {VALUE}),
        ({**WROTE, "Plan": "Starter"}, {"Plan"}),
        ({name: value for name, value in WROTE.items() if name != "Plan"}, {"Plan"}),
        ({**WROTE, "Budget": "theirs alone"}, {"Budget"}),
        ({}, set(WROTE)),
    ],
)
def test_what_differs_belongs_to_people(present: Contents, theirs: set[str]) -> None:
    seen = Written.of(WROTE).seen(present, AMONG)
    assert seen.theirs == theirs
    wanted = {**dict.fromkeys(WROTE, "new"), "Budget": "ours"}
    assert seen.may_change(present, wanted).keys() == wanted.keys() - theirs
    assert seen.seen(WROTE, AMONG).theirs >= theirs, "for good"


def test_an_amendment_under_way_is_ours_whether_or_not_it_was_applied() -> None:
    change: Contents = {VALUE: Decimal(6000), "Plan": "Starter"}
    under_way = stored(Written.of(WROTE).before(change))
    for present in (WROTE, {**WROTE, **change}, {**WROTE, "Plan": "Starter"}):
        assert under_way.seen(present, AMONG).theirs == set()
    assert under_way.seen({**WROTE, "Plan": "Theirs"}, AMONG).theirs == {"Plan"}
    applied = under_way.seen({**WROTE, **change}, AMONG)
    assert applied.seen(WROTE, AMONG).theirs == {VALUE, "Plan"}, "it was applied, and people took it back"


def test_what_the_crm_made_of_it_is_what_we_wrote() -> None:
    """It rounded, or cut."""
    sent: Contents = {"Long": "x" * 300}
    after = Written().before(sent).after(sent, {"Long": "x" * 255, "Other": "untouched"})
    assert after.seen({"Long": "x" * 255}, AMONG).theirs == set()
    assert after.under_way == {}


def test_an_adopted_deal_is_theirs_as_a_whole() -> None:
    assert Written(adopted=True).may_change({}, WROTE) == {}


def test_no_value_and_a_value_of_nothing_are_the_same() -> None:
    assert contents(Decimal(0), {}) == contents(None, {}) == {}


def test_a_field_that_is_not_configured_for_a_while_stays_ours() -> None:
    assert Written.of(WROTE).seen({VALUE: Decimal(4800)}, [VALUE]).theirs == set()
