"""Thresholds as somebody proposes them on the command line: `approaching=75,90`, `growth_probability=0.7`."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from bot.config import Thresholds
from bot.config.mistakes import ConfigError, did_you_mean, mistakes, path, shown
from bot.evaluation.terms import number

EXAMPLES = {"approaching": "75,90", "growth_probability": "0.7"}
LISTS = {"approaching"}


def proposed(current: Thresholds, given: Sequence[str]) -> Thresholds:
    """What holds now with what is given in its place; raises ConfigError with every mistake."""
    known = {name: EXAMPLES.get(name, "...") for name in Thresholds.model_fields}
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for told in given:
        name, equals, text = (part.strip() for part in told.partition("="))
        if name not in known or not equals:
            wrong.append(f"--set {told}: {_fix(name, known)}")
        elif name in values:
            wrong.append(f"--set {told}: {name} is set twice. Keep one.")
        else:
            values[name] = _numbers(text) if name in LISTS else _number(text)
            wrong += [
                f"--set {told}: {shown(one)} is not a number. Write {name}={known[name]}."
                for one in _words(values[name])
            ]
    if not wrong:
        try:
            return Thresholds.model_validate({**current.model_dump(), **values})
        except ValidationError as error:
            wrong = [f"--set {path(place)}: {words}" for place, words in mistakes(error, Thresholds)]
    raise ConfigError(wrong)


def _fix(name: str, known: dict[str, str]) -> str:
    examples = " or ".join(f"{key}={value}" for key, value in known.items())
    if name in known:
        return f"has no value. Write {name}={known[name]}."
    return f"is no threshold.{did_you_mean(name, known) or f' Write {examples}.'}"


def _numbers(text: str) -> list[float | str]:
    return [_number(part.strip()) for part in text.split(",") if part.strip()]


def _number(text: str) -> float | str:
    value = number(text)
    return text if value is None else value


def _words(value: Any) -> Iterable[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
