"""Money: the cheapest plan that fits, the yearly difference, the overage of staying."""

from decimal import Decimal

import pytest

from bot.config import Plan
from bot.evaluation.pricing import Need, Offer, offer

PLANS = {
    "starter": Plan(
        price=Decimal(99), limits={"api_calls": 100_000, "seats": 10}, overage={"api_calls": Decimal("0.002")}
    ),
    "team": Plan(price=Decimal(199), limits={"api_calls": 150_000, "seats": 10}),
    "growth": Plan(price=Decimal(499), limits={"api_calls": 1_000_000}),
}


def test_the_cheapest_plan_that_holds_every_metric() -> None:
    calls = Need(this_period=120_000, next_period=140_000, limit=100_000)

    assert offer(PLANS, "starter", {"api_calls": calls}) == Offer("team", Decimal(1200), Decimal("40.00"))
    seats = Need(this_period=12, next_period=12, limit=10)
    assert offer(PLANS, "starter", {"api_calls": calls, "seats": seats}).plan == "growth"


def test_the_next_period_counts_as_well() -> None:
    growing = Need(this_period=95_000, next_period=160_000, limit=100_000)

    assert offer(PLANS, "starter", {"api_calls": growing}) == Offer("growth", Decimal(4800), None)


def test_a_locked_feature_asks_for_a_plan_that_has_it() -> None:
    plans = {**PLANS, "team": Plan(price=Decimal(199), features=("audit_log",))}

    assert offer(plans, "starter", {}, {"sso"}).plan == "growth"
    assert offer(plans, "starter", {}, {"audit_log"}).plan == "team"


def test_no_plan_is_big_enough() -> None:
    huge = Need(this_period=2e6, next_period=2e6, limit=100_000)

    assert offer(PLANS, "starter", {"api_calls": huge}) == Offer(None, None, Decimal("3800.00"))


def test_an_unknown_plan_has_no_price_to_compare_with() -> None:
    assert offer(PLANS, "legacy", {}) == Offer(None, None, None)
    assert offer(PLANS, None, {}) == Offer(None, None, None)


def test_the_accounts_own_limit_sets_the_overage() -> None:
    assert offer(PLANS, "starter", {"api_calls": Need(120_000, 0, 130_000)}).overage_cost is None


@pytest.mark.parametrize("used", [1e15 + 100_000, 1e300, 1.7e308, float("inf"), float("nan")])
def test_an_impossible_overage_is_no_amount(used: float) -> None:
    assert offer(PLANS, "starter", {"api_calls": Need(used, used, 100_000)}).overage_cost is None


def test_a_price_can_make_the_overage_impossible() -> None:
    plans = {"only": Plan(price=Decimal(1), overage={"api_calls": Decimal("1e12")})}

    assert offer(plans, "only", {"api_calls": Need(1e9, 1e9, 1)}).overage_cost is None
