"""Deals are followed: what people do with them in the CRM comes back to the opportunity and its card.

The poll is the authority. It reads every deal that may still change and the pipeline's open deals; each change is made
in a short transaction after the calls. A hint, such as a webhook's, only looks earlier at single deals.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from bot.deals import outcome
from bot.deals.outcome import Books, What
from bot.deals.pipeline import Pipeline, StillOurs
from bot.store import Database, holds, open_deals, outcomes, problems, references
from bot.store.outcomes import Followed
from crm import base
from crm.base import Crm, DealRecord

log = logging.getLogger(__name__)
SOURCE = "crm_follow"  # of the problems that it reports
FOLLOWED_FOR = timedelta(days=90)  # after an opportunity is closed
SPARSE = (base.NotApplied, base.Ambiguous, base.PermissionDenied, base.Invalid)  # what may befall a single deal


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that somebody should mend."""

    what: str
    detail: str
    account: str | None = None
    metric: str | None = None


@dataclass(slots=True)
class Poll:
    """What one poll found."""

    followed: int = 0
    open_deals: int = 0
    of_accounts: int = 0
    changes: Counter[What] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)

    def count(self, what: What | None) -> None:
        self.changes.update([what] if what else [])

    def summary(self) -> str:
        """One line for people."""
        changes = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in sorted(self.changes.items()))
        pipeline = f"{self.open_deals} open in the pipeline, {self.of_accounts} of known accounts"
        return f"{self.followed} deals followed: {changes or 'nothing new'}; {pipeline}"


@dataclass(frozen=True, slots=True)
class Gone:
    """A deal that the CRM does not list, and shows as deleted or not at all. It may live on in another one."""

    seen: Followed
    organisation_id: str | None


@dataclass(frozen=True, slots=True)
class Follow:
    """Looks at deals in one CRM."""

    db: Database
    crm: Crm
    provider: str

    def poll(self, still_ours: StillOurs = lambda _: None, *, deleted: bool = False) -> Poll:
        """One look at everything. `deleted`: it is known that most deals were deleted.

        Raises CrmError where the CRM as a whole could not be read; what was read till then is carried over.
        """
        found = Poll()
        try:
            self._not_held()
            books = self._books()
            self._outcomes(found, books, still_ours, deleted)
            copied = Pipeline(self.db, self.crm, self.provider).copy(books.names, still_ours)
        except base.CrmError as error:
            self._refused(error)
            raise
        found.open_deals, found.of_accounts = len(copied), sum(one.account_key is not None for one in copied)
        with self.db.transaction() as tx:
            problems.report(tx, SOURCE, found.troubles)
            holds.succeeded(tx, self.provider)
        return found

    def look(self, deal_ids: Collection[str]) -> Poll:
        """An early look at these, as far as they are followed; whatever fails is left to the next poll."""
        found = Poll()
        wanted = self._followed(deal_ids)
        if not wanted:
            return found
        try:
            self._not_held()
            self._carry_over(found, self._books(), wanted, lambda _: None, deleted=False)
        except base.CrmError as error:
            log.info("an early look at deals failed: %s", error)
            self._hold(error)
        return found

    def _outcomes(self, found: Poll, books: Books, still_ours: StillOurs, deleted: bool) -> None:
        wanted = self._followed()
        found.followed = len(wanted)
        self._carry_over(found, books, wanted, still_ours, deleted=deleted)

    def _carry_over(
        self, found: Poll, books: Books, wanted: list[Followed], still_ours: StillOurs, *, deleted: bool
    ) -> None:
        records = self._records(wanted)
        gone: list[Gone] = []
        for seen in wanted:
            record = records.get(seen.deal_id) or self._single(seen, found.troubles)
            if isinstance(record, Gone):
                gone.append(record)
            elif record is not None:
                found.count(self._follow(books, seen, record, still_ours))
        if not deleted and len(gone) > 2 and 2 * len(gone) > len(wanted):
            found.troubles.append(self._too_many(len(gone), len(wanted)))
            return
        for one in gone:
            found.count(self._gone(books, one, found, still_ours))

    def _follow(self, books: Books, seen: Followed, record: DealRecord, still_ours: StillOurs) -> What | None:
        if outcome.change(seen, record, books.names.get(record.owner_id or "")) is None:
            return None
        with self.db.transaction() as tx:
            still_ours(tx)
            if record.status != "open":
                open_deals.forget(tx, self.provider, record.id)
            return outcome.follow(tx, books, seen, record)

    def _gone(self, books: Books, one: Gone, found: Poll, still_ours: StillOurs) -> What | None:
        try:
            survivor = self._survivor(one)
        except SPARSE as error:
            found.troubles.append(_unread(one.seen, error))
            return None
        with self.db.transaction() as tx:
            still_ours(tx)
            open_deals.forget(tx, self.provider, one.seen.deal_id)
            if survivor is None:
                return outcome.drop(tx, books, one.seen)
            merged = outcome.merge(tx, books, one.seen, survivor)
            found.count(merged and outcome.follow(tx, books, one.seen, survivor))
            return merged

    def _survivor(self, one: Gone) -> DealRecord | None:
        """The deal that has our key now: ours was merged into it."""
        with self.db.read() as tx:
            organisation = references.get(tx, self.provider, f"organisation:{one.seen.account_key}")
        ids = {one.organisation_id, organisation.remote_id if organisation else None} - {None}
        for organisation_id in sorted(id_ for id_ in ids if id_):
            with suppress(base.NotFound):  # the organisation went with it
                for deal in self.crm.find_deals_by_key(one.seen.key, organisation_id):
                    if deal.id != one.seen.deal_id and deal.editable:
                        return deal
        return None

    def _records(self, wanted: Iterable[Followed]) -> Mapping[str, DealRecord]:
        """By id; where the list is refused for one of them, all are read singly."""
        ids = sorted({seen.deal_id for seen in wanted})
        try:
            return {record.id: record for record in self.crm.get_deals(ids)} if ids else {}
        except (base.Invalid, base.NotFound):
            return {}

    def _single(self, seen: Followed, troubles: list[Trouble]) -> DealRecord | Gone | None:
        """A deal that no list shows. One that is put away after it was won or lost has its outcome still."""
        try:
            record = self.crm.get_deal(seen.deal_id)
        except base.NotFound:
            return Gone(seen, None)
        except SPARSE as error:
            troubles.append(_unread(seen, error))
            return None
        is_gone = not record.editable and record.status == "open"
        return Gone(seen, record.organisation_id) if is_gone else record

    def _followed(self, deal_ids: Collection[str] | None = None) -> list[Followed]:
        with self.db.read() as tx:
            return outcomes.followed(tx, self.provider, tx.now() - FOLLOWED_FOR, deal_ids)

    def _books(self) -> Books:
        return Books(self.provider, self.crm.name, {user.id: user.name for user in self.crm.users()})

    def _not_held(self) -> None:
        with self.db.read() as tx:
            hold = holds.standing(tx, self.provider)
        if hold:
            raise base.NotApplied(f"{self.crm.name} is not asked before {hold.until:%H:%M} UTC: {hold.detail}")

    def _refused(self, error: base.CrmError) -> None:
        """As for a push: its key is paused, its limit respected; what people have to mend is a problem."""
        self._hold(error)
        if not isinstance(error, (base.Throttled, base.NotApplied)):
            with self.db.transaction() as tx:
                problems.report(tx, SOURCE, [Trouble("crm_not_read", f"{self.crm.name} could not be read: {error}")])

    def _hold(self, error: base.CrmError) -> None:
        with self.db.transaction() as tx:
            if isinstance(error, base.AuthFailed):
                holds.pause(tx, self.provider, str(error))
            if isinstance(error, base.Throttled):
                holds.throttle(tx, self.provider, timedelta(seconds=max(error.after, 0.0)), str(error))

    def _too_many(self, gone: int, of: int) -> Trouble:
        which = f"{gone} of {of} deals are not in {self.crm.name} any more, so all were left as they are"
        return Trouble(
            "deals_missing", f"{which}. Is the key one of another company? If not: headroom follow --deleted"
        )


def _unread(seen: Followed, error: base.CrmError) -> Trouble:
    return Trouble("deal_not_read", f"deal {seen.deal_url}: {error}", seen.account_key)
