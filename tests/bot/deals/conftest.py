"""The world of a push, on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.store import Database
from sandbox.pipedrive import PipedriveServer
from tests.bot.deals.world import World
from tests.databases import MovedClock


@pytest.fixture
def world(tmp_path: Path, clock: MovedClock) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'headroom.db'}", clock)
    database.migrate()
    with PipedriveServer(clock) as pipedrive, httpx.Client() as client:
        pipedrive.limits.burst = pipedrive.limits.budget = 1_000_000  # this clock stands still
        yield World(database, clock, pipedrive, client)
        assert pipedrive.errors == []
    database.close()
