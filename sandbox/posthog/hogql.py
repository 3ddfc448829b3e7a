"""A HogQL query to ClickHouse SQL under PostHog's rules: no OFFSET, 100 rows by default, 50,000 at most."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.posthog.errors import invalid
from sandbox.posthog.expressions import Scope, order, write, write_all
from sandbox.posthog.parser import Node, parse
from sandbox.posthog.schema import TABLES, Column, Schema, Source, name, table_sql

DEFAULT_ROWS = 100
MOST_ROWS = 50_000
OFFSET_REFUSED = (
    "OFFSET is not supported on queries made with a personal API key. For pagination, use keyset pagination on the "
    "`timestamp` column, e.g. `WHERE timestamp > :last_seen_timestamp ORDER BY timestamp LIMIT N`. For bulk data "
    "extraction, use batch exports: https://posthog.com/docs/cdp/batch-exports"
)


@dataclass(frozen=True)
class Compiled:
    """What to run, and how the answer is to be read."""

    sql: str
    columns: list[str]
    own_limit: bool  # without one PostHog pages: it reads one row more to know whether there are more
    tree: Node


def compile_query(hogql: str, values: Mapping[str, Any], schema: Schema) -> Compiled:
    tree = parse(hogql)
    _refuse_offset(tree)
    own_limit = tree["node"] != "SelectQuery" or tree.get("limit") is not None
    for branch in branches(tree):
        _cap(branch, DEFAULT_ROWS if own_limit else DEFAULT_ROWS + 1)
    sql, _ = write_select(tree, Scope(schema, values, write_select))
    first = next(branches(tree))
    return Compiled(sql, [_label(column) for column in first["select"]], own_limit, tree)


def walk(node: Any) -> Iterator[Node]:
    """Every node of a tree."""
    if isinstance(node, dict):
        if "node" in node:
            yield node
        for part in node.values():
            yield from walk(part)
    elif isinstance(node, list):
        for part in node:
            yield from walk(part)


def branches(tree: Node) -> Iterator[Node]:
    if tree["node"] == "SelectQuery":
        yield tree
        return
    yield from branches(tree["initial_select_query"])
    for later in tree["subsequent_select_queries"]:
        yield from branches(later["select_query"])


def _refuse_offset(tree: Node) -> None:
    for node in walk(tree):
        if node.get("offset") is not None or node.get("offset_value") is not None:
            raise invalid(OFFSET_REFUSED)


def _cap(select: Node, default: int) -> None:
    limit = select.get("limit")
    if limit is None:
        select["limit"] = {"node": "Constant", "value": default}
    elif limit["node"] == "Constant":
        limit["value"] = min(limit["value"], MOST_ROWS)
    else:
        ceiling = {"node": "Constant", "value": MOST_ROWS}
        select["limit"] = {"node": "Call", "name": "least", "args": [limit, ceiling]}


def _label(column: Node) -> str:
    """The alias, or the expression as HogQL prints it."""
    if column["node"] == "Alias":
        return str(column["alias"])
    if column["node"] == "Field":
        return ".".join(str(part) for part in column["chain"])
    if column["node"] == "Call":
        return f"{column['name']}({', '.join(_label(argument) for argument in column['args'])})"
    if column["node"] == "Constant":
        return repr(column["value"])
    return str(column["node"])


def write_select(tree: Node, scope: Scope) -> tuple[str, dict[str, Column]]:
    """The SQL, and the columns that a query around it may use."""
    if tree["node"] == "SelectQuery":
        return _write_one(tree, scope)
    sql, columns = write_select(tree["initial_select_query"], scope.child())
    for later in tree["subsequent_select_queries"]:
        sql += f" {later['set_operator']} {write_select(later['select_query'], scope.child())[0]}"
    return sql, columns


def _write_one(tree: Node, scope: Scope) -> tuple[str, dict[str, Column]]:
    ctes = _write_ctes(tree, scope)
    sources = _write_from(tree.get("select_from"), scope)
    array_join = _write_array_join(tree, scope)
    columns = [column for node in tree["select"] for column in _write_column(node, scope)]
    rest = _write_clauses(tree, scope)
    joins = " ".join(join for source in scope.sources.values() for join in source.joins.values())
    distinct = "DISTINCT " if tree.get("distinct") else ""
    parts = [ctes, f"SELECT {distinct}{', '.join(text for text, _, _ in columns)}", sources, joins, array_join, rest]
    return " ".join(part for part in parts if part), {label: column for _, label, column in columns}


def _write_ctes(tree: Node, scope: Scope) -> str:
    parts = []
    for cte in tree.get("ctes") or []:
        if cte["cte_type"] == "subquery":
            sql, scope.ctes[cte["name"]] = scope.select(cte["expr"], scope.child())
            parts.append(f"{name(cte['name'])} AS ({sql})")
        else:
            value = write(cte["expr"], scope)
            scope.aliases[cte["name"]] = value._replace(text=name(cte["name"]))
            parts.append(f"{value.text} AS {name(cte['name'])}")
    return f"WITH {', '.join(parts)}" if parts else ""


def _write_from(join: Node | None, scope: Scope) -> str:
    parts: list[str] = []
    while join:
        if join.get("sample") or join.get("table_final"):
            raise invalid("Unsupported in this sandbox: SAMPLE and FINAL")
        if parts:
            parts.append(join["join_type"])
        parts.append(_write_source(join, scope))
        if constraint := join.get("constraint"):
            condition = write(constraint["expr"], scope).text
            using = constraint["constraint_type"] == "USING"
            parts.append(f"USING ({condition})" if using else f"ON {condition}")
        join = join["next_join"]
    return f"FROM {' '.join(parts)}" if parts else ""


def _write_source(join: Node, scope: Scope) -> str:
    table = join["table"]
    if table["node"] != "Field":
        sql, columns = scope.select(table, scope.child())
        return _add_source(scope, Source(join["alias"] or f"subquery_{len(scope.sources)}", columns), f"({sql})")
    written = ".".join(table["chain"])
    alias = join["alias"] or table["chain"][-1]
    if written in scope.ctes:
        return _add_source(scope, Source(alias, scope.ctes[written]), name(written))
    if written not in TABLES:
        raise invalid(f"Unknown table `{written}`.")
    return _add_source(scope, Source(alias, TABLES[written], written), table_sql(scope.schema, written))


def _add_source(scope: Scope, source: Source, sql: str) -> str:
    if source.alias in scope.sources:
        raise invalid(f'Already have joined a table called "{source.alias}". Can\'t redefine.')
    scope.sources[source.alias] = source
    return f"{sql} AS {name(source.alias)}"


def _write_array_join(tree: Node, scope: Scope) -> str:
    listed = tree.get("array_join_list")
    if not listed:
        return ""
    return f"{tree['array_join_op']} {', '.join(item.text for item in write_all(listed, scope))}"


def _write_column(node: Node, scope: Scope) -> list[tuple[str, str, Column]]:
    if node["node"] == "Field" and node["chain"][-1] == "*":
        chosen = [scope.sources[node["chain"][0]]] if len(node["chain"]) > 1 else list(scope.sources.values())
        fields = [(source, column) for source in chosen for column in source.columns]
        nodes = [{"node": "Field", "chain": [source.alias, column]} for source, column in fields]
        return [_write_column(field, scope)[0] for field in nodes]
    value = write(node, scope)
    label = str(node["chain"][-1]) if node["node"] == "Field" else _label(node)
    text = f"{value.text} AS {name(label)}" if node["node"] == "Field" and value.text != name(label) else value.text
    return [(text, label, Column(value.kind, value.nullable))]


def _write_clauses(tree: Node, scope: Scope) -> str:
    parts = [f"{word.upper()} {write(tree[word], scope).text}" for word in ("prewhere", "where") if tree.get(word)]
    if tree.get("group_by"):
        parts.append("GROUP BY " + ", ".join(item.text for item in write_all(tree["group_by"], scope)))
    if tree.get("having"):
        parts.append(f"HAVING {write(tree['having'], scope).text}")
    if tree.get("qualify"):
        raise invalid("Unsupported in this sandbox: QUALIFY")
    if tree.get("order_by"):
        parts.append("ORDER BY " + ", ".join(order(item, scope) for item in tree["order_by"]))
    if by := tree.get("limit_by"):
        keys = ", ".join(item.text for item in write_all(by["exprs"], scope))
        parts.append(f"LIMIT {write(by['n'], scope).text} BY {keys}")
    if tree.get("limit"):
        parts.append(f"LIMIT {write(tree['limit'], scope).text}")
    return " ".join(parts)
