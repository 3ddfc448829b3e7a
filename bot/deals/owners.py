"""Who owns a deal: the rep who clicked, found among the CRM's users by their own choice or their e-mail address."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.model import DealOwner
from bot.store import Database, deal_owners, reps
from bot.store.reps import Rep
from crm.base import Crm, CrmUser


@dataclass(slots=True)
class Owners:
    """The CRM's active users, asked once. `ask_slack` tells who a Slack user is."""

    db: Database
    crm: Crm
    ask_slack: Callable[[str], Rep]
    _users: list[CrmUser] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def owner(self, slack_user: str) -> CrmUser | None:
        """None: nobody there is this rep, who has to say; those to choose from are stored."""
        rep = self._stored(slack_user)
        found = self._user(rep) if rep else None
        if found is None:  # addresses change, and people join
            rep = self._fetched(slack_user)
            self.forget()
            found = self._user(rep)
        if found is None:
            with self.db.transaction() as tx:
                deal_owners.save(tx, [DealOwner(user.id, user.name, user.email) for user in self._known()])
        return found

    def forget(self) -> None:
        with self._lock:
            self._users = []

    def name(self, crm_id: str | None) -> str | None:
        """Of whoever owns a deal by now."""
        return next((user.name for user in self._known() if user.id == crm_id), None)

    def _user(self, rep: Rep) -> CrmUser | None:
        """What the rep chose goes before the address, as long as that user is active."""
        users = self._known()
        chosen = next((user for user in users if user.id == rep.crm_user_id), None)
        address = (rep.email or "").strip().casefold()
        return chosen or next((user for user in users if address and user.email.strip().casefold() == address), None)

    def _known(self) -> list[CrmUser]:
        with self._lock:
            if not self._users:
                self._users = self.crm.users()
            return self._users

    def _stored(self, slack_user: str) -> Rep | None:
        with self.db.read() as tx:
            return reps.get(tx, slack_user)

    def _fetched(self, slack_user: str) -> Rep:
        rep = self.ask_slack(slack_user)
        with self.db.transaction() as tx:
            reps.save(tx, rep)
            return reps.get(tx, slack_user) or rep
