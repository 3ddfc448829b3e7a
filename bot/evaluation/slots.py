"""One evaluation a slot, however many replicas run; a slot whose replica died is taken over by another."""

import logging
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bot.store import Database, Transaction, runs
from bot.store.leases import LostLeaseError

log = logging.getLogger(__name__)
KIND = "evaluation"
LEASE = timedelta(minutes=2)
RENEW_SECONDS = 30.0
StillOurs = Callable[[Transaction], None]


def run_slot(db: Database, slot: datetime, work: Callable[[StillOurs], dict[str, Any]], kind: str = KIND) -> bool:
    """Do the work of this slot unless it is done, or being done elsewhere. Its summary is kept; its errors are raised.

    `work` gets a function that raises once the slot was taken over, because this process had stopped for too long.
    """
    mine = runs.claim_slot(db, kind, slot, socket.gethostname(), LEASE)
    if mine is None:
        return False
    with _renewing(db, mine):
        try:
            summary = work(lambda tx: runs.renew(tx, mine, LEASE))
        except Exception as error:
            with db.transaction() as tx:
                runs.fail(tx, mine, {"error": type(error).__name__})
            raise
        with db.transaction() as tx:
            runs.finish(tx, mine, summary)
    return True


class _renewing:  # noqa: N801 - reads as what happens in the block
    """Keeps the slot ours while the block runs."""

    def __init__(self, db: Database, mine: runs.Run) -> None:
        self._db, self._mine, self._over = db, mine, threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="slot-lease")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                with self._db.transaction() as tx:
                    runs.renew(tx, self._mine, LEASE)
            except LostLeaseError:
                return  # the work notices at its next write
            except Exception as error:  # noqa: BLE001 - a database that is away for a moment is asked again
                log.warning("the slot's lease could not be renewed: %s", type(error).__name__)
