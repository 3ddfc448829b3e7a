"""Inbox, references, thresholds, problems, reasons, people and the rest: what is remembered, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import insert, select

from bot.config import Thresholds
from bot.store import (
    Database,
    held_back,
    inbox,
    jobs,
    leases,
    memory,
    problems,
    references,
    reps,
    retention,
    thresholds,
)
from bot.store.tables import threshold_change
from tests.databases import MovedClock


@dataclass(frozen=True)
class Found:
    """As an evaluation reports a problem, or why an account is held back."""

    account: str
    what: str = ""
    metric: str | None = None
    detail: str = ""
    reason: str = ""


def test_a_repeated_delivery_gets_the_first_answer(database: Database) -> None:
    with database.transaction() as tx:
        assert inbox.first_time(tx, "action", "T1:U1:ts", "U1", "claim") is None
        inbox.remember(tx, "action", "T1:U1:ts", {"ok": True, "text": "It is yours."})
    with database.transaction() as tx:
        assert inbox.first_time(tx, "action", "T1:U1:ts", "U1", "claim") == {"ok": True, "text": "It is yours."}
        assert inbox.first_time(tx, "view", "T1:U1:ts", "U1", "claim") is None
        assert inbox.first_time(tx, "view", "T1:U1:ts", "U1", "claim") == {}


def test_of_two_deliveries_at_once_one_is_first(database: Database) -> None:
    together = Barrier(2)

    def deliver(who: str) -> object:
        together.wait()
        with database.transaction() as tx:
            seen = inbox.first_time(tx, "action", "same", "U1", "claim")
            if seen is None:
                inbox.remember(tx, "action", "same", {"by": who})
            return seen

    with ThreadPoolExecutor(2) as replicas:
        answers = list(replicas.map(deliver, "ab"))
    assert answers.count(None) == 1
    assert answers in ([None, {"by": "a"}], [{"by": "b"}, None])


def test_a_record_is_intended_by_one_and_confirmed(database: Database, clock: MovedClock) -> None:
    with database.transaction() as tx:
        assert references.get(tx, "pipedrive", "deal") is None
        assert references.intend(tx, "pipedrive", "deal", None)
        assert not references.intend(tx, "pipedrive", "deal", None)
        before = references.get(tx, "pipedrive", "deal")
    assert before is not None
    assert (before.remote_id, before.attempted_at) == (None, clock.at)
    clock.move(minutes=1)
    with database.transaction() as tx:
        assert references.intend(tx, "pipedrive", "deal", before)
        assert not references.intend(tx, "pipedrive", "deal", before)
        references.confirm(tx, "pipedrive", "deal", "42")
        known = references.get(tx, "pipedrive", "deal")
        assert known is not None
        assert known.remote_id == "42"
        assert not references.intend(tx, "pipedrive", "deal", known)
        references.forget(tx, "pipedrive", "deal")
        assert references.get(tx, "pipedrive", "deal") is None


def test_thresholds_are_versioned_and_conflicts_refused(database: Database) -> None:
    mine, theirs = Thresholds(growth_probability=0.7), Thresholds(approaching=(75.0, 90.0))
    with database.transaction() as tx:
        assert thresholds.current(tx) is None
        assert thresholds.change(tx, "U1", 0, mine).version == 1
    with pytest.raises(thresholds.ConflictError) as refused, database.transaction() as tx:
        thresholds.change(tx, "U2", 0, theirs)
    assert refused.value.current is not None
    assert (refused.value.current.who, refused.value.current.values) == ("U1", mine)
    with database.transaction() as tx:
        thresholds.change(tx, "U2", 1, theirs)
        now = thresholds.current(tx)
        assert now is not None
        assert (now.version, now.who, now.values) == (2, "U2", theirs)
        kept = tx.execute(select(threshold_change).order_by(threshold_change.c.version)).all()
    assert [(one.who, one.before) for one in kept] == [("U1", None), ("U2", mine.model_dump(mode="json"))]


def test_thresholds_of_a_later_release_are_understood_as_far_as_known(database: Database, clock: MovedClock) -> None:
    later = {"growth_probability": 0.7, "quiet_days": 14}
    with database.transaction() as tx:
        tx.execute(insert(threshold_change).values(version=1, at=clock.at, who="U1", after=later))
        now = thresholds.current(tx)
        assert now is not None
        assert now.values == Thresholds(growth_probability=0.7)
        assert thresholds.change(tx, "U2", 1, Thresholds()).version == 2


def test_of_two_managers_at_once_one_wins(database: Database) -> None:
    together = Barrier(2)

    def change(who: str) -> str:
        together.wait()
        try:
            with database.transaction() as tx:
                thresholds.change(tx, who, 0, Thresholds())
        except thresholds.ConflictError:
            return "conflict"
        return "changed"

    with ThreadPoolExecutor(2) as managers:
        assert sorted(managers.map(change, ("U1", "U2"))) == ["changed", "conflict"]


def test_a_problem_is_open_until_no_longer_reported(database: Database, clock: MovedClock) -> None:
    began = clock.at
    bad, wrong = Found("acme", "malformed_row", detail="no name"), Found("beta", "impossible_value", "gb", "-1")
    with database.transaction() as tx:
        problems.report(tx, "evaluation", [bad, wrong])
        problems.report(tx, "doctor", [Found("", "missing_scope")])
    clock.move(hours=1)
    with database.transaction() as tx:
        problems.report(tx, "evaluation", [Found("acme", "malformed_row", detail="no key")])
        told = {(one.source, one.account, one.detail, one.at) for one in problems.listing(tx)}
    assert told == {("evaluation", "acme", "no key", began), ("doctor", None, "", began)}


def test_reasons_are_replaced_and_say_since_when(database: Database, clock: MovedClock) -> None:
    began, seats = clock.at, Found("acme", metric="seats", reason="limit_unknown")
    with database.transaction() as tx:
        held_back.replace(tx, [Found("acme", reason="stale_data"), seats])
    clock.move(hours=1)
    with database.transaction() as tx:
        held_back.replace(tx, [seats, Found("beta", reason="stale_data")])
        assert held_back.of(tx, "acme") == [held_back.HeldBack("acme", "seats", "limit_unknown", began)]
        assert held_back.of(tx, "beta") == [held_back.HeldBack("beta", None, "stale_data", clock.at)]


def test_small_things_are_remembered(database: Database, clock: MovedClock) -> None:
    rep = reps.Rep("U1", "rep.one@example.com", "Rep One", "Europe/Berlin", clock.at)
    with database.transaction() as tx:
        assert memory.get(tx, "posthog") is None
        memory.put(tx, "posthog", {"zone": "UTC"})
        memory.put(tx, "posthog", {"zone": "Asia/Tokyo"})
        assert memory.get(tx, "posthog") == {"zone": "Asia/Tokyo"}
        reps.save(tx, rep)
        assert (reps.get(tx, "U1"), reps.get(tx, "U2")) == (rep, None)


def test_what_is_over_and_old_is_purged(database: Database) -> None:
    with database.transaction() as tx:
        for ukey in ("done", "waiting"):
            jobs.enqueue(tx, "deal", {}, ukey=ukey, subject=ukey)
        inbox.first_time(tx, "action", "key", "U1", "claim")
        problems.report(tx, "evaluation", [Found("acme", "malformed_row")])
        problems.report(tx, "evaluation", [])
    [done, _] = leases.claim(database, ["deal"], "me", 1, timedelta(seconds=30)) * 2
    with database.transaction() as tx:
        leases.finish(tx, done, None)
    with database.transaction() as tx:
        purged = retention.purge(tx, tx.now() + timedelta(days=3650))
        assert purged == {"job": 1, "inbox": 1, "run": 0, "problem": 1}
        assert [job.ukey for job in jobs.list_jobs(tx)] == ["waiting"]
