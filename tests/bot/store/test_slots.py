"""Evaluation slots: done once, taken over from the dead, finished only by their owner."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.store import Database, runs
from bot.store.delivery_tables import run
from bot.store.leases import LostLeaseError
from tests.databases import MovedClock, elapse

SLOT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LEASE = timedelta(minutes=5)


def claim(database: Database, owner: str, slot: datetime = SLOT) -> runs.Run | None:
    return runs.claim_slot(database, "evaluate", slot, owner, LEASE)


def test_a_slot_is_one_replicas_and_stays_done(database: Database) -> None:
    mine = claim(database, "a")
    assert mine is not None
    assert claim(database, "b") is None
    with database.transaction() as tx:
        runs.renew(tx, mine, LEASE)
        runs.finish(tx, mine, {"accounts": 3})
    assert claim(database, "b") is None
    with database.read() as tx:
        kept = tx.execute(select(run)).one()
    assert (kept.scheduled_for, kept.state, kept.summary) == (SLOT, "done", {"accounts": 3})


def test_a_dead_replicas_slot_is_taken_over_and_the_dead_fenced(database: Database, clock: MovedClock) -> None:
    first = claim(database, "dead")
    elapse(database, clock, minutes=6)
    second = claim(database, "b")
    assert first is not None
    assert second is not None
    assert (second.id, second.token) == (first.id, 2)
    with pytest.raises(LostLeaseError), database.transaction() as tx:
        runs.finish(tx, first, {})
    with pytest.raises(LostLeaseError), database.transaction() as tx:
        runs.renew(tx, first, LEASE)
    with database.transaction() as tx:
        runs.finish(tx, second, {})


def fail(database: Database, mine: runs.Run | None) -> None:
    assert mine is not None
    with database.transaction() as tx:
        runs.fail(tx, mine, {"error": "PostHog was away"})


def test_a_failed_slot_is_tried_again_after_a_while(database: Database, clock: MovedClock) -> None:
    fail(database, claim(database, "a"))
    elapse(database, clock, minutes=4)
    assert claim(database, "b") is None
    elapse(database, clock, minutes=2)
    again = claim(database, "b")
    assert again is not None
    assert again.token == 2
    assert claim(database, "c") is None
    with database.transaction() as tx:
        runs.finish(tx, again, {"accounts": 3})
    elapse(database, clock, minutes=60)
    assert claim(database, "c") is None


def test_a_slot_that_keeps_failing_is_given_up(database: Database, clock: MovedClock) -> None:
    for _ in range(1 + runs.RETRIES):
        fail(database, claim(database, "a"))
        elapse(database, clock, minutes=6)
    assert claim(database, "a") is None
    assert claim(database, "a", SLOT + timedelta(hours=1)) is not None
    with database.read() as tx:
        given_up = tx.execute(select(run).where(run.c.scheduled_for == SLOT)).one()
    assert (given_up.state, given_up.token, given_up.summary) == ("failed", 4, {"error": "PostHog was away"})
