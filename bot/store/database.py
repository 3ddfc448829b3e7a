"""The connection to SQLite or PostgreSQL: transactions, reading, migrations."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Interval, bindparam, func, literal, make_url
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as Busy
from sqlalchemy.orm import Session

from bot.model import Clock
from bot.store import engines, migrations
from bot.store.columns import Moment

# The database is away, restarting or overloaded: what was asked of it may work later.
StoreTrouble = (OperationalError, InterfaceError, Busy)


class Transaction(Session):
    """A session that knows the time: the clock's for what people see, the database's for leases."""

    def __init__(self, bind: Engine, clock: Clock) -> None:
        super().__init__(bind, autoflush=False, expire_on_commit=False)
        self.clock = clock
        self.enqueued = False

    def now(self) -> datetime:
        return self.clock()

    @property
    def dialect(self) -> str:
        return self.get_bind().dialect.name

    def moment(self, after: timedelta = timedelta()) -> ColumnElement[datetime]:
        """Now, or later, by the one clock that all replicas share: on PostgreSQL the database's own."""
        if self.dialect == "sqlite":
            return literal(self.clock() + after, Moment)
        return func.clock_timestamp(type_=Moment).op("+")(literal(after, Interval()))

    def later(self, after: timedelta = timedelta()) -> datetime | timedelta:
        """The same for a statement that is built once: the value of its `moment_parameter`."""
        return self.clock() + after if self.dialect == "sqlite" else after


def moment_parameter(dialect: str, name: str) -> ColumnElement[datetime]:
    """A place in a statement for a moment, to be filled with `Transaction.later`."""
    if dialect == "sqlite":
        return bindparam(name, type_=Moment)
    return func.clock_timestamp(type_=Moment).op("+")(bindparam(name, type_=Interval))


class Database:
    """The store. `url` is SQLAlchemy's; SQLite must be a file, since threads share it."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = make_url(url)
        self.clock = clock
        self.dialect = engines.dialect_of(self._url)
        self.engine = engines.for_work(self._url)
        self._reading = self.engine.execution_options(read_only=True)
        self._writing = threading.Lock()
        self._inside = threading.local()
        self._listeners: list[Callable[[], None]] = []

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits at the end, rolls back on an error. Keep it short: never call the outside world within."""
        if getattr(self._inside, "open", False):
            raise RuntimeError("a transaction within a transaction would wait for itself")
        self._inside.open = True
        try:
            with self._turn(), Transaction(self.engine, self.clock) as tx:
                with tx.begin():
                    yield tx
                enqueued = tx.enqueued
        finally:
            self._inside.open = False
        if enqueued:
            self.wake()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """For reading only: the database refuses writes."""
        with Transaction(self._reading, self.clock) as tx:
            yield tx

    def on_enqueued(self, listener: Callable[[], None]) -> None:
        """Call the listener after each commit of this process that leaves work to be done."""
        self._listeners.append(listener)

    def wake(self) -> None:
        for listener in self._listeners:
            listener()

    def migrate(self) -> None:
        """Bring the tables to this version; replicas that start together take turns."""
        engine = engines.for_migration(self._url)
        try:
            with engine.begin() as connection:
                migrations.upgrade(connection)
        finally:
            engine.dispose()

    def ready(self) -> bool:
        """Whether the database answers and has the tables of this version."""
        try:
            with self._reading.connect() as connection:
                return migrations.is_current(connection)
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite has one writer: threads that queue here wait fairly, where SQLite's busy handler sleeps and guesses.
        if self.dialect == "postgresql":
            yield
            return
        if not self._writing.acquire(timeout=engines.BUSY_SECONDS):
            raise Busy(f"another thread has been writing for {engines.BUSY_SECONDS} s")
        try:
            yield
        finally:
            self._writing.release()
