"""Looks for due jobs and does them, on a few threads, until it is told to stop."""

import logging
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.outbox import Handler
from bot.outbox.attempt import Attempts
from bot.outbox.context import Checkpoint
from bot.outbox.keeper import LeaseKeeper
from bot.outbox.verdict import Buried
from bot.store import Database, leases
from bot.store.jobs import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """A handler's calls must each have a deadline below half a lease."""

    threads: int = 4
    lease: timedelta = timedelta(seconds=60)
    poll: float = 1.0  # seconds; work of this process is begun at once


class Worker:
    """Any number of workers share the work through the database.

    One thread at a time looks for jobs, and claims one for each thread that has nothing to do.
    """

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, Handler],
        pace: Pace = Pace(),
        buried: Buried | None = None,
        checkpoint: Checkpoint = lambda _step: None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._db = db
        self._kinds = sorted(handlers)
        self._pace = pace
        self._attempts = Attempts(db, handlers, buried, checkpoint)
        self._keeper = LeaseKeeper(db, pace.lease, checkpoint)
        self._looking = threading.Lock()
        self._claimed: deque[Job] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"outbox-{n}") for n in range(pace.threads)
        ]
        db.on_enqueued(self._wake.set)

    def start(self) -> None:
        self._keeper.start()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 20.0) -> bool:
        """Claim nothing more and let running jobs end; False: some did not, and their leases will lapse."""
        self._stopping.set()
        self._wake.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._keeper.stop()
        return not any(thread.is_alive() for thread in self._threads)

    def run_until_idle(self, timeout: float | None = None) -> bool:
        """Do all that is due now and whatever follows from it, then stop; False: it took too long."""
        self.start()
        idle = self._idle.wait(timeout)
        return self.stop() and idle

    def _work(self) -> None:
        while job := self._next():
            try:
                self._attempts.run(job, self._keeper.context(job))
            finally:
                self._keeper.drop(job)
                self._wake.set()  # its subject is free, and so is this thread

    def _next(self) -> Job | None:
        with self._looking:
            while not self._claimed:
                if self._stopping.is_set():
                    return None
                self._wake.clear()
                if not self._claim():
                    self._wake.wait(self._pace.poll)
            return self._claimed.popleft()

    def _claim(self) -> bool:
        nothing_runs = len(self._keeper) == 0  # asked first: a job that ends meanwhile may have caused another
        free = max(1, self._pace.threads - len(self._keeper))
        try:
            jobs = leases.claim(self._db, self._kinds, self.name, free, self._pace.lease)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with the store, the outbox must outlive it
            log.warning("no jobs can be claimed: %s", type(error).__name__)
            return False
        for job in jobs:
            self._keeper.take(job)
        self._claimed.extend(jobs)
        if nothing_runs and not jobs:
            self._idle.set()
        return bool(jobs)
