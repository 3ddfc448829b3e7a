"""Money: the cheapest plan that fits, what the change is worth a year, what staying would cost."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from bot.config import Plan
from bot.posthog.reading import IMPOSSIBLE

MONTHS = 12
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Need:
    """What an account will use of one metric: in the running period to its end, and in the next one."""

    this_period: float
    next_period: float
    limit: float | None  # the account's own, in force now


@dataclass(frozen=True, slots=True)
class Offer:
    """The step up: plan key, change in yearly revenue, and overage fees of staying for this period."""

    plan: str | None
    delta_arr: Decimal | None
    overage_cost: Decimal | None


def offer(
    plans: Mapping[str, Plan],
    current: str | None,
    needs: Mapping[str, Need],
    features: Collection[str] = (),
) -> Offer:
    """The cheapest plan above the current one that holds what the account will need, and has the features it misses.

    Plans that name no features are taken to have them all.
    """
    now = plans.get(current) if current else None
    if now is None:
        return Offer(None, None, None)
    better = [
        (plan.price, key)
        for key, plan in plans.items()
        if plan.price > now.price
        and all(_fits(plan, metric, need) for metric, need in needs.items())
        and (not plan.features or set(features) <= set(plan.features))
    ]
    cost = _overage(now, needs)
    if not better:
        return Offer(None, None, cost)
    price, key = min(better)
    return Offer(key, MONTHS * (price - now.price), cost)


def _fits(plan: Plan, metric: str, need: Need) -> bool:
    return max(need.this_period, need.next_period) <= plan.limits.get(metric, float("inf"))


def _overage(plan: Plan, needs: Mapping[str, Need]) -> Decimal | None:
    """None without fees, and where they would be no amount that anybody could owe."""
    over = {
        metric: need.this_period - need.limit
        for metric, need in needs.items()
        if metric in plan.overage and need.limit is not None and need.this_period > need.limit
    }
    if not over or max(over.values()) >= IMPOSSIBLE:
        return None
    fees = sum((plan.overage[metric] * Decimal(str(units)) for metric, units in over.items()), Decimal())
    return fees.quantize(CENT, ROUND_HALF_UP) if fees < IMPOSSIBLE else None
