"""What people can press or choose from, as the templates need it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Button:
    """One button. `spoken` is what a screen reader says."""

    action: str
    label: str
    value: str
    spoken: str
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several things to choose from."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Select:
    """A list to choose from in a message: a choice counts at once."""

    action: str
    placeholder: str
    options: tuple[Choice, ...]
