"""The switchboard of faults: which of the next calls fail, and how, as vendors and networks really fail."""

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

Kind = Literal["status", "slow", "drop", "apply_then_drop", "truncate", "body"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail. Only the fields that its kind needs are set."""

    kind: Kind
    status: int = 200
    seconds: float = 0.0
    retry_after: float | None = None
    body: Any = None


def status(code: int, retry_after: float | None = None, body: Any = None) -> Fault:
    """Answer with this status instead of doing the work."""
    return Fault("status", status=code, retry_after=retry_after, body=body)


def slow(seconds: float) -> Fault:
    """Wait, then do the work and answer."""
    return Fault("slow", seconds=seconds)


def drop() -> Fault:
    """Cut the connection before anything is applied."""
    return Fault("drop")


def apply_then_drop() -> Fault:
    """Do the work, then cut the connection: the caller cannot know."""
    return Fault("apply_then_drop")


def truncate() -> Fault:
    """Do the work and send half of the answer."""
    return Fault("truncate")


def body(text: str, code: int = 200) -> Fault:
    """Do no work and answer with this text: a proxy's HTML page, say."""
    return Fault("body", status=code, body=text)


@dataclass(slots=True)
class _Rule:
    match: str
    fault: Fault
    left: int | None
    skip: int


class Faults:
    """Rules in order; each call takes the first that matches it and uses it up once."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(self, match: str, fault: Fault, times: int | None = 1, skip: int = 0) -> None:
        """`match` is "METHOD /path*" or "/path*"; `times` None: for ever; `skip` lets that many calls through first."""
        with self._lock:
            self._rules.append(_Rule(match, fault, times, skip))

    def add_json(self, rule: dict[str, Any]) -> None:
        """The same from another process: {"match": .., "fault": {"kind": .., ..}, "times": .., "skip": ..}."""
        self.add(rule["match"], Fault(**rule["fault"]), rule.get("times", 1), rule.get("skip", 0))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if rule.left != 0 and _matches(rule.match, method, path):
                    if rule.skip:
                        rule.skip -= 1
                        continue
                    if rule.left is not None:
                        rule.left -= 1
                    return rule.fault
        return None


def _matches(pattern: str, method: str, path: str) -> bool:
    subject = f"{method} {path}" if " " in pattern else path
    return fnmatchcase(subject, pattern)
