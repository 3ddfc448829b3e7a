"""The last look before a write leaves: a worker that stood still for longer than its lease writes nothing.

An adapter may read this and that between our intent and its write, so the HTTP client itself asks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from bot.outbox import JobContext


class Request(Protocol):
    """Of any HTTP client."""

    method: str


_working: ContextVar[JobContext | None] = ContextVar("working", default=None)


@contextmanager
def around(context: JobContext) -> Iterator[None]:
    """What is written within is written for this job."""
    before = _working.set(context)
    try:
        yield
    finally:
        _working.reset(before)


def check(request: Request) -> None:
    """A hook of the HTTP client: raises LostLeaseError where another worker has the job by now."""
    context = _working.get()
    if context is not None and request.method != "GET":
        context.still_mine()
