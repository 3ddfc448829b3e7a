"""A worker in a process of its own, which a test kills or stops at a named step. Its effects are lines of a file."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.outbox import Job, JobContext
from bot.outbox.worker import Pace, Worker
from bot.store import Database, runs

LEASE = timedelta(seconds=1)
PACE = Pace(threads=2, lease=LEASE, poll=0.05)


class Vendor:
    """Keeps a line for each record made; a record can be looked up by its marker, as at any vendor."""

    def __init__(self, folder: Path, kill_at: str) -> None:
        self._folder = folder
        self._kill_at = kill_at

    def make_once(self, job: Job, context: JobContext) -> dict[str, str]:
        marker = f"headroom:{job.ukey}"
        if job.intent is None or marker not in self._records():
            context.save_intent({"marker": marker})
            self._wait_where_told()
            context.still_mine()
            self._make(marker)
        self.step("made")
        return {"marker": marker}

    def step(self, name: str) -> None:
        if name == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _records(self) -> list[str]:
        records = self._folder / "records"
        return records.read_text().split() if records.exists() else []

    def _make(self, marker: str) -> None:
        with (self._folder / "records").open("a") as records:
            records.write(f"{marker}\n")

    def _wait_where_told(self) -> None:
        if self._kill_at == "pause":
            (self._folder / "waiting").touch()
            while not (self._folder / "go").exists():
                time.sleep(0.02)


def work(db: Database, folder: Path, kill_at: str) -> None:
    vendor = Vendor(folder, kill_at)
    Worker(db, {"deal": vendor.make_once}, PACE, checkpoint=vendor.step).run_until_idle(timeout=30)


def claim_slot(db: Database, folder: Path) -> None:
    """Wait until all are there, then claim the one slot."""
    (folder / f"there-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.005)
    won = runs.claim_slot(db, "evaluate", datetime(2026, 11, 23, 9, tzinfo=UTC), str(os.getpid()), timedelta(minutes=5))
    if won:
        (folder / f"won-{os.getpid()}").touch()


def main(what: str, url: str, folder: str, kill_at: str = "") -> None:
    db = Database(url, lambda: datetime.now(UTC))
    if what == "work":
        work(db, Path(folder), kill_at)
    else:
        claim_slot(db, Path(folder))
    db.close()
