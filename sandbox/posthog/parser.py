"""HogQL text to a syntax tree, by PostHog's own parser."""

import json
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

from sandbox.posthog.errors import invalid

Node = dict[str, Any]


class _HogQLError(Exception):
    """Stands in for posthog.hogql.errors.BaseHogQLError, which the compiled parser looks up when it is imported."""

    def __init__(self, message: str, *, start: int | None = None, end: int | None = None) -> None:
        super().__init__(message)
        self.start, self.end = start, end


def _stand_in_for_posthog() -> None:
    errors = ModuleType("posthog.hogql.errors")
    exposed = type("ExposedHogQLError", (_HogQLError,), {})
    members: dict[str, type[Exception]] = {"BaseHogQLError": _HogQLError, "ExposedHogQLError": exposed}
    for name in ("SyntaxError", "NotImplementedError", "ParsingError"):
        members[name] = type(name, (exposed,), {})
    errors.__dict__.update(members)
    for name in ("posthog", "posthog.hogql"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules.setdefault("posthog.hogql.errors", errors)


_stand_in_for_posthog()
import hogql_parser  # noqa: E402 - needs the stand-in above


@lru_cache(maxsize=128)
def _parse(hogql: str) -> str:
    """PostHog's grammar is slow: a second for ten thousand characters, and bots ask the same again and again."""
    text: str = hogql_parser.parse_select_json(hogql, is_internal=True)
    return text


def parse(hogql: str) -> Node:
    """The tree of a SELECT, or PostHog's refusal of it."""
    try:
        tree: Node = json.loads(_parse(hogql))
    except _HogQLError as error:
        raise invalid(str(error), "hogql_syntax_error") from error
    if tree.get("error"):
        raise invalid(tree["message"], "hogql_syntax_error")
    return tree
