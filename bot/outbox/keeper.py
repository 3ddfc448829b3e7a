"""Keeps the leases of running jobs, and tells a handler when its job was lost."""

import logging
import threading
import time
from datetime import timedelta

from bot.outbox.context import Checkpoint, JobContext
from bot.store import Database, StoreTrouble, leases
from bot.store.jobs import Job

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Knows the jobs of one worker from claim to end, and renews them thrice in a lease's time."""

    def __init__(self, db: Database, lease: timedelta, checkpoint: Checkpoint) -> None:
        self._db = db
        self._lease = lease
        self._checkpoint = checkpoint
        self._held: dict[int, tuple[Job, JobContext]] = {}
        self._lock = threading.Lock()
        self._sure_until = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="outbox-leases")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def take(self, job: Job) -> None:
        context = JobContext(self._db, job, self._lease, self._checkpoint)
        with self._lock:
            if not self._held:
                self._sure_until = time.monotonic() + self._lease.total_seconds()
            self._held[job.id] = (job, context)

    def context(self, job: Job) -> JobContext:
        return self._held[job.id][1]

    def drop(self, job: Job) -> None:
        with self._lock:
            self._held.pop(job.id, None)

    def __len__(self) -> int:
        return len(self._held)

    def _run(self) -> None:
        while not self._stopped.wait(self._lease.total_seconds() / 3):
            try:
                self._renew()
            except StoreTrouble as error:
                log.warning("leases cannot be renewed: %s", type(error).__name__)
                self._give_up_if_late()

    def _renew(self) -> None:
        with self._lock:
            held = list(self._held.values())
        if not held:
            return
        began = time.monotonic()
        with self._db.transaction() as tx:
            kept = leases.renew(tx, [job for job, _ in held], self._lease)
        self._sure_until = began + self._lease.total_seconds()
        for job, context in held:
            if job.id not in kept:
                context.lost = True

    def _give_up_if_late(self) -> None:
        # Another worker may have taken the jobs over: https://github.com/rails/solid_queue/issues/778
        if time.monotonic() > self._sure_until:
            with self._lock:
                for _, context in self._held.values():
                    context.lost = True
