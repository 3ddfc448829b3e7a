"""Hints that deals may have changed: gathered while they come in, and looked at together a moment later.

They are kept in memory alone: one that is lost costs nothing but the time until the next poll.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable

log = logging.getLogger(__name__)
GATHERED_FOR = 1.0  # seconds: whoever changes a deal often changes it twice
MOST = 10_000  # ids at a time; the poll sees to the others


class Hints:
    """`tell` returns at once; `look` is called from a thread of its own, with each id once."""

    def __init__(self, look: Callable[[Collection[str]], object], seconds: float = GATHERED_FOR) -> None:
        self._look, self._seconds = look, seconds
        self._ids: set[str] = set()
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="deal-hints")

    def tell(self, deal_ids: Iterable[str]) -> None:
        with self._news:
            for deal_id in deal_ids:
                if len(self._ids) < MOST:
                    self._ids.add(deal_id)
            self._news.notify()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self._news:
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._news:
                self._news.wait_for(lambda: self._ids or self._stopping.is_set())
            self._stopping.wait(self._seconds)
            with self._news:
                ids, self._ids = self._ids, set()
            if ids and not self._stopping.is_set():
                self._looked(ids)

    def _looked(self, ids: Collection[str]) -> None:
        try:
            self._look(ids)
        except Exception:  # an edge: whatever went wrong, the next hint and the poll come
            log.exception("an early look at deals failed")
