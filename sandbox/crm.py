"""What the sandbox's CRMs share: each call takes a while, and the end of all calls can be awaited."""

import threading
import time
from datetime import UTC, datetime

from bot.model import Clock
from sandbox.faults import Fault
from sandbox.server import CONTROL, Request, Response, Server


class CrmServer(Server):
    """`latency` is the seconds that each call takes; `under_way` how many calls are being answered."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        super().__init__(clock, port)
        self.latency = 0.0
        self.under_way = 0
        self.records_lock = threading.RLock()
        self._quiet = threading.Condition()

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        if request.path.startswith(CONTROL):
            return super().answer(request)
        self._count(1)
        try:
            if self.latency:
                time.sleep(self.latency)
            return super().answer(request)
        finally:
            self._count(-1)

    def wait_until_quiet(self) -> None:
        """Until no call is under way: one that its caller gave up may still be applied."""
        with self._quiet:
            self._quiet.wait_for(lambda: self.under_way == 0, timeout=30)

    def _count(self, change: int) -> None:
        with self._quiet:
            self.under_way += change
            self._quiet.notify_all()
