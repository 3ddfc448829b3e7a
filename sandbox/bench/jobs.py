"""Jobs a second: `python -m sandbox.bench.jobs [URL of an empty PostgreSQL database]`. SQLite is measured always.

The handlers do nothing, so this is what the queue itself costs: to claim, lease and finish. The target is 300.
"""

import sys
import tempfile
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.outbox.worker import Pace, Worker
from bot.store import Database, jobs

JOBS = 2000
SUBJECTS = 500
TARGET = 300


@dataclass(frozen=True, slots=True)
class Rate:
    """Jobs a second, put in the queue one by one and done on a number of threads."""

    database: str
    threads: int
    enqueued: float
    done: float


def measure(url: str, threads: int) -> Rate:
    db = Database(url, lambda: datetime.now(UTC))
    db.migrate()
    run = uuid.uuid4().hex  # keys of its own, so that a database can be measured twice
    began = time.perf_counter()
    with db.transaction() as tx:
        for number in range(JOBS):
            jobs.enqueue(tx, f"bench-{run}", {}, ukey=f"{run}:{number}", subject=f"bench:{number % SUBJECTS}")
    enqueued = time.perf_counter()
    worker = Worker(db, {f"bench-{run}": lambda _job, _context: None}, Pace(threads=threads))
    if not worker.run_until_idle(timeout=300):
        raise TimeoutError("the jobs were not done in 300 s")
    done = time.perf_counter()
    db.close()
    return Rate(db.dialect, threads, JOBS / (enqueued - began), JOBS / (done - enqueued))


def show(rates: Iterable[Rate]) -> None:
    table = Table("database", "threads", "enqueued/s", "done/s", "target", title=f"{JOBS} jobs")
    for rate in rates:
        table.add_row(rate.database, str(rate.threads), f"{rate.enqueued:.0f}", f"{rate.done:.0f}", f"{TARGET}")
    Console().print(table)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{Path(folder) / 'bench.db'}", *sys.argv[1:]]
        show([measure(url, threads) for url in urls for threads in (1, 4)])


if __name__ == "__main__":
    main()
