"""Writing: INSERT with ON CONFLICT, which standard SQL has not, and thousands of rows in parts.

SQLite has one writer, so what writes many rows first compares them in a read, and then hands out `Write`s: each for a
short transaction of its own, so that a click waits for one part at most, and fit to be done twice.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Executable, Table, and_, bindparam, delete, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.database import Transaction

Write = Callable[[Transaction], None]
Row = dict[str, Any]
T = TypeVar("T")
PART = 2000  # rows a transaction, or a statement: databases limit the number of parameters


def parts(rows: Sequence[T], size: int = PART) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def upserts(table: Table, rows: Sequence[Row]) -> list[Write]:
    return [partial(upsert, table=table, rows=part) for part in parts(rows)]


def removals(table: Table, keys: Sequence[Row]) -> list[Write]:
    """Delete the rows with these values."""
    return [partial(_remove, table=table, keys=part) for part in parts(keys)]


def insert(dialect: str, table: Table) -> postgresql.Insert:
    """The database's own INSERT; both kinds have the same methods as far as the store uses them."""
    if dialect == "sqlite":
        return cast(postgresql.Insert, sqlite.insert(table))
    return postgresql.insert(table)


def inserted(tx: Transaction, table: Table, **values: Any) -> bool:
    """Insert unless a row with the same key exists; says whether it did."""
    statement = insert(tx.dialect, table).values(**values).on_conflict_do_nothing()
    # Drivers do not agree on how many rows an INSERT touched; what it returns is certain.
    return tx.scalar(statement.returning(literal_column("1"))) is not None


def upsert(tx: Transaction, table: Table, rows: Sequence[Row], *, keep: tuple[str, ...] = ()) -> None:
    """Insert the rows, or overwrite those with the same primary key except for the columns to keep."""
    if not rows:
        return
    statement = insert(tx.dialect, table)
    keys = [column.name for column in table.primary_key]
    updated = {name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=updated), list(rows))


def _remove(tx: Transaction, table: Table, keys: Sequence[Row]) -> None:
    its_row = and_(*(table.c[name] == bindparam(f"its_{name}") for name in keys[0]))
    values = [{f"its_{name}": value for name, value in key.items()} for key in keys]
    tx.connection().execute(delete(table).where(its_row), values)


def changed(tx: Transaction, statement: Executable, values: dict[str, Any] | None = None) -> int:
    """Run the statement; the number of rows that it touched."""
    return cast(CursorResult[Any], tx.execute(statement, values)).rowcount
