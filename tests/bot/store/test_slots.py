"""Evaluation slots: done once, taken over from the dead, finished only by their owner."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.outbox import LostLease
from bot.store import Database, runs
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
        last = runs.last_finished(tx, "evaluate")
    assert last is not None
    assert (last.scheduled_for, last.state, last.summary) == (SLOT, "done", {"accounts": 3})


def test_a_dead_replicas_slot_is_taken_over_and_the_dead_fenced(database: Database, clock: MovedClock) -> None:
    first = claim(database, "dead")
    elapse(database, clock, minutes=6)
    second = claim(database, "b")
    assert first is not None
    assert second is not None
    assert (second.id, second.token, second.lease_owner) == (first.id, 2, "b")
    with pytest.raises(LostLease), database.transaction() as tx:
        runs.finish(tx, first, {})
    with pytest.raises(LostLease), database.transaction() as tx:
        runs.renew(tx, first, LEASE)
    with database.transaction() as tx:
        runs.finish(tx, second, {})


def test_a_failed_slot_waits_for_the_next(database: Database) -> None:
    mine = claim(database, "a")
    assert mine is not None
    with database.transaction() as tx:
        runs.fail(tx, mine, {"error": "PostHog was away"})
    assert claim(database, "b") is None
    assert claim(database, "b", SLOT + timedelta(hours=1)) is not None
    with database.read() as tx:
        assert runs.last_finished(tx, "evaluate") is None
        last = runs.last(tx, "evaluate")
    assert last is not None
    assert last.state == "running"
