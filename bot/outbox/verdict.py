"""What becomes of a job whose attempt failed."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.outbox.endings import Ambiguous, AuthFailed, Ending, Permanent, Poisoned, Retry, Throttled
from bot.store import StoreTrouble, Transaction, holds, leases
from bot.store.jobs import Job
from bot.store.leases import Setback

MAX_ATTEMPTS = 12
FIRST_WAIT = 2.0
LONGEST_WAIT = 900.0
LIFETIME = timedelta(days=3)  # a vendor's outage may last; a click is kept through it
WORDS: dict[type[Exception], str] = {
    Retry: "retryable",
    Throttled: "throttled",
    AuthFailed: "auth",
    Ambiguous: "ambiguous",
    Permanent: "permanent",
    Poisoned: "poisoned",
} | dict.fromkeys(StoreTrouble, "store")

Buried = Callable[[Transaction, Job, str], None]  # tells people, in the same transaction, what will not be done


def settle(tx: Transaction, job: Job, error: Exception, buried: Buried | None) -> str:
    """Store how the attempt ended; one word for the log."""
    grave = _grave(job, error, tx.now())
    if grave:
        leases.fail(tx, job, grave, word_for(error), public_text(error))
        if buried:
            buried(tx, job, public_text(error))
        return grave
    if isinstance(error, Throttled):
        holds.throttle(tx, error.scope, timedelta(seconds=min(max(error.after, 0.0), LONGEST_WAIT)), str(error))
    if isinstance(error, AuthFailed):
        holds.pause(tx, error.provider, str(error))
    leases.retry_later(tx, job, _setback(job, error))
    return word_for(error)


def word_for(error: Exception) -> str:
    return next((word for kind, word in WORDS.items() if isinstance(error, kind)), "unexpected")


def public_text(error: Exception) -> str:
    """Only our own endings are written for others to read: a library's message may hold a token or a body."""
    return str(error) if isinstance(error, Ending) else f"unexpected {type(error).__name__}, see the log"


def backoff(attempt: int) -> float:
    """Full jitter, so that jobs that failed together do not come back together.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 20))
    return random.uniform(0.0, ceiling)  # noqa: S311  # spreads load, guards nothing


def _grave(job: Job, error: Exception, now: datetime) -> str | None:
    if isinstance(error, Permanent):
        return "failed"
    if isinstance(error, Poisoned):
        return "dead"
    if isinstance(error, Throttled | AuthFailed):
        return None
    if isinstance(error, (Ending, *StoreTrouble)):
        return "dead" if job.attempt >= MAX_ATTEMPTS and now - job.created_at > LIFETIME else None
    return "dead" if job.strikes >= MAX_ATTEMPTS else None


def _setback(job: Job, error: Exception) -> Setback:
    word, text = word_for(error), public_text(error)
    match error:
        case Throttled(scope=scope) | AuthFailed(provider=scope):
            return Setback(word, text, attempt_spent=False, scope=scope)
        case Ambiguous(settle=seconds) | Retry(after=seconds) if seconds is not None:
            return Setback(word, text, timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT)))
        case _:
            wait = timedelta(seconds=backoff(job.attempt))
            return Setback(word, text, wait, strike=word == "unexpected")
