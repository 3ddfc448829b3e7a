"""INSERT with ON CONFLICT, which SQLite and PostgreSQL both have and standard SQL has not."""

from typing import Any, cast

from sqlalchemy import CursorResult, Executable, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.database import Transaction


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


def upsert(tx: Transaction, table: Table, rows: list[dict[str, Any]], *, keep: tuple[str, ...] = ()) -> None:
    """Insert the rows, or overwrite those with the same primary key except for the columns to keep."""
    if not rows:
        return
    statement = insert(tx.dialect, table)
    keys = [column.name for column in table.primary_key]
    updated = {name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=updated), rows)


def changed(tx: Transaction, statement: Executable, values: dict[str, Any] | None = None) -> int:
    """Run the statement; the number of rows that it touched."""
    return cast(CursorResult[Any], tx.execute(statement, values)).rowcount
