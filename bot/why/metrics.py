"""The rules about one metric: gates, levels, forecast, periods."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bot.config import Config
from bot.evaluation.score import contributions
from bot.evaluation.trace import Trace
from bot.lookup import WORDS
from bot.slack.text import percent, percent_used
from bot.why.steps import LEVEL, Step, figure, in_days, in_hours, seen, state_of
from detectors import approaching_limit, gates, growth_trajectory, overage_pattern
from detectors.base import Usage
from detectors.forecast import MIN_DAYS as FORECAST_DAYS


@dataclass(frozen=True, slots=True)
class MetricRules:
    trace: Trace
    config: Config
    key: str

    @property
    def usage(self) -> Usage:
        return self.trace.evidence.snapshot.usages[self.key]

    def steps(self) -> Iterator[Step]:
        usage = self.usage
        if usage.unlimited[0]:
            yield Step("limit", "none: the plan does not limit it", "a limit", None)
            return
        yield from self._gates()
        if self.trace.evidence.scan.gates[self.key][0] != gates.OPEN:
            return
        yield from self._levels()
        yield from self._growth()
        if usage.kind == "quota":
            yield from self._periods()

    def _gates(self) -> Iterator[Step]:
        usage = self.usage
        holds = gates.reasons(usage)
        told = {
            "limit_unknown": ("limit", self._limit(), "a known limit"),
            "limit_invalid": ("limit is a number", self._limit(), "above 0"),
            "impossible_values": ("used", figure(usage.used[0]), "a number of 0 or more"),
            "stale_data": ("last event", self._age(), self._patience()),
            "too_little_history": ("observed", in_days(usage.observed_days[0]), f"{in_days(gates.MIN_DAYS)} or more"),
            "too_little_usage": ("amount", *self._amount()),
        }
        if holds["limit_unknown"][0]:  # and of what is not known, nothing else can be asked
            del told["limit_invalid"], told["too_little_usage"]
        for reason, (rule, value, needs) in told.items():
            yield Step(rule, value, needs, not bool(holds[reason][0]))
        doubts = [WORDS[reason] for reason in gates.DOUBTS if reason in holds and holds[reason][0]]
        yield Step("figures can be trusted", "; ".join(doubts) or "yes", "no doubt", not doubts)

    def _limit(self) -> str:
        account, key = self.trace.account, self.key
        if own := account.limits.get(key):
            return f"{own}, the account's own"
        if account.plan not in self.config.plans:
            return (
                f"unknown: plan {account.plan} is not in headroom.toml" if account.plan else "unknown: no plan is told"
            )
        return f"{figure(self.usage.limit[0])}, of plan {account.plan}"

    def _age(self) -> str:
        usage = self.usage
        return f"{in_hours(usage.age_hours[0])} ago; of any metric {in_hours(usage.silent_hours[0])} ago"

    def _patience(self) -> str:
        patience, of_any = gates.patience(self.usage)[0], f"of any metric within {in_hours(gates.STALE_HOURS)}"
        return of_any if np.isinf(patience) else f"within {in_hours(patience)}; {of_any}"

    def _amount(self) -> tuple[str, str]:
        usage = self.usage
        if usage.people:
            return f"a limit of {figure(usage.limit[0])}", f"{figure(gates.MIN_SEATS)} seats or more"
        if usage.kind != "quota":
            return figure(usage.used[0]), "any"
        value = f"{figure(gates.daily_mean(usage)[0])} a day, {figure(usage.used[0])} in the period"
        if not usage.counted:
            return value, "any"
        return value, f"{figure(gates.MIN_DAILY)} a day, or {figure(gates.MIN_IN_PERIOD)} in the period"

    def _levels(self) -> Iterator[Step]:
        usage, kind = self.usage, approaching_limit.KIND
        told, fired = seen(self.trace, kind, self.key), state_of(self.trace, kind, self.key)
        ratio = told.get("steady_ratio", usage.used[0] / usage.limit[0])
        reached = 100 * ratio * (1 + approaching_limit.ROUNDING)
        levels = approaching_limit.levels_of(usage, self.trace.rules.approaching)[0]
        for level in levels[np.isfinite(levels)].tolist():
            is_on = fired is not None and (fired.level or 0.0) >= level
            yield Step(
                f"{level:g} {LEVEL}",
                percent_used(ratio),
                f"{level:g} %" + (f"; over below {level - approaching_limit.HOLD_POINTS:g} %" if is_on else ""),
                bool(reached >= level),
                fired.since if fired and is_on else None,
            )
        if usage.people:
            left = usage.limit[0] - usage.used[0]
            yield Step(
                "seats left",
                figure(left),
                f"{figure(approaching_limit.SEATS_LEFT)} or fewer",
                bool(told and told["fires"]),
            )
        if self._is_hidden():
            yield Step("in the score", "hidden by the overage pattern", "no overage of the same metric", False)

    def _is_hidden(self) -> bool:
        signals = [signal for _, signal in self.trace.on.values() if signal.metric == self.key]
        is_on = any(signal.kind == approaching_limit.KIND for signal in signals)
        return is_on and contributions(signals)[approaching_limit.KIND] == 0 and len(signals) > 1

    def _growth(self) -> Iterator[Step]:
        usage, kind = self.usage, growth_trajectory.KIND
        expected, fired = self.trace.evidence.scan.forecasts[self.key], state_of(self.trace, kind, self.key)
        known = min(int(usage.observed_days[0]), int(np.isfinite(usage.daily[0]).sum()))
        enough = bool(expected.enough[0])
        yield Step("history for a forecast", in_days(known), f"{in_days(FORECAST_DAYS)} or more", enough)
        if not enough:
            return
        on = self.trace.rules.growth_probability
        since = fired.since if fired else None
        needs = f"{percent(on)}; over below {percent(on - growth_trajectory.HOLD_LESS)}" if fired else percent(on)
        passed = usage.used[0] >= usage.limit[0]
        yield Step("limit not yet passed", percent_used(usage.used[0] / usage.limit[0]), "below 100 %", not passed)
        chance = expected.probability[0]
        yield Step("likely to pass the limit", percent_used(chance), needs, bool(chance >= on), since)
        if usage.kind == "gauge":  # what is used of a quota stays used: one look is enough
            before = growth_trajectory.earlier(usage, np.zeros(1, np.int64))[0]
            yield Step("the same a day before", percent_used(before), percent(on), bool(before >= on))
        burst = bool(growth_trajectory.fresh_burst(usage.daily)[0])
        sure = bool(growth_trajectory.certain(usage)[0])
        value = ("yes, but certain without it" if sure else "yes") if burst else "no"
        yield Step("a burst of less than a week", value, "none, or certain without it", not burst or sure)

    def _periods(self) -> Iterator[Step]:
        usage, kind = self.usage, overage_pattern.KIND
        amounts = [usage.used[0], *usage.previous_periods[0]]
        fires, fired = seen(self.trace, kind, self.key).get("fires", False), state_of(self.trace, kind, self.key)
        value = ", ".join(figure(amount) for amount in amounts)
        needs = f"two in a row over {figure(usage.limit[0])}"
        yield Step("this period and the two before", value, needs, bool(fires), fired.since if fired else None)
