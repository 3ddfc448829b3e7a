"""A record at a vendor that knows no idempotency key is made once: the intent is stored before, the id right after.

Where contact is lost in between, the record is looked up by our own marker; only when it is surely not there, after
the vendor has had time to apply what was under way, is it made again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.outbox import Ambiguous, JobContext, Retry
from bot.store import Database, references
from bot.store.references import Reference
from crm.base import Ambiguous as CrmAmbiguous
from crm.base import CrmError

CLOCKS_APART = timedelta(minutes=5)  # between us and the vendor


@dataclass(frozen=True, slots=True)
class Step:
    """One record. `look` is given a moment before the first attempt; both return the vendor's id.

    `written` is what is kept of it with the intent, as `Reference.written`.
    """

    key: str
    what: str
    look: Callable[[datetime], str | None]
    make: Callable[[], str]
    written: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """Makes the records of one job. `settle` exceeds the time that a write may be under way."""

    db: Database
    provider: str
    vendor: str  # as people call it
    settle: timedelta
    context: JobContext

    def do(self, step: Step) -> str:
        """The id of the one record. Raises what ends the attempt while it is not known."""
        reference = self.known(step.key)
        if reference is None:
            return self._make(step, None)
        if reference.remote_id is not None:
            return reference.remote_id
        found = step.look(reference.attempted_at - CLOCKS_APART)
        if found is not None:
            return self._confirm(step, found)
        rest = reference.attempted_at + self.settle - self.context.now()
        if rest > timedelta(0):
            raise self._checking(step, rest)
        return self._make(step, reference)

    def known(self, key: str) -> Reference | None:
        with self.db.read() as tx:
            return references.get(tx, self.provider, key)

    def _make(self, step: Step, before: Reference | None) -> str:
        self.context.still_mine()
        since = self.context.now() - CLOCKS_APART
        with self.db.transaction() as tx:
            if not references.intend(tx, self.provider, step.key, before, step.written):
                raise Retry(f"{step.what} is being made by another worker")
        try:
            made = step.make()
        except CrmAmbiguous:
            made = self._look_at_once(step, since)
        except CrmError:  # surely not applied
            with self.db.transaction() as tx:
                references.withdraw(tx, self.provider, step.key)
            raise
        return self._confirm(step, made)

    def _look_at_once(self, step: Step, since: datetime) -> str:
        """Often the write was applied and only its answer lost: then nobody has to wait."""
        try:
            found = step.look(since)
        except CrmError as error:
            raise self._checking(step, self.settle) from error
        if found is None:
            raise self._checking(step, self.settle)
        return found

    def _checking(self, step: Step, rest: timedelta) -> Ambiguous:
        return Ambiguous(f"Checking whether {self.vendor} saved {step.what}", rest.total_seconds())

    def _confirm(self, step: Step, remote_id: str) -> str:
        """The first to be confirmed stays: another worker made it, if we stood still for so long."""
        with self.db.transaction() as tx:
            known = references.get(tx, self.provider, step.key)
            if known is not None and known.remote_id is not None:
                return known.remote_id
            references.confirm(tx, self.provider, step.key, remote_id)
        return remote_id
