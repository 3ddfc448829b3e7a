"""Money: the cheapest plan that fits, what it is worth a year, what staying costs, and from when on that is more."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from bot.config import Plan
from bot.model import MONTHS, BreakEven
from bot.posthog.reading import IMPOSSIBLE

CENT, ONE = Decimal("0.01"), Decimal(1)
NOT_OWED = Decimal(IMPOSSIBLE)


@dataclass(frozen=True, slots=True)
class Need:
    """What an account will use of one metric: in the running period to its end, and in the next one."""

    this_period: float
    next_period: float
    limit: float | None  # the account's own, in force now


@dataclass(frozen=True, slots=True)
class Offer:
    """The step up: plan key, change in yearly revenue, and overage fees of staying, for this period and the next."""

    plan: str | None
    delta_arr: Decimal | None
    overage_cost: Decimal | None
    next_overage_cost: Decimal | None = None
    break_even: BreakEven | None = None


def offer(
    plans: Mapping[str, Plan],
    current: str | None,
    needs: Mapping[str, Need],
    features: Collection[str] = (),
    arr: Decimal | None = None,
) -> Offer:
    """The cheapest plan above the current one that holds what the account will need, and has the features it misses.

    Plans that name no features are taken to have them all. `arr` is what the account pays a year, where that is known.
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
    this = _fees(now, {metric: (need.this_period, need.limit) for metric, need in needs.items()})
    following = _fees(now, {metric: (need.next_period, need.limit) for metric, need in needs.items()})
    costs = _total(this.values()), _total(following.values())
    if not better:
        return Offer(None, None, *costs)
    price, key = min(better)
    delta = _delta(price, now, arr)
    return Offer(key, delta, *costs, _break_even(now, needs, this, delta))


def _delta(price: Decimal, now: Plan, arr: Decimal | None) -> Decimal | None:
    """Against what the account pays; None where its own price is no lower than the list price of the step."""
    pays = arr if arr is not None and arr > 0 else MONTHS * now.price
    gain = MONTHS * price - pays
    return gain if gain > 0 else None


def _fits(plan: Plan, metric: str, need: Need) -> bool:
    return max(need.this_period, need.next_period) <= plan.limits.get(metric, float("inf"))


def _fees(plan: Plan, used: Mapping[str, tuple[float, float | None]]) -> dict[str, Decimal]:
    """By metric that is beyond its limit and has a price; `used` is the figure and the limit."""
    return {
        metric: plan.overage[metric] * Decimal(str(figure - limit)) if figure - limit < IMPOSSIBLE else NOT_OWED
        for metric, (figure, limit) in used.items()
        if metric in plan.overage and limit is not None and figure > limit
    }


def _total(fees: Iterable[Decimal]) -> Decimal | None:
    """None without fees, and where they would be no amount that anybody could owe."""
    fees = tuple(fees)
    if not fees or not all(fee < IMPOSSIBLE for fee in fees):
        return None
    total = sum(fees, Decimal())
    return total.quantize(CENT, ROUND_HALF_UP) if total < IMPOSSIBLE else None


def _break_even(
    now: Plan, needs: Mapping[str, Need], fees: Mapping[str, Decimal], delta: Decimal | None
) -> BreakEven | None:
    """Of the metric that costs most: the units over its limit from which on the fees exceed the step.

    The fees of the other metrics count as this period has them.
    """
    priced = [metric for metric in needs if now.overage.get(metric) and needs[metric].limit]
    if delta is None or not priced or (fees and _total(fees.values()) is None):
        return None
    metric = max(priced, key=lambda one: (fees.get(one, Decimal()), _share(needs[one]), one))
    others = sum((fee for one, fee in fees.items() if one != metric), Decimal())
    units = max(delta / MONTHS - others, Decimal()) / now.overage[metric]
    return BreakEven(metric, int(units.quantize(ONE, ROUND_CEILING))) if units < IMPOSSIBLE else None


def _share(need: Need) -> float:
    return need.this_period / need.limit if need.limit else 0.0
