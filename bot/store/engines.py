"""How each database is connected to, and what it is told first."""

import json
import time
from functools import partial
from typing import Any, Literal

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

BUSY_SECONDS = 10
REST_SECONDS = 1.0
MIGRATION_SECONDS = 60  # how long a replica waits while another one migrates

# Without statistics, as in a new table, the planner reads and sorts all waiting jobs for each claim: 6 ms for 2,000 of
# them, where the index hands them over in order in 0.05 ms. Nothing else here gains from bitmap scans.
SETTINGS = """
SET lock_timeout = '10s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '60s';
SET enable_bitmapscan = off
"""

# NaN in JSON would be stored by SQLite and refused by PostgreSQL.
_dumps = partial(json.dumps, allow_nan=False, separators=(",", ":"))


def dialect_of(url: URL) -> Literal["sqlite", "postgresql"]:
    name = url.get_backend_name()
    if name == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file, since threads share it: sqlite:///headroom.db")
    if name == "sqlite":
        return "sqlite"
    if name == "postgresql":
        return "postgresql"
    raise ValueError(f"{name} is not supported: use sqlite:///headroom.db or postgresql+psycopg://...")


def for_work(url: URL) -> Engine:
    return _sqlite(url) if dialect_of(url) == "sqlite" else _postgresql(url)


def for_migration(url: URL) -> Engine:
    """Patient, and on SQLite without foreign keys, since Alembic changes a table there by copying it."""
    if dialect_of(url) == "sqlite":
        return _sqlite(url, patience=MIGRATION_SECONDS, foreign_keys=False)
    return create_engine(url)


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        pool_timeout=BUSY_SECONDS,
        connect_args={"connect_timeout": 5},
        json_serializer=_dumps,
    )
    event.listen(engine, "connect", _set)
    event.listen(engine, "begin", _begin_postgresql)
    _test_rested_connections(engine)
    return engine


def _test_rested_connections(engine: Engine) -> None:
    """Replace connections that were cut while nobody used them; testing each time would cost a tenth of all jobs."""

    @event.listens_for(engine, "checkin")
    def _note(_connection: object, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _test(connection: Any, record: Any, _proxy: object) -> None:
        if time.monotonic() - record.info.get("used", time.monotonic()) > REST_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error  # the pool then tries another


def _set(connection: Any, _record: object) -> None:
    connection.execute(SETTINGS)
    connection.commit()


def _begin_postgresql(connection: Any) -> None:
    if connection.get_execution_options().get("read_only"):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _sqlite(url: URL, *, patience: int = BUSY_SECONDS, foreign_keys: bool = True) -> Engine:
    engine = create_engine(
        url, pool_size=10, max_overflow=40, json_serializer=_dumps, connect_args={"timeout": patience}
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")

    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Any) -> None:
    # IMMEDIATE: a transaction that reads first and writes later would fail as 'locked' instead of waiting.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(read_only)}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
