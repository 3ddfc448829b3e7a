"""The duties of following deals, put together: the poll and the webhook, each a slot's work of one replica."""

import logging
import threading
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from bot.deals.follow import Follow
from bot.deals.hints import Hints
from bot.deals.pipeline import StillOurs
from bot.deals.webhook import SOURCE, Door, ensure, fingerprint
from bot.evaluation import slots
from bot.scheduler import slot
from bot.store import Database, open_deals, problems
from crm.base import Crm, CrmError, Webhook

log = logging.getLogger(__name__)
HOOK_EVERY = timedelta(hours=12)  # the shortest-lived webhook that is known lasts for a day


class Following:
    """`hook` None: the internet cannot reach us, and only the poll tells of changes."""

    def __init__(self, db: Database, crm: Crm, provider: str, every: timedelta, hook: Webhook | None) -> None:
        self._db, self._crm, self._every, self._hook = db, crm, every, hook
        self._provider, self._polling = provider, threading.Lock()
        self.follow = Follow(db, crm, provider)
        self.hints = Hints(self.follow.look)
        self.door = Door(crm, hook, self.hints) if hook else None

    def start(self) -> None:
        self.hints.start()
        if self._hook is None:
            with self._db.transaction() as tx:
                problems.report(tx, SOURCE, [])  # nobody is to tell us any more

    def stop(self) -> None:
        self.hints.stop()

    def poll_slot(self) -> None:
        """The poll that is due now, if nobody has done it."""
        with self._polling:
            self._slot("follow", self._every, self._polled)

    def before_evaluation(self) -> None:
        """Where it is not known which deals are open, that comes first: else the first cards would tell old news."""
        with self._db.read() as tx:
            known = open_deals.is_fresh(tx, self._provider)
        if not known:
            self.poll_slot()

    def hook_slot(self) -> None:
        """The webhook is kept alive; another address or secret counts at once."""
        if self._hook is not None:
            hook = self._hook
            self._slot(f"webhook:{fingerprint(hook)}", HOOK_EVERY, lambda _: ensure(self._db, self._crm, hook))

    def _slot(self, kind: str, every: timedelta, work: Any) -> None:
        try:
            slots.run_slot(self._db, slot(self._db.clock(), every), work, kind)
        except CrmError as error:
            log.warning("%s: %s", kind.partition(":")[0], error)

    def _polled(self, still_ours: StillOurs) -> dict[str, Any]:
        found = self.follow.poll(still_ours)
        log.info("followed: %s", found.summary())
        return {**asdict(found), "troubles": len(found.troubles)}
