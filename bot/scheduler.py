"""The clock: it says when an evaluation is due. Who runs it is settled in the database, once for each slot."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.model import Clock

log = logging.getLogger(__name__)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # slots count from here, so that all replicas mean the same ones
TICK = timedelta(seconds=30)


def slot(now: datetime, every: timedelta) -> datetime:
    """The latest slot that has begun: a replica that was away for a day runs one evaluation, not twenty-four."""
    return EPOCH + (now - EPOCH) // every * every


def start(every: timedelta, clock: Clock, evaluate: Callable[[datetime], None], tick: Callable[[], None]) -> BackgroundScheduler:
    """Run `evaluate(slot)` at each slot and at once, and `tick()` twice a minute, in threads of its own.

    UTC intervals, because local times are skipped or doubled when clocks change.
    """
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    scheduler.add_job(lambda: evaluate(slot(clock(), every)), next_run_time=clock(), trigger=_every(every), id="evaluate")
    scheduler.add_job(tick, trigger=_every(TICK), id="tick")
    scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    scheduler.start()
    return scheduler


def _every(interval: timedelta) -> IntervalTrigger:
    return IntervalTrigger(seconds=int(interval.total_seconds()), start_date=EPOCH, timezone=UTC)


def _report(event: JobExecutionEvent) -> None:
    log.error("scheduled job %s failed or was missed", event.job_id, exc_info=getattr(event, "exception", None))
