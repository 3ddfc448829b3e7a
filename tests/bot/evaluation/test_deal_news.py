"""When a deal is brought up to date: at once where plan, value or level changed, else once a day, never for nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.evaluation.cases import Case
from bot.evaluation.deal_news import AMEND
from bot.evaluation.decisions import Amend, carry_out, columns
from bot.evaluation.pricing import Offer
from bot.model import Account, Deal, Opportunity, Signal
from bot.store import Database, accounts, jobs, opportunities
from tests.databases import MovedClock

DEAL = Deal("7", "Acme", "https://crm.example/7")
NEAR = Signal(
    "approaching_limit", "api_calls", 0.9, 1.2, level=80.0, used=82100.0, limit=100000.0, ratio=0.821, probability=0.91
)
ACME = Account("acme", "Acme Corp", plan="starter")
START = Case(
    ACME, "upsell", 60, {}, (NEAR,), {}, Offer("growth", Decimal(4800), Decimal(310)), (), period_day=21, period_days=30
)


@pytest.fixture
def live(database: Database) -> Database:
    with database.transaction() as tx:
        accounts.save(tx, [ACME])
        made = opportunities.open_new(tx, "acme", tx.now(), columns(START))
        opportunities.set_deal(tx, made or 0, DEAL)
    return database


def evaluated(db: Database, case: Case) -> None:
    with db.transaction() as tx:
        carry_out(tx, [Amend(case, opportunities.live(tx)["acme"])], tx.now())


def amendments(db: Database) -> list[Any]:
    """The jobs, the oldest first."""
    with db.read() as tx:
        return list(reversed(jobs.list_jobs(tx, kinds=(AMEND,))))


def signal(**changes: Any) -> Case:
    return replace(START, signals=(replace(NEAR, **changes),))


GRAVE: dict[str, Case] = {
    "the plan": replace(START, account=replace(ACME, plan="trial")),
    "the recommended plan": replace(START, offer=Offer("scale", Decimal(4800), Decimal(310))),
    "the value": replace(START, offer=Offer("growth", Decimal(4801), Decimal(310))),
    "a level": signal(level=90.0),
}
LIGHT: dict[str, Case] = {
    "the score": replace(START, score=61),
    "used, by two digits": signal(used=83900.0, ratio=0.839),
    "the day": signal(crosses_on=date(2026, 11, 27)),
    "how likely": signal(probability=0.95),
    "the fees": replace(START, offer=Offer("growth", Decimal(4800), Decimal(340))),
    "one signal more": replace(START, signals=(NEAR, Signal("feature_lockout", None, 0.5, 1.3, subject="sso"))),
}
NOTHING: dict[str, Case] = {
    "nothing": START,
    "the third digit of a figure": signal(used=82149.0, ratio=0.82149, probability=0.9099),
    "the third digit of the fees": replace(START, offer=Offer("growth", Decimal(4800), Decimal(312))),
    "the hour of its reading": signal(as_of=datetime(2026, 11, 23, 9, tzinfo=UTC)),
    "the day of the period": replace(START, period_day=22),
}


@pytest.mark.parametrize("case", NOTHING.values(), ids=NOTHING.keys())
def test_nothing_is_done_for_nothing(live: Database, case: Case) -> None:
    evaluated(live, case)
    assert amendments(live) == []


@pytest.mark.parametrize("case", [*GRAVE.values(), *LIGHT.values()], ids=[*GRAVE, *LIGHT])
def test_what_changes_amends_the_deal(live: Database, case: Case) -> None:
    evaluated(live, case)
    evaluated(live, case)
    (job,) = amendments(live)
    with live.read() as tx:
        identity = opportunities.live(tx)["acme"].id
    assert (job.payload, job.subject) == ({"opportunity": identity}, f"deal:{identity}")


@pytest.mark.parametrize("case", [*GRAVE.values(), *LIGHT.values()], ids=[*GRAVE, *LIGHT])
def test_without_a_deal_there_is_nothing_to_amend(database: Database, case: Case) -> None:
    with database.transaction() as tx:
        accounts.save(tx, [ACME])
        opportunities.open_new(tx, "acme", tx.now(), columns(START))
    evaluated(database, case)
    assert amendments(database) == []


def test_a_grave_change_is_told_at_once_each_time_also_back_and_forth(live: Database) -> None:
    for case in (GRAVE["a level"], START, GRAVE["a level"], GRAVE["the value"]):
        evaluated(live, case)
    assert len(amendments(live)) == 4


def test_lighter_changes_are_told_once_a_day_and_the_last_of_them_is_not_lost(
    live: Database, clock: MovedClock
) -> None:
    for score in range(61, 70):
        evaluated(live, replace(START, score=score))
        clock.move(minutes=30)
    first, second = amendments(live)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    assert first.run_at <= first.created_at
    if live.dialect == "sqlite":  # PostgreSQL counts by its own clock
        assert second.run_at == midnight
    assert timedelta(hours=12) < second.run_at - second.created_at < timedelta(hours=24)
    clock.move(days=1)
    for score in range(71, 80):
        evaluated(live, replace(START, score=score))
    assert len(amendments(live)) == 3


@pytest.mark.parametrize("change", [lambda o: replace(o, deal=None), lambda o: o])
def test_carried_out_twice_it_is_one_amendment(live: Database, change: Callable[[Opportunity], Opportunity]) -> None:
    """An evaluation that lost contact with the database repeats its part."""
    with live.read() as tx:
        seen = change(opportunities.live(tx)["acme"])
    for _ in range(2):
        with live.transaction() as tx:
            carry_out(tx, [Amend(GRAVE["a level"], seen)], tx.now())
    assert len(amendments(live)) == (1 if seen.deal else 0)
