"""What becomes of a job, by how its handler ends."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.outbox import (
    Ambiguous,
    AuthFailed,
    Handler,
    Job,
    JobContext,
    Permanent,
    Retry,
    Throttled,
)
from bot.outbox.verdict import LONGEST_WAIT, MAX_ATTEMPTS, backoff
from bot.outbox.worker import Pace, Worker
from bot.store import Database, Transaction, holds, jobs, leases
from bot.store.delivery_tables import job as job_table
from tests.databases import MovedClock, elapse

LEASE = timedelta(seconds=30)
ONE_THREAD = Pace(threads=1, lease=LEASE, poll=0.05)


def enqueue(database: Database, *ukeys: str, **options: Any) -> None:
    with database.transaction() as tx:
        for ukey in ukeys:
            jobs.enqueue(tx, "deal", {"of": ukey}, ukey=ukey, **{"subject": f"deal:{ukey}", **options})


def work(database: Database, handler: Handler, pace: Pace = ONE_THREAD, **options: Any) -> None:
    assert Worker(database, {"deal": handler}, pace, **options).run_until_idle(timeout=20)


def stored(database: Database, ukey: str) -> Job:
    with database.read() as tx:
        (found,) = (job for job in jobs.list_jobs(tx) if job.ukey == ukey)
    return found


def tried(database: Database, ukey: str, **counted: int) -> None:
    """As after this many attempts, or strikes."""
    with database.transaction() as tx:
        tx.execute(update(job_table).where(job_table.c.ukey == ukey).values(counted))


def raising(*endings: Exception | None) -> tuple[Handler, list[str]]:
    """A handler that ends in these ways, one after the other, and the jobs that it was given."""
    seen: list[str] = []

    def handle(job: Job, _context: JobContext) -> None:
        seen.append(job.ukey)
        ending = endings[min(len(seen), len(endings)) - 1]
        if ending is not None:
            raise ending

    return handle, seen


def test_a_job_is_done_once_and_its_result_kept(database: Database) -> None:
    enqueue(database, "a", "a", "b")
    ran: list[str] = []

    def handle(job: Job, _context: JobContext) -> dict[str, Any]:
        ran.append(job.ukey)
        return {"deal": job.payload["of"]}

    work(database, handle)
    assert ran == ["a", "b"]
    assert (stored(database, "a").state, stored(database, "a").result) == ("done", {"deal": "a"})


def test_a_known_key_is_not_enqueued_again(database: Database) -> None:
    with database.transaction() as tx:
        assert jobs.enqueue(tx, "deal", {}, ukey="a", subject="s") is not None
        assert jobs.enqueue(tx, "deal", {}, ukey="a", subject="s") is None


def test_a_rolled_back_change_leaves_no_job(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as tx:
            jobs.enqueue(tx, "deal", {}, ukey="a", subject="s")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as tx:
        assert jobs.list_jobs(tx) == []


def test_urgent_work_first_then_the_oldest(database: Database) -> None:
    enqueue(database, "card", priority=50)
    enqueue(database, "first", "second", priority=10)
    handle, seen = raising(None)
    work(database, handle)
    assert seen == ["first", "second", "card"]


def test_a_job_that_may_work_later_is_tried_again(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a")
    handle, seen = raising(Retry("Pipedrive is busy", after=60), None)
    work(database, handle)
    assert (stored(database, "a").state, stored(database, "a").error_class) == ("ready", "retryable")
    work(database, handle)
    assert seen == ["a"]
    elapse(database, clock, seconds=61)
    work(database, handle)
    done = stored(database, "a")
    assert (seen, done.state, done.attempt, done.last_error) == (["a", "a"], "done", 2, None)


def test_an_outage_of_days_loses_nothing_and_then_ends(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a")
    tried(database, "a", attempt=MAX_ATTEMPTS)
    handle, seen = raising(Retry("Pipedrive is down"))
    for _ in range(2):
        work(database, handle)
        elapse(database, clock, hours=5)
    assert (len(seen), stored(database, "a").state) == (2, "ready")
    clock.move(days=30)
    work(database, handle)
    assert (stored(database, "a").state, stored(database, "a").last_error) == ("dead", "Pipedrive is down")


def test_what_the_vendor_refuses_for_good_is_told(database: Database) -> None:
    enqueue(database, "a")
    told: list[tuple[str, str]] = []

    def tell(tx: Transaction, job: Job, why: str) -> None:
        told.append((job.ukey, why))
        jobs.enqueue(tx, "reply", {"text": why}, ukey="told", subject="told")

    handle, _ = raising(Permanent("The stage is gone: choose another in headroom.toml"))
    work(database, handle, buried=tell)
    assert stored(database, "a").state == "failed"
    assert told == [("a", "The stage is gone: choose another in headroom.toml")]
    assert stored(database, "told").state == "ready"


def test_a_throttled_scope_waits_in_order_and_costs_no_attempt(database: Database, clock: MovedClock) -> None:
    scope = "slack:chat.postMessage:C1"
    enqueue(database, "a", "b", "c", scope=scope)
    enqueue(database, "elsewhere", scope="slack:chat.postMessage:C2")
    handle, seen = raising(Throttled(scope, after=20), None)
    work(database, handle)
    assert seen == ["a", "elsewhere"]
    assert (stored(database, "a").attempt, stored(database, "a").state) == (0, "ready")
    elapse(database, clock, seconds=21)
    work(database, handle)
    assert seen == ["a", "elsewhere", "a", "b", "c"]


def test_after_a_throttle_jobs_go_one_at_a_time(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a", "b", "c", scope="pipedrive")
    with database.transaction() as tx:
        holds.throttle(tx, "pipedrive", timedelta(seconds=20), "asked to wait")
    assert leases.claim(database, ["deal"], "me", 10, LEASE) == []
    elapse(database, clock, seconds=21)
    assert [job.ukey for job in leases.claim(database, ["deal"], "me", 10, LEASE)] == ["a"]
    assert leases.claim(database, ["deal"], "other", 10, LEASE) == []
    elapse(database, clock, seconds=31)  # the first worker died
    assert [job.ukey for job in leases.claim(database, ["deal"], "other", 10, LEASE)] == ["a"]
    elapse(database, clock, seconds=31)  # and the gentle minute is over
    assert [job.ukey for job in leases.claim(database, ["deal"], "me", 10, LEASE)] == ["a", "b", "c"]


def test_a_scope_is_learnt_from_the_first_refusal(database: Database) -> None:
    enqueue(database, "a")
    handle, seen = raising(Throttled("pipedrive", after=20))
    work(database, handle)
    work(database, handle)
    assert (seen, stored(database, "a").scope) == (["a"], "pipedrive")


def test_a_refused_key_pauses_the_provider_and_kills_nothing(database: Database) -> None:
    enqueue(database, "a", "b", scope="pipedrive:deals")
    tried(database, "a", attempt=MAX_ATTEMPTS - 1)
    handle, seen = raising(AuthFailed("pipedrive", "The API token was refused"), None)
    work(database, handle)
    with database.read() as tx:
        [paused] = jobs.counts(tx).paused
        assert jobs.counts(tx).by_state == {"ready": 2}
    assert (paused.scope, paused.detail, seen) == ("pipedrive", "The API token was refused", ["a"])
    with database.transaction() as tx:
        holds.resume(tx, "pipedrive")
    work(database, handle)
    assert seen == ["a", "a", "b"]


def test_a_paused_provider_is_probed_and_comes_back_by_itself(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a", "b", scope="pipedrive")
    refused = AuthFailed("pipedrive", "refused")
    handle, seen = raising(refused, refused, None)
    work(database, handle)
    elapse(database, clock, minutes=6)
    work(database, handle)
    assert seen == ["a", "a"]
    elapse(database, clock, minutes=6)
    work(database, handle)
    with database.read() as tx:
        assert holds.paused(tx) == []
    assert seen == ["a", "a", "a", "b"]


def test_an_ambiguous_write_is_looked_at_after_it_settled(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a")
    intents: list[dict[str, Any] | None] = []

    def handle(job: Job, context: JobContext) -> None:
        intents.append(job.intent)
        if job.intent is None:
            context.save_intent({"marker": "headroom:1"})
            raise Ambiguous("Checking whether Pipedrive saved the deal", settle=10)

    work(database, handle)
    work(database, handle)
    assert intents == [None]
    elapse(database, clock, seconds=11)
    work(database, handle)
    assert intents == [None, {"marker": "headroom:1"}]
    assert stored(database, "a").state == "done"


def test_a_mistake_of_ours_is_buried_without_its_words(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a", "fine")
    tried(database, "a", strikes=MAX_ATTEMPTS - 3)
    handle, seen = raising(ValueError("token xoxb-1 in a body"), None, ValueError("xoxb-2"))
    for _ in range(5):
        work(database, handle)
        elapse(database, clock, hours=1)
    buried = stored(database, "a")
    assert (buried.state, seen.count("a"), stored(database, "fine").state) == ("dead", 3, "done")
    assert buried.last_error == "unexpected ValueError, see the log"


def test_a_job_that_kills_its_workers_is_quarantined(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a")
    tried(database, "a", strikes=MAX_ATTEMPTS - 2)
    for _ in range(2):
        assert leases.claim(database, ["deal"], "killed", 1, LEASE)
        elapse(database, clock, seconds=31)
    handle, seen = raising(None)
    work(database, handle)
    assert (seen, stored(database, "a").state) == ([], "dead")
    assert stored(database, "a").last_error == f"each of {MAX_ATTEMPTS} attempts ended abruptly"


def test_jobs_of_one_subject_never_run_at_once(database: Database) -> None:
    enqueue(database, "a", "b", "c", subject="card:1")
    [first] = leases.claim(database, ["deal"], "me", 10, LEASE)
    assert leases.claim(database, ["deal"], "other", 10, LEASE) == []
    with database.transaction() as tx:
        leases.finish(tx, first, None)
    assert [job.ukey for job in leases.claim(database, ["deal"], "other", 10, LEASE)] == ["b"]


def test_a_lapsed_lease_is_taken_over_and_its_first_owner_fenced(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a")
    [first] = leases.claim(database, ["deal"], "slow", 1, LEASE)
    elapse(database, clock, seconds=29)
    with database.transaction() as tx:
        assert leases.renew(tx, [first], LEASE) == {first.id}
    elapse(database, clock, seconds=29)
    assert leases.claim(database, ["deal"], "other", 1, LEASE) == []
    elapse(database, clock, seconds=2)
    [second] = leases.claim(database, ["deal"], "other", 1, LEASE)
    assert (second.token, second.attempt) == (2, 2)
    fenced: list[Callable[[Transaction], None]] = [
        lambda tx: leases.finish(tx, first, None),
        lambda tx: leases.save_intent(tx, first, {}),
        lambda tx: leases.fail(tx, first, "failed", "permanent", ""),
        lambda tx: leases.retry_later(tx, first, leases.Setback("retryable", "")),
    ]
    for change in fenced:
        with pytest.raises(leases.LostLeaseError), database.transaction() as tx:
            change(tx)
    with database.transaction() as tx:
        assert leases.renew(tx, [first, second], LEASE) == {second.id}
        leases.finish(tx, second, None)


def test_a_handler_can_ask_whether_the_job_is_still_its_own(database: Database, clock: MovedClock) -> None:
    enqueue(database, "a")
    asked: list[str] = []

    def handle(_job: Job, context: JobContext) -> None:
        context.still_mine()
        elapse(database, clock, seconds=31)
        assert leases.claim(database, ["deal"], "other", 1, LEASE)
        asked.append("twice")
        context.still_mine()
        asked.append("never")

    work(database, handle)
    assert (asked, stored(database, "a").state) == (["twice"], "running")


def test_leases_are_renewed_while_a_handler_runs(migrated_url: str) -> None:
    database = Database(migrated_url, lambda: datetime.now(UTC))
    enqueue(database, "long")
    ends: list[object] = []

    def handle(job: Job, _context: JobContext) -> None:
        before = stored(database, "long").lease_until
        while stored(database, "long").lease_until == before:
            pass
        ends.append(job.lease_until)

    work(database, handle, Pace(threads=1, lease=timedelta(seconds=0.6), poll=0.05))
    assert (len(ends), stored(database, "long").state) == (1, "done")
    database.close()


def test_a_click_wakes_the_worker_at_once(database: Database) -> None:
    started = threading.Event()
    worker = Worker(database, {"deal": lambda _job, _context: started.set()}, Pace(threads=2, poll=30))
    worker.start()
    enqueue(database, "a")
    assert started.wait(5)
    assert worker.stop(5)


def test_stopping_lets_running_jobs_end_and_begins_no_other(database: Database) -> None:
    started, go_on = threading.Event(), threading.Event()

    def handle(_job: Job, _context: JobContext) -> None:
        started.set()
        go_on.wait(10)

    worker = Worker(database, {"deal": handle}, Pace(threads=1))
    enqueue(database, "a", "b")
    worker.start()
    assert started.wait(5)
    assert not worker.stop(0.1)
    go_on.set()
    assert worker.stop(5)
    assert (stored(database, "a").state, stored(database, "b").state) == ("done", "ready")


def test_people_can_mend_the_queue(database: Database) -> None:
    enqueue(database, "a", "b")
    handle, seen = raising(Permanent("no such stage"), None)
    work(database, handle)
    failed, done = stored(database, "a"), stored(database, "b")
    with database.transaction() as tx:
        assert not jobs.retry(tx, done.id)
        assert [job.ukey for job in jobs.list_jobs(tx, states=("failed",))] == ["a"]
        assert jobs.retry(tx, failed.id)
    work(database, handle)
    assert (seen, stored(database, "a").state) == (["a", "b", "a"], "done")


def test_waits_grow_up_to_a_quarter_of_an_hour() -> None:
    longest = [max(backoff(attempt) for _ in range(200)) for attempt in (1, 3, 30)]
    assert longest[0] <= 2 < longest[1] <= 8 < longest[2] <= LONGEST_WAIT
