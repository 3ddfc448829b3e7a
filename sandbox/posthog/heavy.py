"""When a query is too heavy: PostHog gives up after ten seconds, which here is a window of so many days."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.posthog import clickhouse
from sandbox.posthog.expressions import Scope, write
from sandbox.posthog.hogql import branches, walk, write_select
from sandbox.posthog.parser import Node
from sandbox.posthog.schema import Schema, quote
from sandbox.server import Refusal

Window = tuple[float, float]  # earliest and latest, in days from now
EVER: Window = (-10_000.0, 0.0)


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
    where = select.get("where")
    windows = _windows(where, scope) if where else [EVER]
    return sum(latest - earliest for earliest, latest in windows) / max(map(_shards, walk(where)), default=1)


def _windows(where: Node, scope: Scope) -> list[Window]:
    """The stretches of time that a condition leaves, in days from now."""
    if where["node"] == "And":
        left = [EVER]
        for part in where["exprs"]:
            left = [both for one in left for other in _windows(part, scope) if (both := _overlap(one, other))]
        return left
    if where["node"] == "Or":
        return [window for part in where["exprs"] for window in _windows(part, scope)]
    if where["node"] == "BetweenExpr" and _is_timestamp(where["expr"]):
        return [(_days_from_now(where["low"], scope, EVER[0]), _days_from_now(where["high"], scope, EVER[1]))]
    if where["node"] == "CompareOperation" and _is_timestamp(where["left"]):
        if where["op"] in (">", ">="):
            return [(_days_from_now(where["right"], scope, EVER[0]), EVER[1])]
        if where["op"] in ("<", "<="):
            return [(EVER[0], _days_from_now(where["right"], scope, EVER[1]))]
    return [EVER]


def _overlap(one: Window, other: Window) -> Window | None:
    earliest, latest = max(one[0], other[0]), min(one[1], other[1])
    return (earliest, latest) if earliest < latest else None


def _is_timestamp(node: Node) -> bool:
    return bool(node["node"] == "Field" and node["chain"][-1] == "timestamp")


def _shards(node: Node) -> int:
    divisor: Node = {}
    if node["node"] == "ArithmeticOperation" and node["op"] == "%":
        divisor = node["right"]
    elif node["node"] == "Call" and node["name"] == "modulo":
        divisor = node["args"][1]
    return int(divisor["value"]) if divisor.get("node") == "Constant" else 1


def _days_from_now(node: Node, scope: Scope, unknown: float) -> float:
    """Where a constant moment lies; `unknown` where it is none."""
    zone = quote(scope.schema.timezone)
    try:
        moment = f"toDateTime64({write(node, scope).text}, 6, {zone})"
        _, rows = clickhouse.rows(f"SELECT toUnixTimestamp64Milli({moment})")
    except (Refusal, clickhouse.ClickHouseError):
        return unknown
    return float((rows[0][0] / 1000 - scope.schema.now.timestamp()) / 86_400)
