"""When a query is too heavy: PostHog gives up after ten seconds, which here is a window of so many days."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.posthog import clickhouse
from sandbox.posthog.expressions import Scope, write
from sandbox.posthog.hogql import branches, walk, write_select
from sandbox.posthog.parser import Node
from sandbox.posthog.schema import Schema
from sandbox.server import Refusal

EVER = 10_000.0
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Heavy:
    """The days of events that one query may scan. One of n shards (`cityHash64(..) % n = i`) costs an n-th of that."""

    max_days: float
    estimate_days: float = float("inf")  # beyond this the estimate alone refuses (512), before anything runs

    def refusal(self, tree: Node, values: Mapping[str, Any], schema: Schema) -> int | None:
        days = max(_cost(select, Scope(schema, values, write_select)) for select in _selects(tree))
        if days > self.estimate_days:
            return 512
        return 504 if days > self.max_days else None


def _selects(tree: Node) -> Iterator[Node]:
    for branch in branches(tree):
        yield from (node for node in walk(branch) if node["node"] == "SelectQuery")


def _cost(select: Node, scope: Scope) -> float:
    join = select.get("select_from")
    if not join or join["table"].get("chain") != ["events"]:
        return 0.0
    earliest, latest = -EVER, 0.0
    shards = 1
    for operator, left, right in _conditions(select.get("where")):
        if _shards(left) > 1:
            shards = _shards(left)
        elif (days := _days_from_now(right, scope)) is not None and left.get("chain", [""])[-1] == "timestamp":
            if operator in (">", ">="):
                earliest = max(earliest, days)
            else:
                latest = min(latest, days)
    return max(0.0, latest - earliest) / shards


def _conditions(where: Node | None) -> Iterator[tuple[str, Node, Node]]:
    """The comparisons that all must hold, with the column on the left."""
    if not where:
        return
    if where["node"] == "And":
        for part in where["exprs"]:
            yield from _conditions(part)
    elif where["node"] == "BetweenExpr":
        yield ">=", where["expr"], where["low"]
        yield "<=", where["expr"], where["high"]
    elif where["node"] == "CompareOperation":
        if where["right"]["node"] == "Field":
            yield FLIPPED.get(str(where["op"]), "=="), where["right"], where["left"]
        else:
            yield where["op"], where["left"], where["right"]


def _shards(node: Node) -> int:
    divisor: Node = {}
    if node["node"] == "ArithmeticOperation" and node["op"] == "%":
        divisor = node["right"]
    elif node["node"] == "Call" and node["name"] == "modulo":
        divisor = node["args"][1]
    return int(divisor["value"]) if divisor.get("node") == "Constant" else 1


def _days_from_now(node: Node, scope: Scope) -> float | None:
    """Where a constant moment lies, in days from now; None for what is no moment."""
    if any(part["node"] == "Field" for part in walk(node) if part.get("node") != "Placeholder"):
        return None
    try:
        moment = scope.schema.local(f"toDateTime64({write(node, scope).text}, 6, '{scope.schema.timezone}')")
        _, rows = clickhouse.rows(f"SELECT toFloat64(toUnixTimestamp64Milli({moment})) / 1000")
    except (Refusal, clickhouse.ClickHouseError):
        return None
    return float((rows[0][0] - scope.schema.now.timestamp()) / 86_400)
