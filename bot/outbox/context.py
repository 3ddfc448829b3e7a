"""What a handler may ask of the outbox while it works on a job."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bot.store import Database, leases
from bot.store.jobs import Job
from bot.store.leases import LostLeaseError

Checkpoint = Callable[[str], None]  # is told each step; tests end the process there


class JobContext:
    """One job's lease, as its handler sees it."""

    def __init__(self, db: Database, job: Job, lease: timedelta, checkpoint: Checkpoint) -> None:
        self._db = db
        self._job = job
        self._lease = lease
        self._checkpoint = checkpoint
        self.lost = False
        self.intent = job.intent

    def now(self) -> datetime:
        return self._db.clock()

    def save_intent(self, intent: dict[str, Any]) -> None:
        """Write down, before a call, what it is about to do: whoever takes the job over reads it in `job.intent`."""
        with self._db.transaction() as tx:
            leases.save_intent(tx, self._job, intent)
        self.intent = intent
        self._checkpoint("intended")

    def still_mine(self) -> None:
        """Ask right before a call that writes: raises LostLeaseError where another worker has the job by now."""
        if not self.lost:
            with self._db.transaction() as tx:
                self.lost = self._job.id not in leases.renew(tx, [self._job], self._lease)
        if self.lost:
            raise LostLeaseError(f"job {self._job.id} is no longer ours")
