"""How each database is connected to, and what it is told first."""

import json
from functools import partial
from typing import Any, Literal

from sqlalchemy import URL, Engine, create_engine, event

BUSY_SECONDS = 10
MIGRATION_SECONDS = 60  # how long a replica waits while another one migrates

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
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=BUSY_SECONDS,
        connect_args={"connect_timeout": 5},
        json_serializer=_dumps,
    )
    event.listen(engine, "connect", _set_limits)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _set_limits(connection: Any, _record: object) -> None:
    for limit in ("lock_timeout = '10s'", "statement_timeout = '60s'", "idle_in_transaction_session_timeout = '60s'"):
        connection.execute(f"SET {limit}")
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
