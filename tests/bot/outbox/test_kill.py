"""Processes that are killed or stopped between any two steps: every record is made once, every job is done."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bot.store import Database, jobs
from tests.bot.outbox import worker_process

# Processes forked from one that has imported everything: they start at once.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["__main__", worker_process.__name__])


@pytest.fixture
def running(migrated_url: str) -> Iterator[Database]:
    """A store by the real clock, since processes share it."""
    database = Database(migrated_url, lambda: datetime.now(UTC))
    yield database
    database.close()


def start(*arguments: str) -> BaseProcess:
    process = PROCESSES.Process(target=worker_process.main, args=arguments, daemon=True)
    process.start()
    return process


def ended(process: BaseProcess) -> int | None:
    process.join(30)
    return process.exitcode


def enqueue(database: Database, count: int) -> None:
    with database.transaction() as tx:
        for number in range(count):
            jobs.enqueue(tx, "deal", {}, ukey=f"deal-{number}", subject=f"deal:{number}")


def records(folder: Path) -> list[str]:
    return sorted((folder / "records").read_text().split())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def states(database: Database) -> dict[str, int]:
    with database.read() as tx:
        return dict(jobs.counts(tx).by_state)


def finish(database: Database, folder: Path) -> None:
    """Another worker comes by until all is done."""

    def all_done() -> bool:
        worker_process.work(database, folder, "")
        return states(database).keys() == {"done"}

    wait_for(all_done)


@pytest.mark.parametrize("step", ["claimed", "intended", "made", "handled"])
def test_a_worker_killed_at_any_step_leaves_one_record(
    step: str, running: Database, migrated_url: str, tmp_path: Path
) -> None:
    enqueue(running, 1)
    assert ended(start("work", migrated_url, str(tmp_path), step)) == -signal.SIGKILL
    assert states(running) == {"running": 1}
    finish(running, tmp_path)
    assert records(tmp_path) == ["headroom:deal-0"]


def test_a_worker_stopped_for_longer_than_its_lease_is_fenced(
    running: Database, migrated_url: str, tmp_path: Path
) -> None:
    enqueue(running, 1)
    zombie = start("work", migrated_url, str(tmp_path), "pause")
    wait_for((tmp_path / "waiting").exists)
    os.kill(zombie.pid or 0, signal.SIGSTOP)
    finish(running, tmp_path)
    (tmp_path / "go").touch()
    os.kill(zombie.pid or 0, signal.SIGCONT)
    assert ended(zombie) == 0
    assert records(tmp_path) == ["headroom:deal-0"]
    assert states(running) == {"done": 1}


def test_two_workers_share_200_jobs(running: Database, migrated_url: str, tmp_path: Path) -> None:
    enqueue(running, 200)
    workers = [start("work", migrated_url, str(tmp_path)) for _ in range(2)]
    assert [ended(worker) for worker in workers] == [0, 0]
    assert records(tmp_path) == sorted(f"headroom:deal-{number}" for number in range(200))
    assert states(running) == {"done": 200}


def test_a_slot_is_claimed_by_one_of_four_replicas(migrated_url: str, tmp_path: Path) -> None:
    replicas = [start("slot", migrated_url, str(tmp_path)) for _ in range(4)]
    wait_for(lambda: len(list(tmp_path.glob("there-*"))) == 4)
    (tmp_path / "go").touch()
    assert [ended(replica) for replica in replicas] == [0] * 4
    assert len(list(tmp_path.glob("won-*"))) == 1
