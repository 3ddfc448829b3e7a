"""Money: the cheapest plan that fits, the yearly difference, the overage of staying."""

from decimal import Decimal

import pytest

from bot.config import Plan
from bot.evaluation.pricing import Need, Offer, offer
from bot.model import BreakEven

PLANS = {
    "starter": Plan(
        price=Decimal(99), limits={"api_calls": 100_000, "seats": 10}, overage={"api_calls": Decimal("0.002")}
    ),
    "team": Plan(price=Decimal(199), limits={"api_calls": 150_000, "seats": 10}),
    "growth": Plan(price=Decimal(499), limits={"api_calls": 1_000_000}),
}


def test_the_cheapest_plan_that_holds_every_metric() -> None:
    calls = Need(this_period=120_000, next_period=140_000, limit=100_000)

    assert offer(PLANS, "starter", {"api_calls": calls}) == Offer(
        "team", Decimal(1200), Decimal("40.00"), Decimal("80.00"), BreakEven("api_calls", 50_000)
    )
    seats = Need(this_period=12, next_period=12, limit=10)
    assert offer(PLANS, "starter", {"api_calls": calls, "seats": seats}).plan == "growth"


def test_the_next_period_counts_as_well() -> None:
    growing = Need(this_period=95_000, next_period=160_000, limit=100_000)

    found = offer(PLANS, "starter", {"api_calls": growing})
    assert (found.plan, found.delta_arr) == ("growth", Decimal(4800))
    assert (found.overage_cost, found.next_overage_cost) == (None, Decimal("120.00"))


def test_a_locked_feature_asks_for_a_plan_that_has_it() -> None:
    plans = {**PLANS, "team": Plan(price=Decimal(199), features=("audit_log",))}

    assert offer(plans, "starter", {}, {"sso"}).plan == "growth"
    assert offer(plans, "starter", {}, {"audit_log"}).plan == "team"


def test_no_plan_is_big_enough() -> None:
    huge = Need(this_period=2e6, next_period=2e6, limit=100_000)

    assert offer(PLANS, "starter", {"api_calls": huge}) == Offer(None, None, Decimal("3800.00"), Decimal("3800.00"))


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


def test_a_price_of_nothing_beyond_the_limit_breaks_even_never() -> None:
    plans = {**PLANS, "starter": Plan(price=Decimal(99), overage={"api_calls": Decimal(0)})}

    assert offer(plans, "starter", {"api_calls": Need(float("inf"), 1, 1)}).break_even is None
    assert offer(plans, "starter", {"api_calls": Need(5, 5, 1)}).break_even is None


def test_a_plan_without_overage_has_no_break_even() -> None:
    found = offer(PLANS, "team", {"api_calls": Need(200_000, 200_000, 150_000)})

    assert (found.plan, found.overage_cost, found.break_even) == ("growth", None, None)


def test_the_break_even_is_that_of_the_step_and_rounded_up() -> None:
    plans = {
        "small": Plan(price=Decimal("9.99"), limits={"api_calls": 1000}, overage={"api_calls": Decimal("0.003")}),
        "big": Plan(price=Decimal(19)),
    }

    found = offer(plans, "small", {"api_calls": Need(900, 1100, 1000)})
    assert found.break_even == BreakEven("api_calls", 3004)  # 9.01 / 0.003 = 3003.3


def test_of_several_metrics_over_at_once_the_dearest_breaks_even_beside_the_others() -> None:
    overage = {"api_calls": Decimal("0.01"), "data_gb": Decimal("0.5")}
    plans = {"small": Plan(price=Decimal(100), overage=overage), "big": Plan(price=Decimal(300))}
    needs = {"api_calls": Need(11_000, 11_000, 1_000), "data_gb": Need(260, 300, 100)}

    found = offer(plans, "small", needs)
    assert (found.overage_cost, found.next_overage_cost) == (Decimal("180.00"), Decimal("200.00"))
    assert found.break_even == BreakEven("api_calls", 12_000)  # 200 - 80 for the data, at 0.01 a call
    needs["data_gb"] = Need(700, 700, 100)
    assert offer(plans, "small", needs).break_even == BreakEven("data_gb", 200)
    needs |= {"data_gb": Need(601, 601, 100), "api_calls": Need(26_000, 26_000, 1_000)}
    assert offer(plans, "small", needs).break_even == BreakEven("data_gb", 0)  # the calls alone cost more


def test_the_change_in_revenue_is_counted_from_what_the_account_pays() -> None:
    need = {"api_calls": Need(200_000, 200_000, 100_000)}

    assert offer(PLANS, "starter", need, arr=Decimal("888.50")).delta_arr == Decimal("5099.50")
    assert offer(PLANS, "starter", need, arr=Decimal(0)).delta_arr == Decimal(4800)
    custom = offer(PLANS, "starter", need, arr=Decimal(50_000))
    assert (custom.plan, custom.delta_arr, custom.break_even) == ("growth", None, None)
