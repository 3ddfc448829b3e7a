"""Fixtures for every room: an empty database of either kind, and a clock that the test moves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from bot.store import Database
from tests.databases import PostgresMissingError, empty_postgresql_database, missing_postgresql, postgresql_server


class MovedClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[URL | PostgresMissingError]:
    """The server, or why there is none; asked for only by tests that run on PostgreSQL."""
    try:
        with postgresql_server() as admin:
            yield admin
    except PostgresMissingError as reason:
        yield reason


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'headroom.db'}"
        return
    server = request.getfixturevalue("postgresql")
    if isinstance(server, PostgresMissingError):
        missing_postgresql(server)
    with empty_postgresql_database(server) as url:
        yield url


@pytest.fixture
def database(database_url: str, clock: MovedClock) -> Iterator[Database]:
    """A store with its tables, whose clock the test moves."""
    database = Database(database_url, clock)
    database.migrate()
    yield database
    database.close()
