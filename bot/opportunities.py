"""From cases to opportunities: one live opportunity an account, opened, amended, resolved, upgraded."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from bot.cases import CONTEXT_ONLY, Case
from bot.config import Plan
from bot.model import Account, Opportunity, State
from bot.signal_json import to_json
from bot.store import Transaction, jobs, opportunities

CARD_PRIORITY = 50


@dataclass(slots=True)
class Settled:
    """What became of the cases: ids by what happened to them, and the accounts that a decision holds back."""

    opened: list[int] = field(default_factory=list)
    amended: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    held_back: dict[str, str] = field(default_factory=dict)  # account -> reason


def enqueue_card(tx: Transaction, identity: int, version: int) -> None:
    """The card is due: it will show what is true when it is drawn, so a later request covers an earlier one."""
    jobs.enqueue(
        tx,
        "card",
        {"opportunity": identity, "version": version},
        ukey=f"card:{identity}:{version}",
        subject=f"card:{identity}",
        priority=CARD_PRIORITY,
    )


def settle(
    tx: Transaction, cases: Iterable[Case], accounts: Mapping[str, Account], plans: Mapping[str, Plan], at: datetime
) -> Settled:
    """Bring the opportunities of all accounts in line with their cases, and enqueue the cards that are due.

    `accounts` are those that this evaluation could judge: an account that was not read keeps what it has.
    """
    settled = Settled()
    by_account = {case.account.key: case for case in cases if case.worth_a_card}
    live = opportunities.live(tx)
    closed = opportunities.last_closed(tx, by_account.keys() - live.keys())
    for key, case in by_account.items():
        if key in live:
            _amend(tx, live[key], case, at, settled)
        elif key in closed and not _graver(case, *closed[key]):
            settled.held_back[key] = f"{closed[key][0].state}_lately"
        else:
            _open(tx, case, at, settled)
    for key, opportunity in live.items():
        if key in accounts and key not in by_account:
            _close(tx, opportunity, accounts[key], plans, settled)
    return settled


def columns(case: Case) -> dict[str, Any]:
    """The case as columns of an opportunity."""
    return {
        "polarity": case.polarity,
        "score": case.score,
        "points": dict(case.points),
        "signals": [to_json(signal) for signal in case.signals],
        "plan": case.account.plan,
        "recommended_plan": case.offer.plan,
        "delta_arr": case.offer.delta_arr,
        "overage_cost": case.offer.overage_cost,
        "history": list(case.history),
        "period_day": case.period_day,
        "period_days": case.period_days,
    }


def _open(tx: Transaction, case: Case, at: datetime, settled: Settled) -> None:
    made = opportunities.open_new(tx, case.account.key, at, columns(case))
    if made is not None:
        settled.opened.append(made)
        enqueue_card(tx, made, 1)


def _amend(tx: Transaction, opportunity: Opportunity, case: Case, at: datetime, settled: Settled) -> None:
    now = columns(case)
    worth_showing = _seen(asdict(opportunity)) != _seen({**now, "signals": [asdict(one) for one in case.signals]})
    version = opportunities.amend(tx, opportunity.id, at, now, worth_showing=worth_showing)
    settled.amended.append(opportunity.id)
    if worth_showing:
        enqueue_card(tx, opportunity.id, version)


def _seen(shown: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a reader of the card would notice: not the third digit of a figure, nor the hour of its reading."""
    signals = sorted(
        (
            one["kind"],
            one["metric"] or "",
            one["subject"] or "",
            one["level"] or 0,
            _rounded(one["ratio"]),
            str(one["crosses_on"]),
        )
        for one in shown["signals"]
    )
    rest = tuple(shown[name] for name in ("polarity", "score", "plan", "recommended_plan", "delta_arr", "period_day"))
    return (*signals, *rest)


def _rounded(ratio: float | None) -> float:
    return round(ratio or 0.0, 2)


def _graver(case: Case, last: Opportunity, closed_at: datetime) -> bool:
    """Whether something began, or reached a higher level, since people were done with the last opportunity."""
    known = {(signal.kind, signal.metric, signal.subject): signal.level or 0.0 for signal in last.signals}
    return case.polarity != last.polarity or any(
        fired.since > closed_at or (fired.level or 0.0) > known.get(key[1:], -1.0)
        for key, fired in case.fired.items()
        if key[1] not in CONTEXT_ONLY
    )


def _close(
    tx: Transaction, opportunity: Opportunity, account: Account, plans: Mapping[str, Plan], settled: Settled
) -> None:
    """Nothing is on any more: the account upgraded, or its usage fell. A rep's own work is not taken away by a fall."""
    before, now = plans.get(opportunity.plan or ""), plans.get(account.plan or "")
    if before and now and now.price > before.price:
        state: State = "upgraded"
    elif opportunity.state == "claimed" or opportunity.deal:
        return
    else:
        state = "resolved"
    version = opportunities.move(tx, opportunity.id, state, who=opportunities.SYSTEM, what=state)
    if version is not None:
        settled.closed.append(opportunity.id)
        enqueue_card(tx, opportunity.id, version)
