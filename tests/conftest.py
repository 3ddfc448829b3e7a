"""Fixtures for every room: a database of either kind, empty or with its tables, and a clock that the test moves."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import URL

from bot.store import Database
from tests.databases import (
    MovedClock,
    PostgresMissingError,
    empty,
    migrate,
    missing_postgresql,
    postgresql_database,
    postgresql_server,
)
from tests.processes import Launcher

settings.register_profile("headroom", deadline=None)  # speed is measured in `make bench`, not asserted here
settings.load_profile("headroom")


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
def database_kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql" and isinstance(missing := request.getfixturevalue("postgresql"), Exception):
        missing_postgresql(missing)
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'headroom.db'}"
        return
    with postgresql_database(request.getfixturevalue("postgresql")) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables: copied in no time, where migrations take some."""
    file = tmp_path_factory.mktemp("template") / "headroom.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: URL) -> Iterator[str]:
    """One database with its tables, emptied for each test: that is quicker than making one."""
    with postgresql_database(postgresql) as url:
        migrate(url.render_as_string(hide_password=False))
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def migrated_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with its tables, once of each kind."""
    if database_kind == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "headroom.db")
        yield f"sqlite:///{file}"
        return
    url = request.getfixturevalue("migrated_postgresql")
    empty(url)
    yield url


@pytest.fixture
def database(migrated_url: str, clock: MovedClock) -> Iterator[Database]:
    """A store with its tables, whose clock the test moves."""
    database = Database(migrated_url, clock)
    yield database
    database.close()


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Starts Headroom's commands in processes of their own."""
    launcher = Launcher(tmp_path_factory.mktemp("processes"))
    yield launcher
    launcher.close()
