"""From cases to opportunities: one live opportunity an account, opened, amended, resolved, upgraded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot.config import Plan
from bot.evaluation import deal_news
from bot.evaluation.cases import Case
from bot.evaluation.restraint import HoldBack, Restraint
from bot.evaluation.rises import reached, rises
from bot.model import Account, Deal, Opportunity, Signal, State
from bot.signal_json import to_json
from bot.store import Transaction, jobs, opportunities

CARD_PRIORITY, THREAD_PRIORITY = 50, 60  # the card first: its thread is where the news goes


@dataclass(frozen=True, slots=True)
class Open:
    case: Case
    deal: Deal | None = None  # one that is open in the CRM: the card says so


@dataclass(frozen=True, slots=True)
class Amend:
    case: Case
    opportunity: Opportunity
    deal: Deal | None = None  # another than the opportunity's own


@dataclass(frozen=True, slots=True)
class Close:
    opportunity: Opportunity
    state: State


Decision = Open | Amend | HoldBack | Close


def decide(
    cases: Iterable[Case],
    live: Mapping[str, Opportunity],
    restraint: Restraint,
    accounts: Mapping[str, Account],
    plans: Mapping[str, Plan],
) -> Iterator[Decision]:
    """One decision for each account that has a case worth a card or a live opportunity.

    `accounts` are those that this evaluation could judge: an account that was not read keeps what it has.
    """
    by_account = {case.account.key: case for case in cases if case.worth_a_card}
    for key, case in by_account.items():
        if key in live and _upgraded(live[key], case.account, plans):
            yield Close(live[key], "upgraded")
        elif key in live:
            yield Amend(case, live[key], _deal(restraint, key, live[key]))
        elif held := restraint.held(case):
            yield held
        else:
            yield Open(case, _deal(restraint, key))
    for key, opportunity in live.items():
        state = _end(opportunity, accounts[key], plans) if key in accounts and key not in by_account else None
        if state:
            yield Close(opportunity, state)


def _deal(restraint: Restraint, account: str, own: Opportunity | None = None) -> Deal | None:
    found = restraint.deal(account, own)
    return found.deal if found else None


def _end(opportunity: Opportunity, account: Account, plans: Mapping[str, Plan]) -> State | None:
    """Nothing is on any more: the account upgraded, or its usage fell. A fall takes no work away from a rep."""
    if _upgraded(opportunity, account, plans):
        return "upgraded"
    return None if opportunity.owner or opportunity.deal else "resolved"


def _upgraded(opportunity: Opportunity, account: Account, plans: Mapping[str, Plan]) -> bool:
    before, now = plans.get(opportunity.plan or ""), plans.get(account.plan or "")
    return before is not None and now is not None and now.price > before.price


def carry_out(tx: Transaction, decisions: Sequence[Decision], at: datetime) -> None:
    """Store the decisions and enqueue the cards that are due, in the caller's transaction."""
    due: dict[int, int] = {}  # id -> version of the opportunities whose card is due
    for decision in decisions:
        match decision:
            case Open(case, deal):
                made = opportunities.open_new(tx, case.account.key, at, columns(case, deal), reached(case))
                due |= {} if made is None else {made: 1}
            case Close(opportunity, state):
                # Only as it was read: somebody may have claimed it meanwhile.
                version = opportunities.move(
                    tx, opportunity.id, state, who=opportunities.SYSTEM, what=state, from_states=(opportunity.state,)
                )
                due |= {} if version is None else {opportunity.id: version}
                if version is not None and state == "upgraded":
                    enqueue_thread(tx, opportunity.id, state, {"upgraded": True})
    amended = [decision for decision in decisions if isinstance(decision, Amend)]
    evidence = {one.opportunity.id: (columns(one.case, one.deal), _differ(one)) for one in amended}
    risen = opportunities.amend(tx, at, evidence)
    for one in amended:
        if one.opportunity.deal:
            deal_news.enqueue(tx, one.opportunity, one.case, at, risen.get(one.opportunity.id))
    due |= risen | _tell(tx, [one for one in amended if one.opportunity.id in risen])
    for identity, version in due.items():
        enqueue_card(tx, identity, version)


def explain(tx: Transaction, drivers: Mapping[str, Any]) -> None:
    """Store what drives the usage, JSON by account. A card that is drawn already is drawn once more."""
    for identity, version in opportunities.explain(tx, drivers).items():
        if not jobs.waits(tx, _card_key(identity, version)):
            enqueue_card(tx, identity, opportunities.touch(tx, identity))


def enqueue_card(tx: Transaction, identity: int, version: int) -> None:
    """The card is due: it will show what is true when it is drawn, so a later request covers an earlier one."""
    jobs.enqueue(
        tx,
        "card",
        {"opportunity": identity, "version": version},
        ukey=_card_key(identity, version),
        subject=f"card:{identity}",
        priority=CARD_PRIORITY,
    )


def enqueue_thread(tx: Transaction, identity: int, key: str, news: Mapping[str, Any]) -> None:
    """News for the thread of the card, mentioning the owner if there is one; `key` names what happened, told once.

    `news` is {"text": plain words}, which are escaped when they are posted. (Rises and upgrades have words of their
    own: {"rises": [...], "returned": bool}, {"upgraded": True}.) To be called in the transaction of what happened.
    """
    jobs.enqueue(
        tx,
        "thread",
        {"opportunity": identity, "key": key, "news": dict(news)},
        ukey=f"thread:{identity}:{key}",
        subject=f"thread:{identity}",
        priority=THREAD_PRIORITY,
    )


def _tell(tx: Transaction, amended: Sequence[Amend]) -> dict[int, int]:
    """Put what rose into the threads; the new versions of the opportunities that it brings back from a snooze."""
    candidates = [one for one in amended if any(rises(one.case, one.opportunity))]
    told = opportunities.told(tx, [one.opportunity.id for one in candidates])
    returned: dict[int, int] = {}
    for one in candidates:
        identity = one.opportunity.id
        new = list(rises(one.case, one.opportunity, told.get(identity, ())))
        if not new:
            continue
        opportunities.record(tx, identity, opportunities.SYSTEM, opportunities.ROSE, after=reached(one.case))
        version = opportunities.come_back(tx, identity) if any(rise.ends_snooze for rise in new) else None
        returned |= {} if version is None else {identity: version}
        news = {"rises": [rise.told for rise in new], "returned": version is not None}
        enqueue_thread(tx, identity, "+".join(rise.key for rise in new), news)
    return returned


def _card_key(identity: int, version: int) -> str:
    return f"card:{identity}:{version}"


def columns(case: Case, deal: Deal | None = None) -> dict[str, Any]:
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
        "break_even": case.offer.break_even and asdict(case.offer.break_even),
        "history": list(case.history),
        "period_day": case.period_day,
        "period_days": case.period_days,
        "open_deal": asdict(deal) if deal else None,
    }


def _differ(amended: Amend) -> bool:
    """Whether a reader of the card would notice: not the third digit of a figure, nor the hour of its reading."""
    case, shown = amended.case, amended.opportunity
    offered = (case.offer.plan, case.offer.delta_arr, case.offer.overage_cost)
    now = (case.polarity, case.score, case.account.plan, *offered, case.period_day, _seen(case.signals), amended.deal)
    offer = (shown.recommended_plan, shown.delta_arr, shown.overage_cost)
    then = (shown.polarity, shown.score, shown.plan, *offer, shown.period_day, _seen(shown.signals), shown.open_deal)
    return now != then


def _seen(signals: Iterable[Signal]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            one.kind,
            one.metric or "",
            one.subject or "",
            one.level or 0.0,
            round(one.ratio or 0.0, 2),
            str(one.crosses_on),
        )
        for one in signals
    )
