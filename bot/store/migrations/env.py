"""Run by Alembic for each command, on the connection that bot.store.migrations hands over."""

from typing import Any, Literal

from alembic import context

from bot.store import columns, tables
from bot.store.delivery_tables import job as _job  # noqa: F401  # autogenerate compares the tables of both modules

# A revision holds the database's own types, so that it means the same when ours have changed.
PLAIN = {
    columns.Words: "sa.Text()",
    columns.Moment: "sa.DateTime(timezone=True)",
    columns.Money: "sa.Numeric().with_variant(sa.Text(), 'sqlite')",
}


def _render(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    return PLAIN.get(type(item), False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,  # SQLite can change a table only by copying it
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
