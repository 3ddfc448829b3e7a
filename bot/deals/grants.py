"""The OAuth grant of the CRM, kept for all threads and replicas: renewed once, however many find it run out."""

import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from bot.store import Database, grants
from bot.store.grants import Seal
from bot.store.leases import LostLeaseError
from crm.base import CrmError, NotApplied
from crm.oauth import Grant, Renew

MARGIN = timedelta(seconds=60)  # a grant that is about to run out counts as run out
LEASE = timedelta(seconds=30)  # longer than a renewal may last
PAUSE = 0.1
PATIENCE = 20.0  # seconds to wait for another replica


class SealedGrants:
    """The `GrantStore` of one provider; `secrets` are what the deployment knows of it."""

    def __init__(self, db: Database, provider: str, secrets: Iterable[str]) -> None:
        self._db = db
        self._provider = provider
        self._seal = Seal.of(secrets)
        self._name = uuid.uuid4().hex
        self._renewing = threading.Lock()
        self._failure: tuple[float, CrmError] | None = None

    def current(self, renew: Renew, stale: str | None = None) -> Grant:
        asked = time.monotonic()
        if (held := self._good(stale)) is not None:
            return held
        with self._renewing:
            if self._failure and self._failure[0] >= asked:  # the attempt that we waited for
                raise self._failure[1]
            return self._renewed(renew, stale)

    def _renewed(self, renew: Renew, stale: str | None) -> Grant:
        ends = time.monotonic() + PATIENCE
        while (held := self._good(stale)) is None:
            if self._take():
                return self._renew(renew, stale)
            if time.monotonic() > ends:
                raise NotApplied("Another process is renewing the CRM's access token")
            time.sleep(PAUSE)
        return held

    def _renew(self, renew: Renew, stale: str | None) -> Grant:
        if (held := self._good(stale)) is not None:  # another replica did so between our look and our turn
            self._release()
            return held
        try:
            grant = renew(self._held()[0])
        except LostLeaseError:  # of the job that asked; others need the grant still
            self._release()
            raise
        except CrmError as error:
            self._failure = time.monotonic(), error
            self._release()
            raise
        with self._db.transaction() as tx:
            expires_at = tx.now() + grant.lasts
            grants.put(tx, self._provider, self._seal, _to_json(grant), expires_at)
        return grant

    def _take(self) -> bool:
        with self._db.transaction() as tx:
            return grants.take(tx, self._provider, self._name, LEASE)

    def _release(self) -> None:
        with self._db.transaction() as tx:
            grants.release(tx, self._provider, self._name)

    def _good(self, stale: str | None) -> Grant | None:
        grant, left = self._held()
        return grant if grant is not None and left > MARGIN and grant.access != stale else None

    def _held(self) -> tuple[Grant | None, timedelta]:
        with self._db.read() as tx:
            value, expires_at = grants.get(tx, self._provider, self._seal)
            left = expires_at - tx.now() if expires_at else timedelta(0)
        return (_from_json(value) if value else None), left


def _to_json(grant: Grant) -> dict[str, Any]:
    return {**asdict(grant), "lasts": grant.lasts.total_seconds()}


def _from_json(value: dict[str, Any]) -> Grant:
    return Grant(**{**value, "lasts": timedelta(seconds=value["lasts"])})
