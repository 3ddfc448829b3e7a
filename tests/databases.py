"""A private PostgreSQL for the tests, an empty database for each of them, and time that passes at their word."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from sqlalchemy import URL, Interval, NullPool, create_engine, delete, literal, make_url, text, update

from bot.store import Database
from bot.store.delivery_tables import hold, job, run
from bot.store.tables import metadata

INSTALL = "PostgreSQL's server is not installed: apt-get install -y postgresql (or set HEADROOM_TEST_POSTGRES to a URL)"


class MovedClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class PostgresMissingError(Exception):
    """There is no PostgreSQL to be had; the message says what to do."""


@contextmanager
def postgresql_server() -> Iterator[URL]:
    """The admin database of a server: the one named in HEADROOM_TEST_POSTGRES, or one started for this session."""
    given = os.environ.get("HEADROOM_TEST_POSTGRES")
    if given:
        yield make_url(given)
        return
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="headroom-postgres-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        _initialise(programs, folder)
        _control(programs, folder, "start", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off")
        try:
            yield URL.create("postgresql+psycopg", username="postgres", database="postgres", query={"host": folder})
        finally:
            _control(programs, folder, "stop", "-m", "immediate")


@contextmanager
def postgresql_database(admin: URL) -> Iterator[URL]:
    """An empty database of its own."""
    name = f"headroom_{uuid.uuid4().hex}"
    _administer(admin, f"CREATE DATABASE {name}")
    try:
        yield admin.set(database=name)
    finally:
        _administer(admin, f"DROP DATABASE {name} WITH (FORCE)")


def migrate(url: str) -> None:
    database = Database(url, lambda: datetime.now(UTC))
    database.migrate()
    database.close()


def empty(url: str) -> None:
    """Delete every row, and cut off whoever a killed test left behind."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))  # noqa: S608
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))


def elapse(database: Database, clock: MovedClock, **by: float) -> None:
    """Let time pass for jobs and leases. PostgreSQL counts them by its own clock, so there all else moves back."""
    clock.move(**by)
    if database.dialect == "sqlite":
        return
    moments = {job: ("run_at", "lease_until"), hold: ("until",), run: ("lease_until",)}
    with database.transaction() as tx:
        for table, names in moments.items():
            earlier = {name: table.c[name].op("-")(literal(timedelta(**by), Interval())) for name in names}
            tx.execute(update(table).values(earlier))


def missing_postgresql(reason: Exception) -> NoReturn:
    """Skip on a developer's machine; in CI a missing database is a failure."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(str(reason))


def _administer(admin: URL, statement: str) -> None:
    url = admin.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _programs() -> Path:
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb") or (str(candidates[-1]) if candidates else None)
    if found is None:
        raise PostgresMissingError(INSTALL)
    return Path(found).parent


def _initialise(programs: Path, folder: str) -> None:
    _run(str(programs / "initdb"), "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync")


def _control(programs: Path, folder: str, *arguments: str) -> None:
    _run(str(programs / "pg_ctl"), "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", *arguments)


def _run(*command: str) -> None:
    # PostgreSQL refuses to run as root.
    as_postgres = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    whole = [*as_postgres, *command]
    done = subprocess.run(whole, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")
