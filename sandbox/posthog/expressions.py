"""HogQL expressions to ClickHouse SQL, with PostHog's rules for NULL, time and types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

from sandbox.posthog import functions
from sandbox.posthog.errors import invalid
from sandbox.posthog.parser import Node
from sandbox.posthog.schema import Column, Kind, Schema, Source, Sql, name, quote


@dataclass
class Scope:
    """Where names are looked up: aliases of this SELECT first, then its sources, then the SELECT around it."""

    schema: Schema
    values: Mapping[str, Any]
    select: Callable[[Node, "Scope"], tuple[str, dict[str, Column]]]
    sources: dict[str, Source] = field(default_factory=dict)
    aliases: dict[str, Sql] = field(default_factory=dict)
    ctes: dict[str, dict[str, Column]] = field(default_factory=dict)
    parent: "Scope | None" = None

    def child(self) -> "Scope":
        return Scope(self.schema, self.values, self.select, ctes=dict(self.ctes), parent=self)

    def resolve(self, chain: list[str]) -> Sql:
        scope: Scope | None = self
        while scope is not None:
            if found := scope._resolve_here(chain):
                return found
            scope = scope.parent
        raise invalid(f"Unable to resolve field: {chain[0]}")

    def _resolve_here(self, chain: list[str]) -> Sql | None:
        if len(chain) == 1 and chain[0] in self.aliases:
            return self.aliases[chain[0]]
        if len(chain) > 1 and chain[0] in self.sources:
            found = self.sources[chain[0]].resolve(self.schema, chain[1:])
            if found is None:
                raise invalid(f"Field not found: {chain[1]}")
            return found
        candidates = [found for source in self.sources.values() if (found := source.resolve(self.schema, chain))]
        if len(candidates) > 1:
            raise invalid(f"Ambiguous query. Found multiple sources for field: {chain[0]}")
        return candidates[0] if candidates else None


def write(node: Node, scope: Scope) -> Sql:
    writer = WRITERS.get(node["node"])
    if writer is None:
        raise invalid(f"Unsupported in this sandbox: {node['node']}")
    return writer(node, scope)


def write_all(nodes: list[Node], scope: Scope) -> list[Sql]:
    return [write(node, scope) for node in nodes]


def literal(value: Any) -> Sql:
    """A constant, never text that could be read as SQL."""
    if value is None:
        return Sql("NULL")
    if isinstance(value, bool):
        return Sql("true" if value else "false", "number", nullable=False)
    if isinstance(value, int | float):
        return Sql(repr(value), "number", nullable=False)
    if isinstance(value, str):
        return Sql(quote(value), "text", nullable=False)
    if isinstance(value, list):
        return Sql(f"[{', '.join(literal(item).text for item in value)}]", "other", nullable=False)
    raise invalid(f"Unsupported constant type: {type(value).__name__}")


def _constant(node: Node, _: Scope) -> Sql:
    value = node["value"]
    if node.get("value_type") == "number" and isinstance(value, str):  # the parser's way to say Infinity and NaN
        return Sql(value.lower(), "number")
    return literal(value)


def _placeholder(node: Node, scope: Scope) -> Sql:
    chain = node["expr"].get("chain", ["?"])
    if len(chain) != 1 or chain[0] not in scope.values:
        raise invalid(f"Unresolved placeholder: {{{'.'.join(chain)}}}")
    return literal(scope.values[chain[0]])


def _field(node: Node, scope: Scope) -> Sql:
    return scope.resolve([str(part) for part in node["chain"]])


def _array_access(node: Node, scope: Scope) -> Sql:
    """`properties['a b']` is a property; on anything else the index of an array."""
    inner, key = node["array"], node["property"]
    path: list[str] = []
    while key.get("node") == "Constant" and isinstance(key.get("value"), str):
        path.insert(0, key["value"])
        if inner["node"] == "Field":
            return scope.resolve([*inner["chain"], *path])
        if inner["node"] != "ArrayAccess":
            break
        inner, key = inner["array"], inner["property"]
    return Sql(f"{write(node['array'], scope).text}[{write(node['property'], scope).text}]")


def _tuple_access(node: Node, scope: Scope) -> Sql:
    return Sql(f"tupleElement({write(node['tuple'], scope).text}, {node['index']})")


def _alias(node: Node, scope: Scope) -> Sql:
    alias = node["alias"]
    if alias in scope.aliases:
        raise invalid(f"Cannot redefine an alias with the name: {alias}")
    inner = write(node["expr"], scope)
    scope.aliases[alias] = Sql(name(alias), inner.kind, inner.nullable)
    return Sql(f"{inner.text} AS {name(alias)}", inner.kind, inner.nullable)


def _and(node: Node, scope: Scope) -> Sql:
    return Sql(f"({' AND '.join(part.text for part in write_all(node['exprs'], scope))})", "number")


def _or(node: Node, scope: Scope) -> Sql:
    return Sql(f"({' OR '.join(part.text for part in write_all(node['exprs'], scope))})", "number")


def _not(node: Node, scope: Scope) -> Sql:
    return Sql(f"not({write(node['expr'], scope).text})", "number")


def _arithmetic(node: Node, scope: Scope) -> Sql:
    left, right = write(node["left"], scope), write(node["right"], scope)
    kind: Kind = left.kind if left.kind in ("datetime", "date") and right.kind == "other" else "number"
    return Sql(f"({left.text} {node['op']} {right.text})", kind, left.nullable or right.nullable)


OPERATORS = {
    "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "like": "LIKE", "ilike": "ILIKE",
    "not like": "NOT LIKE", "not ilike": "NOT ILIKE", "in": "IN", "not in": "NOT IN", "global in": "IN",
    "global not in": "NOT IN",
}  # fmt: skip
TRUE_FOR_NULL = {"!=", "not like", "not ilike", "not in", "global not in", "!~"}


def _comparison(node: Node, scope: Scope) -> Sql:
    """Two-valued: a comparison with NULL is false, a negated one true."""
    operator = node["op"]
    left, right = write(node["left"], scope), write(node["right"], scope)
    if operator in ("==", "!=") and "NULL" in (left.text, right.text):
        other = left if right.text == "NULL" else right
        return Sql(f"{'isNull' if operator == '==' else 'isNotNull'}({other.text})", "number", nullable=False)
    if operator in ("=~", "!~", "=~*", "!~*"):
        found = f"match({left.text}, {right.text})"
        return _two_valued(found if operator.startswith("=") else f"not({found})", operator, left, right)
    if operator not in OPERATORS:
        raise invalid(f"Unsupported in this sandbox: comparison {operator}")
    return _two_valued(f"{left.text} {OPERATORS[operator]} {right.text}", operator, left, right)


def _two_valued(text: str, operator: str, left: Sql, right: Sql) -> Sql:
    if not left.nullable and not right.nullable:
        return Sql(f"({text})", "number", nullable=False)
    if left.nullable and right.nullable and operator in ("==", "!="):
        both = f"isNull({left.text}) AND isNull({right.text})"
        other = both if operator == "==" else f"isNotNull({left.text}) OR isNotNull({right.text})"
        return Sql(f"ifNull({text}, {other})", "number", nullable=False)
    return Sql(f"ifNull({text}, {1 if operator in TRUE_FOR_NULL else 0})", "number", nullable=False)


def _between(node: Node, scope: Scope) -> Sql:
    value, low, high = (write(node[part], scope).text for part in ("expr", "low", "high"))
    return Sql(f"({value} {'NOT ' if node.get('negated') else ''}BETWEEN {low} AND {high})", "number")


def _array(node: Node, scope: Scope) -> Sql:
    return Sql(f"[{', '.join(item.text for item in write_all(node['exprs'], scope))}]", nullable=False)


def _tuple(node: Node, scope: Scope) -> Sql:
    return Sql(f"tuple({', '.join(item.text for item in write_all(node['exprs'], scope))})", nullable=False)


def _lambda(node: Node, scope: Scope) -> Sql:
    inner = scope.child()
    inner.aliases = {argument: Sql(name(argument)) for argument in node["args"]}
    return Sql(f"({', '.join(name(argument) for argument in node['args'])}) -> {write(node['expr'], inner).text}")


def _subquery(node: Node, scope: Scope) -> Sql:
    return Sql(f"({scope.select(node, scope.child())[0]})", nullable=False)


CASTS = {
    "float": "Float64",
    "double": "Float64",
    "int": "Int64",
    "integer": "Int64",
    "string": "String",
    "text": "String",
}


def _cast(node: Node, scope: Scope) -> Sql:
    target = CASTS.get(node["type_name"].lower())
    if target is None:
        raise invalid(f"Unsupported type cast: {node['type_name']}")
    return Sql(f"accurateCastOrNull({write(node['expr'], scope).text}, '{target}')")


def _call(node: Node, scope: Scope) -> Sql:
    called, arguments = node["name"], write_all(node["args"], scope)
    functions.check(called, len(arguments))
    if moment := _moment(called, arguments, scope.schema):
        return moment
    texts = [argument.text for argument in arguments]
    nullable = called not in functions.NEVER_NULL and (
        called in functions.AGGREGATES or not arguments or any(argument.nullable for argument in arguments)
    )
    if called in functions.TEMPLATES:
        kind: Kind = "other" if called == "toUUID" else "text" if called == "trim" else "number"
        return Sql(functions.TEMPLATES[called].format(*texts), kind)
    distinct = "DISTINCT " if node.get("distinct") else ""
    text = f"{functions.RENAMED.get(called, called)}{_parameters(node, scope)}({distinct}{', '.join(texts)})"
    return Sql(text, _kind(called, arguments), nullable)


def _parameters(node: Node, scope: Scope) -> str:
    parameters = node.get("params")
    return "" if parameters is None else f"({', '.join(item.text for item in write_all(parameters, scope))})"


def _kind(called: str, arguments: list[Sql]) -> Kind:
    if called in functions.SAME_KIND and arguments:
        return arguments[0].kind
    if called in functions.DATE_TIMES:
        return "datetime"
    if called in functions.DATES:
        return "date"
    if called in functions.TEXTS:
        return "text"
    return "number" if called in functions.AGGREGATES and not called.startswith("group") else "other"


def _moment(called: str, arguments: list[Sql], schema: Schema) -> Sql | None:
    """The functions of time that PostHog gives the project's time zone, or another name for text."""
    zone = quote(schema.timezone)
    if called in ("now", "NOW"):
        moment = schema.now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return Sql(schema.local(f"toDateTime64('{moment}', 6, 'UTC')"), "datetime", nullable=False)
    if called in ("today", "yesterday"):  # by the server's day, which is UTC
        day = schema.now.astimezone(UTC).date() - timedelta(days=called == "yesterday")
        return Sql(f"toDate('{day}')", "date", nullable=False)
    if called == "toDate":
        timely = arguments[0].kind in ("datetime", "date")
        return Sql(f"{'toDate' if timely else 'toDateOrNull'}({arguments[0].text})", "date", arguments[0].nullable)
    if called in ("toDateTime", "parseDateTimeBestEffort", "toDateTime64"):
        first = arguments[0]
        if first.kind in ("datetime", "date", "number"):
            return Sql(f"toDateTime64({first.text}, 6, {zone})", "datetime", first.nullable)
        # A constant is taken to be a moment: were it NULL, no row would compare as true either.
        return Sql(schema.parse_moment(first.text), "datetime", nullable=not first.text.startswith("'"))
    return None


def _window(node: Node, scope: Scope) -> Sql:
    arguments = [*(node.get("exprs") or []), *(node.get("args") or [])]
    functions.check(node["name"], len(arguments))
    over = node.get("over_expr") or {}
    if over.get("frame_start") or over.get("frame_end") or not node.get("over_expr"):
        raise invalid("Unsupported in this sandbox: window frames")
    parts = []
    if over.get("partition_by"):
        parts.append("PARTITION BY " + ", ".join(item.text for item in write_all(over["partition_by"], scope)))
    if over.get("order_by"):
        parts.append("ORDER BY " + ", ".join(order(item, scope) for item in over["order_by"]))
    inner = ", ".join(item.text for item in write_all(arguments, scope))
    return Sql(f"{node['name']}({inner}) OVER ({' '.join(parts)})")


def order(node: Node, scope: Scope) -> str:
    return f"{write(node['expr'], scope).text} {node['order']}"


WRITERS: dict[str, Callable[[Node, Scope], Sql]] = {
    "Constant": _constant, "Placeholder": _placeholder, "Field": _field, "ArrayAccess": _array_access,
    "TupleAccess": _tuple_access, "Alias": _alias, "And": _and, "Or": _or, "Not": _not,
    "ArithmeticOperation": _arithmetic, "CompareOperation": _comparison, "BetweenExpr": _between, "Array": _array,
    "Tuple": _tuple, "Lambda": _lambda, "SelectQuery": _subquery, "SelectSetQuery": _subquery, "TypeCast": _cast,
    "Call": _call, "WindowFunction": _window,
}  # fmt: skip
