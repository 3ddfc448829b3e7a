"""A sandbox PostHog, and a client that speaks to it without ever really sleeping."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from bot.posthog.client import Client
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import AT, ZONE

KEY = "phx_sandbox"


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock(AT)


@pytest.fixture
def posthog(clock: Clock) -> Iterator[PostHog]:
    with PostHog(clock, timezone=str(ZONE)) as server:
        yield server
    assert server.errors == []


@pytest.fixture
def connect(posthog: PostHog, clock: Clock) -> Iterator[Callable[[str], Client]]:
    """A client with a key of the test's choice."""
    with httpx.Client() as http:
        yield lambda key: Client(http, posthog.url, posthog.project_id, key, clock, clock.sleep)


@pytest.fixture
def client(connect: Callable[[str], Client]) -> Client:
    return connect(KEY)
