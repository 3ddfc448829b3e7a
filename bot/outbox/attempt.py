"""One attempt at one job: the handler runs, and how it ended is stored."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.outbox import Handler
from bot.outbox.context import Checkpoint, JobContext
from bot.outbox.endings import Poisoned
from bot.outbox.verdict import MAX_ATTEMPTS, Buried, settle, word_for
from bot.store import Database, StoreTrouble, Transaction, leases
from bot.store.jobs import Job
from bot.store.leases import LostLeaseError

log = logging.getLogger(__name__)

RECORD_SECONDS = 20.0  # how long the end of an attempt is kept for a database that is away
PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Attempts:
    """What all attempts have in common."""

    db: Database
    handlers: Mapping[str, Handler]
    buried: Buried | None
    checkpoint: Checkpoint

    def run(self, job: Job, context: JobContext) -> None:
        self.checkpoint("claimed")
        try:
            ending = self._handle(job, context)
            self.checkpoint("handled")
            word = self._record(job, ending)
        except LostLeaseError:
            word = "lease lost"
        except StoreTrouble as error:
            word = f"not recorded ({type(error).__name__}), will be taken up again"
        log.info("job %s %s %s, attempt %s: %s", job.id, job.kind, job.subject, job.attempt, word)

    def _handle(self, job: Job, context: JobContext) -> dict[str, Any] | Exception | None:
        if job.strikes > MAX_ATTEMPTS:
            return Poisoned(MAX_ATTEMPTS)
        try:
            return self.handlers[job.kind](job, context)
        except LostLeaseError:
            raise
        except Exception as error:  # the edge of the outbox: one job's mistake must not stop the others
            if word_for(error) == "unexpected":
                log.exception("job %s %s failed unexpectedly", job.id, job.kind)
            return error

    def _record(self, job: Job, ending: dict[str, Any] | Exception | None) -> str:
        """Tries for a while: an effect whose record is lost would have to be looked up by the next attempt."""
        deadline = time.monotonic() + RECORD_SECONDS
        while True:
            try:
                with self.db.transaction() as tx:
                    return self._store(tx, job, ending)
            except StoreTrouble:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE)

    def _store(self, tx: Transaction, job: Job, ending: dict[str, Any] | Exception | None) -> str:
        if isinstance(ending, Exception):
            return settle(tx, job, ending, self.buried)
        leases.finish(tx, job, ending)
        return "done"
