"""The store's ground: types, transactions, migrations, on both databases."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from bot.store import Database
from bot.store.delivery_tables import job as _job  # noqa: F401  # adds its tables to the metadata
from bot.store.engines import REST_SECONDS
from bot.store.tables import account, memory, metadata

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def remember(database: Database, name: str, at: datetime = NOW) -> None:
    with database.transaction() as tx:
        tx.execute(insert(memory).values(name=name, value={}, updated_at=at))


def names(database: Database) -> list[str]:
    with database.read() as tx:
        return list(tx.scalars(select(memory.c.name).order_by(memory.c.name)))


def test_the_migrations_make_exactly_the_tables_that_the_code_names(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_replicas_that_start_together_migrate_once(database_url: str) -> None:
    def start(_: int) -> bool:
        database = Database(database_url, lambda: NOW)
        database.migrate()
        ready = database.ready()
        database.close()
        return ready

    with ThreadPoolExecutor(4) as replicas:
        assert list(replicas.map(start, range(4))) == [True] * 4


def test_it_is_not_ready_before_the_tables_are_there(database_url: str) -> None:
    database = Database(database_url, lambda: NOW)
    assert not database.ready()
    database.migrate()
    assert database.ready()
    database.close()


def test_an_unreachable_database_is_not_ready() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", lambda: NOW)
    assert not database.ready()
    database.close()


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as tx:
            tx.execute(insert(memory).values(name="lost", value={}, updated_at=NOW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    remember(database, "kept")
    assert names(database) == ["kept"]


def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as tx:
        tx.execute(insert(memory).values(name="sly", value={}, updated_at=NOW))
    remember(database, "honest")
    assert names(database) == ["honest"]


def test_a_transaction_within_another_is_refused(database: Database) -> None:
    with database.transaction(), pytest.raises(RuntimeError, match="within a transaction"), database.transaction():
        pass


def test_times_come_back_in_utc_and_naive_ones_are_refused(database: Database) -> None:
    remember(database, "abroad", datetime(2026, 11, 23, 14, 0, tzinfo=timezone(timedelta(hours=5))))
    with database.read() as tx:
        stored = tx.scalars(select(memory.c.updated_at)).one()
    assert (stored, stored.utcoffset()) == (NOW, timedelta())
    with pytest.raises(StatementError, match="no time zone"):
        remember(database, "somewhere", datetime(2026, 11, 23, 14, 0))  # noqa: DTZ001  # the point of the test


def test_money_keeps_every_digit_and_text_survives_what_postgresql_refuses(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute(
            insert(account).values(
                key="a\0\ud800b",
                name="é",
                search_name="é",
                arr=Decimal("12345678901234567890.10"),
                limits={"seats": "1\0"},
                levels={},
            )
        )
    with database.read() as tx:
        row = tx.execute(select(account)).one()
    assert (row.key, row.arr, row.limits) == ("a\ufffd\ufffdb", Decimal("12345678901234567890.10"), {"seats": "1\0"})


def test_numbers_that_are_none_are_not_stored(database: Database) -> None:
    with pytest.raises((StatementError, ValueError)), database.transaction() as tx:
        tx.execute(insert(memory).values(name="nan", value={"x": float("nan")}, updated_at=NOW))


def test_a_connection_that_was_cut_while_it_rested_is_replaced(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("a file has no connection that could be cut")
    remember(database, "before")
    cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
    with pytest.raises(OperationalError), database.transaction() as tx:
        tx.execute(cut)
    remember(database, "after")
    with database.transaction() as tx:
        pid = tx.scalar(text("SELECT pg_backend_pid()"))
    other = Database(database.engine.url.render_as_string(hide_password=False), lambda: NOW)
    with other.transaction() as tx:
        tx.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    other.close()
    time.sleep(REST_SECONDS + 0.1)
    remember(database, "later")
    assert names(database) == ["after", "before", "later"]


def test_other_databases_are_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="mysql is not supported"):
        Database("mysql://localhost/x", lambda: NOW)
    with pytest.raises(ValueError, match="needs a file"):
        Database("sqlite://", lambda: NOW)
