"""What `headroom doctor` says of one thing that it looked at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Self


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: `name` is the part that was looked at, `fix` says what to do where something is to be done."""

    name: str
    status: Literal["ok", "warn", "fail"]
    what: str
    fix: str | None = None

    @classmethod
    def ok(cls, name: str, what: str) -> Self:
        return cls(name, "ok", what)

    @classmethod
    def warn(cls, name: str, what: str, fix: str | None = None) -> Self:
        return cls(name, "warn", what, fix)

    @classmethod
    def fail(cls, name: str, what: str, fix: str | None = None) -> Self:
        return cls(name, "fail", what, fix)


Probe = Callable[[], Iterable[Check]]
