"""The outbox: work for the outside world that is stored with its cause, and done however often it takes."""

from collections.abc import Callable
from typing import Any

from bot.outbox.context import JobContext
from bot.outbox.endings import Ambiguous, AuthFailed, Ending, Permanent, Retry, Throttled
from bot.store.jobs import Job

# Does one job. What it returns is stored as the job's result; how it fails, it says with an ending.
Handler = Callable[[Job, JobContext], dict[str, Any] | None]

__all__ = [
    "Ambiguous",
    "AuthFailed",
    "Ending",
    "Handler",
    "Job",
    "JobContext",
    "Permanent",
    "Retry",
    "Throttled",
]
