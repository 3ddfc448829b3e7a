"""Time in the sandbox: an hour, a day, or many days in which the companies, the reps and the customers go on."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot import scheduler
from bot.evaluation.slots import KIND
from bot.store import Database, jobs, runs
from sandbox.play.play import Play
from sandbox.play.reps import Reps

MORNING = timedelta(hours=10)  # of each day: when the bot looks, and the reps after it
EVERY = timedelta(hours=1)  # as the configuration's [schedule] has it
PATIENCE = 60.0  # seconds for the bot to do what a moment brings
HEARD = 20.0  # and for the CRM to tell it what became of a deal
SETTLED = 0.6  # and then nothing more for so long: two of its ticks


class Passing:
    """One at a time lets time pass; `done` of `total` days are over while it does."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.done = self.total = 0

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def skip(self, by: timedelta) -> None:
        """It is so much later; the companies have been at work meanwhile."""
        if not self.is_running:
            moment = self._play.clock() + by
            self._play.traffic.pass_until(moment)
            self._play.clock.set(moment)

    def begin(self, days: int) -> None:
        """The same as `days`, in a thread of its own."""
        if not self.is_running:
            self._stopping.clear()
            self._thread = threading.Thread(target=self.days, args=(days,), daemon=True, name="passing")
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def days(self, number: int) -> None:
        """Morning after morning: usage comes in, the bot evaluates, the reps work, deals move on."""
        play, self.done, self.total = self._play, 0, number
        database = play.database()
        reps = Reps(play, lambda: self._settle(database, play.clock()))
        try:
            self._begin_from(database, play.clock())
            for morning in self._mornings(number):
                if self._stopping.is_set():
                    break
                play.traffic.pass_until(morning)
                play.clock.stand(morning)
                self._settle(database, morning)
                reps.work(morning)
                _wait(lambda: reps.are_heard() or not play.bot.is_alive, HEARD)
                self._settle(database, morning)
                self.done += 1
        finally:
            database.close()
            play.clock.set(play.clock())

    def _begin_from(self, database: Database, now: datetime) -> None:
        """What this moment brings comes before the next."""
        self._play.traffic.pass_until(now)
        self._play.clock.stand(now)
        self._settle(database, now)

    def _mornings(self, number: int) -> list[datetime]:
        zone = ZoneInfo(self._play.world.posthog.project.timezone)
        today = self._play.clock().astimezone(zone).date()
        days = [today + timedelta(days=after) for after in range(1, number + 1)]
        return [datetime(day.year, day.month, day.day, tzinfo=zone) + MORNING for day in days]

    def _settle(self, database: Database, moment: datetime) -> None:
        """Until the slot is evaluated and no job is due; a bot that is dead is not waited for."""
        slot = scheduler.slot(moment, EVERY)
        _wait(lambda: _evaluated(database, slot) or not self._play.bot.is_alive, PATIENCE)
        quiet_since = time.monotonic()
        deadline = quiet_since + PATIENCE
        while time.monotonic() - quiet_since < SETTLED and time.monotonic() < deadline and self._play.bot.is_alive:
            if _is_due(database, moment):
                quiet_since = time.monotonic()
            time.sleep(0.05)


def _evaluated(database: Database, slot: datetime) -> bool:
    with database.read() as tx:
        return runs.state_of(tx, KIND, slot) in ("done", "failed")


def _is_due(database: Database, moment: datetime) -> bool:
    with database.read() as tx:
        waiting = jobs.list_jobs(tx, states=("ready", "running"))
    return any(job.state == "running" or job.run_at <= moment for job in waiting)


def _wait(until: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.05)
