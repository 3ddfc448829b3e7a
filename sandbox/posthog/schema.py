"""PostHog's tables as HogQL sees them, and what each of their columns is in ClickHouse."""
# ruff: noqa: S608 - names in this SQL are our own, values are quoted

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from sandbox.posthog.errors import invalid

Kind = Literal["text", "number", "datetime", "date", "json", "other"]
PropertyType = Literal["String", "Numeric", "Boolean", "DateTime"]


class Sql(NamedTuple):
    """A piece of ClickHouse SQL, with what is known of its value."""

    text: str
    kind: Kind = "other"
    nullable: bool = True


@dataclass(frozen=True)
class Schema:
    """What a query may know of its project."""

    database: str
    timezone: str
    now: datetime
    property_types: Mapping[tuple[str, str], PropertyType]  # ("event" | "person" | "group_0".., property) -> type

    def local(self, sql: str) -> str:
        return f"toTimeZone({sql}, {quote(self.timezone)})"

    def parse_moment(self, sql: str) -> str:
        """PostHog's parseDateTime64BestEffortOrNull: an offset in the text is honoured, else it is project time."""
        return f"accurateCastOrNull({sql}, {quote(f'DateTime64(6, {quote(self.timezone)})')})"

    def property(self, owner: str, properties: str, path: list[str]) -> Sql:
        """Text without its quotes, or NULL for missing, '' and null; typed where a property definition says so."""
        keys = ", ".join(quote(part) for part in path)
        raw = f"JSONExtractRaw({properties}, {keys})"
        bare = f"if(startsWith({raw}, '\"'), substring({raw}, 2, length({raw}) - 2), {raw})"
        text = f"nullIf(nullIf({bare}, ''), 'null')"
        defined = self.property_types.get((owner, path[0]), "String") if len(path) == 1 else "String"
        if defined == "Numeric":
            return Sql(f"accurateCastOrNull({text}, 'Float64')", "number")
        if defined == "Boolean":
            return Sql(f"toBool(transform({text}, ['true', 'false'], [1, 0], NULL))", "other")
        if defined == "DateTime":
            return Sql(self.parse_moment(text), "datetime")
        return Sql(text, "text")


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def name(identifier: str) -> str:
    if "%" in identifier:
        raise invalid(f'The HogQL identifier "{identifier}" is not permitted as it contains the "%" character')
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


GROUP_FIELDS = tuple(f"$group_{index}" for index in range(5))


class Column(NamedTuple):
    kind: Kind
    nullable: bool = True


EVENTS: dict[str, Kind] = {
    "uuid": "text",
    "event": "text",
    "properties": "json",
    "timestamp": "datetime",
    "distinct_id": "text",
    "created_at": "datetime",
    "$session_id": "text",
    "person_mode": "text",
    "person_id": "text",
    **dict.fromkeys(GROUP_FIELDS, "text"),
}
GROUPS: dict[str, Kind] = {
    "index": "number",
    "key": "text",
    "created_at": "datetime",
    "updated_at": "datetime",
    "properties": "json",
}
PERSONS: dict[str, Kind] = {"id": "text", "created_at": "datetime", "properties": "json", "is_identified": "number"}
TABLES: dict[str, dict[str, Column]] = {
    table: {column: Column(kind, nullable=False) for column, kind in columns.items()}
    for table, columns in (("events", EVENTS), ("groups", GROUPS), ("persons", PERSONS))
}


def table_sql(schema: Schema, table: str) -> str:
    """Groups and persons are kept in versions; queries see the latest."""
    if table == "events":
        return f"{schema.database}.events"
    identity = "index, key" if table == "groups" else "id"
    extra = "" if table == "groups" else ", max(v.is_identified) AS is_identified"
    return (
        f"(SELECT {identity}, min(v.created_at) AS created_at, max(v.updated_at) AS updated_at, "
        f"argMax(v.properties, v.version) AS properties{extra} FROM {schema.database}.{table} AS v GROUP BY {identity})"
    )


@dataclass
class Source:
    """One thing in a FROM clause: a table, or a subquery whose columns are known."""

    alias: str
    columns: Mapping[str, Column]
    table: str | None = None
    joins: dict[str, str] = field(default_factory=dict)  # what fields like group_0 and person add to the FROM clause

    def resolve(self, schema: Schema, chain: list[str]) -> Sql | None:
        head, rest = chain[0], chain[1:]
        if self.table == "events" and (joined := self._joined(schema, head, rest)):
            return joined
        if head not in self.columns:
            return None
        column = f"{name(self.alias)}.{name(head)}"
        kind, nullable = self.columns[head]
        if rest and kind == "json":
            return schema.property(_owner(self.table), column, rest)
        if rest:
            raise invalid(f"Unable to resolve field: {'.'.join(chain)}")
        if self.table and kind == "datetime":
            return Sql(schema.local(column), "datetime", nullable=False)
        return Sql(column, kind, nullable)

    def _joined(self, schema: Schema, head: str, rest: list[str]) -> Sql | None:
        if head.startswith("group_") and f"${head}" in GROUP_FIELDS and rest:
            return self._far(schema, "groups", head, rest)
        if head == "person" and rest == ["id"]:
            return Sql(f"{name(self.alias)}.person_id", "text", nullable=False)
        if head == "person" and rest:
            return self._far(schema, "persons", head, rest)
        return None

    def _far(self, schema: Schema, table: str, head: str, rest: list[str]) -> Sql:
        """A field of the account's group or the person, as it is now: joined at query time."""
        alias = f"{self.alias}__{head}"
        here = f"{name(self.alias)}.{name(f'${head}' if table == 'groups' else 'person_id')}"
        there = f"{name(alias)}.{'key' if table == 'groups' else 'id'}"
        where = f" WHERE index = {head[-1]}" if table == "groups" else ""
        self.joins[head] = (
            f"LEFT JOIN (SELECT * FROM {table_sql(schema, table)}{where}) AS {name(alias)} ON {here} = {there}"
        )
        found = Source(alias, TABLES[table], table).resolve(schema, rest)
        if found is None:
            raise invalid(f"Field not found: {rest[0]}")
        if rest[0] == "properties" and len(rest) > 1:
            owner = head if table == "groups" else "person"
            return schema.property(owner, f"{name(alias)}.properties", rest[1:])
        return found


def _owner(table: str | None) -> str:
    """The `groups` table does not know which group type a property belongs to, so nothing there is typed."""
    return {"events": "event", "persons": "person"}.get(table or "", "untyped")
