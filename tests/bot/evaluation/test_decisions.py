"""What becomes of a case: opened, amended, held back after a decision, resolved or upgraded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.config import Plan
from bot.evaluation.cases import Case
from bot.evaluation.decisions import Amend, Close, Decision, Open, decide
from bot.evaluation.pricing import Offer
from bot.evaluation.restraint import HoldBack, Restraint
from bot.model import Account, Deal, Fired, Opportunity, Signal, State
from bot.store.open_deals import OpenDeal

NOW = datetime(2026, 11, 22, tzinfo=UTC)
EARLIER = NOW - timedelta(days=3)
PLANS = {"starter": Plan(price=Decimal(99)), "growth": Plan(price=Decimal(499))}
ACME = Account("acme", "Acme Corp", plan="starter")
NEAR = Signal("approaching_limit", "api_calls", 0.5, 1.2, level=80.0)
VISITS = Signal("billing_page_visits", None, 0.5, 0.7)


def case(*signals: Signal, since: datetime = EARLIER, **changes: Any) -> Case:
    fired = {("acme", one.kind, one.metric, one.subject): Fired(since, one.level) for one in signals}
    made = Case(ACME, "upsell", 40, {}, signals, fired, Offer(None, None, None), (), None, None)
    return replace(made, **changes)


def opportunity(state: State = "open", **changes: Any) -> Opportunity:
    made = Opportunity(
        id=1,
        key="k",
        account=ACME,
        state=state,
        polarity="upsell",
        score=40,
        points={},
        signals=(NEAR,),
        plan="starter",
        recommended_plan=None,
        delta_arr=None,
        overage_cost=None,
        history=(),
        opened_at=EARLIER,
        updated_at=EARLIER,
        version=1,
    )
    return replace(made, **changes)


def decision(
    found: Case | None,
    live: Opportunity | None = None,
    closed: tuple[Opportunity, datetime] | None = None,
    account: Account | None = ACME,
    deals: tuple[OpenDeal, ...] = (),
    rest: int = 0,
) -> Decision | None:
    decided = list(
        decide(
            [found] if found else [],
            {"acme": live} if live else {},
            Restraint(NOW, {"acme": closed} if closed else {}, {"acme": deals}, timedelta(days=rest)),
            {"acme": account} if account else {},
            PLANS,
        )
    )
    assert len(decided) <= 1
    return decided[0] if decided else None


def test_a_case_opens_one_opportunity_and_then_amends_it() -> None:
    assert decision(case(NEAR)) == Open(case(NEAR))
    assert decision(case(NEAR), live=opportunity()) == Amend(case(NEAR), opportunity())


def test_billing_visits_alone_are_no_card_unless_they_point_at_leaving() -> None:
    assert decision(case(VISITS)) is None
    assert decision(case(VISITS, polarity="save")) == Open(case(VISITS, polarity="save"))


def test_after_a_no_nothing_comes_until_something_graver_happens() -> None:
    dismissed = (opportunity("dismissed"), NOW - timedelta(days=1))

    held = decision(case(NEAR), closed=dismissed)
    assert isinstance(held, HoldBack)
    assert held.reason == "dismissed_lately"
    assert isinstance(decision(case(replace(NEAR, level=90.0)), closed=dismissed), Open)
    assert isinstance(decision(case(NEAR, since=NOW), closed=dismissed), Open)
    assert isinstance(decision(case(NEAR, polarity="save"), closed=dismissed), Open)
    lockout = Signal("feature_lockout", None, 0.5, 1.3, subject="sso")
    assert isinstance(decision(case(NEAR, lockout), closed=dismissed), Open)


@pytest.mark.parametrize("state", ["dismissed", "lost", "won"])
def test_people_who_answered_are_left_alone_for_a_while(state: State) -> None:
    """The same level that fires anew, as in a new month, is nothing to ask about again; what is graver is."""
    answered = (opportunity(state), NOW - timedelta(days=9))

    held = decision(case(NEAR, since=NOW), closed=answered, rest=10)
    assert isinstance(held, HoldBack)
    assert held.reason == f"{state}_lately"
    assert isinstance(decision(case(NEAR, since=NOW), closed=answered, rest=9), Open)
    lockout = Signal("feature_lockout", None, 0.5, 1.3, subject="sso")
    for graver in (case(replace(NEAR, level=90.0)), case(NEAR, lockout), case(NEAR, polarity="save")):
        assert isinstance(decision(graver, closed=answered, rest=10), Open)


def test_usage_that_fell_and_rose_needs_no_rest() -> None:
    resolved = (opportunity("resolved"), NOW - timedelta(days=1))

    assert isinstance(decision(case(NEAR, since=NOW), closed=resolved, rest=30), Open)


@pytest.mark.parametrize(
    ("last", "comes"),
    [
        (opportunity("lost"), True),
        (opportunity("dismissed", dismissed_reason="wrong_time: asked in spring"), True),
        (opportunity("dismissed", dismissed_reason="already_talking"), True),
        (opportunity("dismissed", dismissed_reason="not_relevant"), False),
        (opportunity("won"), False),
    ],
)
def test_a_no_that_meant_not_now_ends_with_the_rest(last: Opportunity, comes: bool) -> None:
    """What has been on all the time comes back by itself, unless people said that it never will matter."""
    found = decision(case(NEAR, since=NOW - timedelta(days=60)), closed=(last, NOW - timedelta(days=31)), rest=30)

    assert isinstance(found, Open if comes else HoldBack)


def open_deal(seen_at: datetime = NOW - timedelta(days=1), **changes: Any) -> OpenDeal:
    return replace(OpenDeal("7", "By hand", "https://crm.example/7", "Dana", None, "1", "acme", seen_at), **changes)


def test_an_account_with_an_open_deal_gets_no_card_unless_something_graver_began_since() -> None:
    deals = (open_deal(),)

    held = decision(case(NEAR), deals=deals)
    assert isinstance(held, HoldBack)
    assert (held.reason, held.deal) == ("deal_open", deals[0])
    over, since = replace(NEAR, level=100.0), NOW - timedelta(hours=1)
    leaving = replace(VISITS, evidence={"saves": True})
    assert isinstance(decision(case(over), deals=deals), HoldBack), "its owner saw it when the deal was made"
    assert isinstance(decision(case(replace(NEAR, level=90.0), since=since), deals=deals), HoldBack)
    assert isinstance(decision(case(leaving, polarity="save"), deals=deals), HoldBack)
    for graver in (case(over, since=since), case(leaving, polarity="save", since=since)):
        assert decision(graver, deals=deals) == Open(graver, deals[0].deal)
    assert isinstance(decision(case(over, since=since), closed=(opportunity("dismissed"), NOW), deals=deals), Open)


def test_a_card_tells_of_other_open_deals_than_its_own() -> None:
    own, other = open_deal(our_key="k"), open_deal(deal_id="8", our_key="of an earlier one")
    live = opportunity(deal=Deal("9", "t", "u"))

    assert decision(case(NEAR), live=live, deals=(own,)) == Amend(case(NEAR), live)
    assert decision(case(NEAR), live=live, deals=(own, other)) == Amend(case(NEAR), live, other.deal)
    adopted = opportunity(deal=Deal("8", "t", "u"))
    assert decision(case(NEAR), live=adopted, deals=(other,)) == Amend(case(NEAR), adopted)


def test_a_new_billing_visit_is_nothing_graver() -> None:
    dismissed = (opportunity("dismissed"), NOW - timedelta(days=1))
    found = case(NEAR, VISITS)
    fired = {key: Fired(NOW if "billing" in key[1] else EARLIER, one.level) for key, one in found.fired.items()}

    assert isinstance(decision(replace(found, fired=fired), closed=dismissed), HoldBack)


@pytest.mark.parametrize(
    ("live", "end"),
    [
        (opportunity("open"), "resolved"),
        (opportunity("snoozed"), "resolved"),
        (opportunity("claimed", owner="U1"), None),
        (opportunity("open", deal=Deal("1", "t", "u")), None),
    ],
)
def test_a_fall_resolves_what_nobody_works_on(live: Opportunity, end: State | None) -> None:
    expected = Close(live, end) if end else None

    assert decision(None, live=live) == expected


def test_an_upgrade_closes_the_case_whoever_works_on_it() -> None:
    claimed = opportunity("claimed", owner="U1")

    assert decision(None, live=claimed, account=replace(ACME, plan="growth")) == Close(claimed, "upgraded")
    assert decision(None, live=opportunity(), account=replace(ACME, plan="legacy")) == Close(opportunity(), "resolved")


def test_an_account_that_was_not_read_keeps_what_it_has() -> None:
    assert decision(None, live=opportunity(), account=None) is None
