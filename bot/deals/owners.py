"""Who owns a deal: the rep who clicked, found among the CRM's users by e-mail."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.outbox import Permanent
from bot.store import Database, reps
from bot.store.reps import Rep
from crm.base import Crm, CrmUser


@dataclass(slots=True)
class Owners:
    """The CRM's active users by e-mail, asked once. `ask_slack` tells who a Slack user is."""

    db: Database
    crm: Crm
    ask_slack: Callable[[str], Rep]
    _users: dict[str, CrmUser] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def owner(self, slack_user: str) -> CrmUser:
        with self.db.read() as tx:
            rep = reps.get(tx, slack_user)
        if rep is None or not rep.email:
            rep = self._fetched(slack_user)
        found = self._user(rep)
        if found is None:  # addresses change, and people join
            rep = self._fetched(slack_user)
            self.forget()
            found = self._user(rep)
        if found is None:
            raise Permanent(_nobody(rep, self.crm.name))
        return found

    def forget(self) -> None:
        with self._lock:
            self._users = {}

    def name(self, crm_id: str | None) -> str | None:
        """Of whoever owns a deal by now."""
        return next((user.name for user in self._known().values() if user.id == crm_id), None)

    def _user(self, rep: Rep) -> CrmUser | None:
        return self._known().get(rep.email.casefold()) if rep.email else None

    def _known(self) -> dict[str, CrmUser]:
        with self._lock:
            if not self._users:
                self._users = {user.email.casefold(): user for user in self.crm.users()}
            return self._users

    def _fetched(self, slack_user: str) -> Rep:
        rep = self.ask_slack(slack_user)
        with self.db.transaction() as tx:
            reps.save(tx, rep)
        return rep


def _nobody(rep: Rep, crm: str) -> str:
    """On a card, where everybody reads it; the mention is shown as one, since it is of who pushed."""
    who = f"<@{rep.slack_user_id}>"
    if not rep.email:
        return f"Not pushed: Slack shows no e-mail address for {who}. Add one to the profile, then push again."
    return f"Not pushed: nobody in {crm} has the e-mail address of {who}, {rep.email}. Add it there, then push again."
