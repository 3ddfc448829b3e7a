"""The clock: it asks twice a minute whether something is due. Who does it is settled in the database, once a slot."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # slots count from here, so that all replicas mean the same ones
TICK_SECONDS = 30


def slot(now: datetime, every: timedelta) -> datetime:
    """The latest slot that has begun: who was away for a day finds one evaluation due, not twenty-four.

    Slots are UTC intervals, because local times are skipped or doubled when clocks change.
    """
    return EPOCH + (now - EPOCH) // every * every


def start(duties: Mapping[str, Callable[[], None]], tick_seconds: float = TICK_SECONDS) -> BackgroundScheduler:
    """Run each duty now and at every tick, in a thread of its own, never twice at a time."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a duty that lasts longer than a tick is no news
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": _DaemonThreads()},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, duty in duties.items():
        tick = IntervalTrigger(seconds=tick_seconds, timezone=UTC)
        scheduler.add_job(duty, tick, id=name, next_run_time=datetime.now(UTC))
    scheduler.add_listener(_report, EVENT_JOB_ERROR)
    scheduler.start()
    return scheduler


class _DaemonThreads(BaseExecutor):  # type: ignore[misc]  # the package ships no types
    """One thread a run. APScheduler's own pool would hold up the end of the process until a stalled vendor answers."""

    def _do_submit_job(self, job: Any, run_times: Any) -> None:
        threading.Thread(target=self._run, args=(job, run_times), name=job.id, daemon=True).start()

    def _run(self, job: Any, run_times: Any) -> None:
        self._run_job_success(job.id, run_job(job, job._jobstore_alias, run_times, self._logger.name))


def _report(event: JobExecutionEvent) -> None:
    log.error("%s failed: %s", event.job_id, type(event.exception).__name__, exc_info=event.exception)
