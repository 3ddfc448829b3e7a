"""Who may set thresholds, and hears of faults: users by id, or the members of Slack user groups. In doubt, nobody."""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from slack_sdk import WebClient

log = logging.getLogger(__name__)
REMEMBERED_SECONDS = 60.0
PATIENCE_SECONDS = 0.9


class CannotTell(Exception):  # noqa: N818 - not a fault of anybody's
    """Slack did not say in time who is in a group."""


class Managers:
    """Asked when a window opens, and afresh when it is sent: someone may have left the group in between."""

    def __init__(self, client: WebClient, ids: Iterable[str]) -> None:
        ids = tuple(ids)
        self._client = client
        self._users = {id_ for id_ in ids if not id_.startswith("S")}
        self._groups = [id_ for id_ in ids if id_.startswith("S")]
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._pool = ThreadPoolExecutor(4, "slack-managers")

    def include(self, user: str, *, fresh: bool = False) -> bool:
        """Whether the user is a manager; raises CannotTell when Slack does not answer within a second."""
        if user in self._users:
            return True
        deadline = time.monotonic() + PATIENCE_SECONDS
        return any(user in self._group(group, fresh, deadline) for group in self._groups)

    def members(self, group: str) -> frozenset[str]:
        """Of a user group, as Slack says now; raises what slack_sdk raises."""
        return frozenset(self._client.usergroups_users_list(usergroup=group)["users"])

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _group(self, group: str, fresh: bool, deadline: float) -> frozenset[str]:
        read_at, members = self._members.get(group, (0.0, frozenset[str]()))
        if not fresh and read_at and time.monotonic() - read_at < REMEMBERED_SECONDS:
            return members
        # A thread of its own, since a socket's timeout does not bound an answer that trickles in.
        future = self._pool.submit(self.members, group)
        try:
            members = future.result(max(deadline - time.monotonic(), 0.0))
        except Exception as error:  # whatever it was, it is not a yes
            log.warning("Members of user group %s are not known: %s", group, type(error).__name__)
            raise CannotTell(group) from error
        self._members[group] = (time.monotonic(), members)
        return members
