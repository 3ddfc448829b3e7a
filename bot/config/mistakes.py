"""What people got wrong in configuration or settings, in plain words: one line each, with the place and the fix."""

import difflib
import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]
Mistake = tuple[Place, str]


class ConfigError(Exception):
    """The configuration has mistakes: one line each, with the key's path and the fix."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def path(place: Place) -> str:
    """`metrics.api_calls.event[0]`, as a reader of TOML would write it."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in place]
    return "".join(parts).removeprefix(".")


def _key(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False)


def shown(value: object) -> str:
    """A value as it stands in the file, cut where it is long."""
    if isinstance(value, Decimal | float):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """` Did you mean "count"?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(wrong.lower(), list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def mistakes(error: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """Each of pydantic's complaints, said for somebody who knows the file and not the program."""
    return [(_without_marks(detail["loc"]), _words(detail, model)) for detail in error.errors()]


def _without_marks(place: Place) -> Place:
    return tuple(part for part in place if part != "[key]")  # pydantic's mark for a mistake in the key itself


def _words(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, place, value = detail["type"], detail["loc"], detail["input"]
    if kind == "missing":
        return f"is missing. {_advice(model, place)}"
    if kind == "extra_forbidden":
        table = _model_at(model, place[:-1])
        known = table.model_fields if table else {}
        return f"is not known here.{did_you_mean(str(place[-1]), known) or ' Known: ' + ', '.join(known) + '.'}"
    if kind == "literal_error":
        choices = [str(choice) for choice in get_args(_annotation_at(model, place))]
        return f"{shown(value)} is none of {', '.join(choices)}.{did_you_mean(str(value), choices)}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    return _TYPES.get(kind, _as_pydantic_says)(detail)


def _table(detail: ErrorDetails) -> str:
    return f"{shown(detail['input'])} is not a table. Write [{path(detail['loc'])}] with its keys below."


def _text(detail: ErrorDetails) -> str:
    return f"{shown(detail['input'])} is not a text. Put it in quotes."


def _list(detail: ErrorDetails) -> str:
    return f"{shown(detail['input'])} is not a list. Put it in square brackets: [{shown(detail['input'])}]."


def _number(detail: ErrorDetails) -> str:
    return f"{shown(detail['input'])} is not a whole number."


def _as_pydantic_says(detail: ErrorDetails) -> str:
    return f"{shown(detail['input'])}: {detail['msg'][:1].lower()}{detail['msg'][1:]}."


_TYPES: dict[str, Callable[[ErrorDetails], str]] = {
    "model_type": _table,
    "dict_type": _table,
    "string_type": _text,
    "tuple_type": _list,
    "list_type": _list,
    "int_type": _number,
    "int_parsing": _number,
    "int_from_float": _number,
}


def _advice(model: type[BaseModel], place: Place) -> str:
    """What to add where a key is missing: the field's own example."""
    table, name = _model_at(model, place[:-1]), str(place[-1])
    examples = table.model_fields[name].examples if table else None
    example = examples[0] if examples else None
    if get_origin(_annotation_at(model, place)) is dict:
        return f"Add {example}."
    if _model_at(model, place):
        return f"Add the table [{path(place)}] with {example}."
    return f"Add {name} = {shown(example)}."


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel] | None:
    annotation = _annotation_at(model, place) if place else model
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _annotation_at(model: type[BaseModel], place: Place) -> Any:
    """The type that belongs at a place: fields by name, tables of tables by any key. `T | None` counts as T."""
    here: Any = model
    for part in place:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        elif get_origin(here) in (dict, tuple, list):
            here = get_args(here)[1 if get_origin(here) is dict else 0]
        if get_origin(here) in (UnionType, Union):
            here = next(option for option in get_args(here) if option is not type(None))
    return here
