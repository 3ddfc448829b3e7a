"""Alembic, driven from code: no alembic.ini, and the revisions ship with the package."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

LOCK = 7239401  # any number, as long as every version of Headroom takes the same


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings. With them `alembic.command.revision(config(...), autogenerate=True)` writes a revision."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection) -> None:
    """Within the connection's transaction; on SQLite its BEGIN IMMEDIATE is the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    command.upgrade(config(connection), "head")


def is_current(connection: Connection) -> bool:
    return MigrationContext.configure(connection).get_current_revision() == _newest()


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()
