"""Whether an evaluation changes what the deal and its note say, and the job that brings them up to date."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.evaluation.cases import Case
from bot.evaluation.pricing import Offer
from bot.model import Opportunity, Signal
from bot.store import Transaction, jobs

AMEND = "amend_deal"
PRIORITY = 60


def enqueue(tx: Transaction, before: Opportunity, case: Case, at: datetime, version: int | None) -> None:
    """At most once a day, unless the plan, the value or a level changed. `version` is the opportunity's new one."""
    offer = Offer(before.recommended_plan, before.delta_arr, before.overage_cost)
    was = _decisive(before.plan, offer, before.signals)
    if was != _decisive(case.account.plan, case.offer, case.signals) and version is not None:
        _add(tx, before.id, f"v{version}")
    elif _told(before, offer) != _told(case, case.offer):
        today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = today + timedelta(days=1)
        _ = _add(tx, before.id, f"{today:%F}") or _add(tx, before.id, f"{tomorrow:%F}", tomorrow - at)


def _add(tx: Transaction, identity: int, when: str, after: timedelta = timedelta()) -> int | None:
    ukey, subject = f"amend:{identity}:{when}", f"deal:{identity}"
    return jobs.enqueue(
        tx, AMEND, {"opportunity": identity}, ukey=ukey, subject=subject, priority=PRIORITY, after=after
    )


def _decisive(plan: str | None, offer: Offer, signals: Iterable[Signal]) -> tuple[Any, ...]:
    levels = sorted((one.kind, one.metric or "", one.level) for one in signals if one.level is not None)
    return plan, offer.plan, offer.delta_arr, levels


def _told(of: Opportunity | Case, offer: Offer) -> tuple[Any, ...]:
    """What a reader would notice: not the third digit of a figure. An account's new name goes along with the next."""
    return of.polarity, of.score, _rough(offer.overage_cost), sorted(map(_seen, of.signals))


def _seen(signal: Signal) -> tuple[str, ...]:
    figures = (signal.used, signal.limit, signal.probability)
    words = (signal.kind, signal.metric or "", signal.subject or "", str(signal.crosses_on))
    return (*words, *map(_rough, figures))


def _rough(figure: float | Decimal | None) -> str:
    return "" if figure is None else f"{figure:.1e}"
