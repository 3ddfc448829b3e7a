"""The checked values that headroom.toml is made of: names, numbers, ids and durations, each with its own complaint."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from string import Formatter
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from bot.config.facts import Source, source
from bot.config.mistakes import did_you_mean, shown
from crm import kinds


def _matches(pattern: str, complaint: Callable[[str], str]) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{shown(value)} {complaint(value)}")
        return value

    return AfterValidator(check)


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _no_repetition(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = [value for position, value in enumerate(values) if value in values[:position]]
    if twice:
        raise ValueError(f"{shown(twice[0])} stands there twice. Remove one.")
    return values


def _number(value: Any) -> Any:
    # A bool is an int to Python and "5" a number to pydantic: in a price both are slips.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{shown(value)} is not a number.{' Leave the quotes out.' if isinstance(value, str) else ''}")
    if not Decimal(value).is_finite():
        raise ValueError(f"{shown(value)} is not a finite number. Leave the key out where there is no limit.")
    return value


def _within(fits: Callable[[Any], bool], rule: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not fits(value):
            raise ValueError(f"{value:g} {rule}")
        return value

    return AfterValidator(check)


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values:
        raise ValueError("is empty. Name at least one level in percent: [80, 90, 100, 120].")
    if list(values) != (ordered := sorted(set(values))):
        raise ValueError(f"must rise, each level once. Write [{', '.join(f'{value:g}' for value in ordered)}].")
    return values


def _adapter(kind: str) -> str:
    if kind not in kinds():
        raise ValueError(f"{shown(kind)} is none of {', '.join(kinds())}.{did_you_mean(kind, kinds())}")
    return kind


PLACEHOLDERS = ("account", "plan")


def _placeholders(text: str) -> str:
    try:
        parts = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError:
        raise ValueError(f"{shown(text)} has a brace without its partner. Write {{{{ and }}}} for braces.") from None
    known = " or ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name, spec, conversion in parts:
        if name not in PLACEHOLDERS or spec or conversion:
            near = did_you_mean(name, PLACEHOLDERS)
            raise ValueError(f"{{{name}}} cannot stand in {shown(text)}.{near or f' Write {known}.'}")
    return text


def interval(every: str) -> timedelta:
    """`15m`, `1h` or `1d` as a duration that keeps its slots at the same times each day."""
    match = re.fullmatch(r"([1-9]\d{0,3})\s*([mhd])", every)
    if not match:
        raise ValueError(f"{shown(every)} is not a duration. Write minutes, hours or days: 15m, 1h, 6h, 1d.")
    span = timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])})
    day = timedelta(days=1)
    if span < timedelta(minutes=5):
        raise ValueError(f"{shown(every)} is too often for the rate limits of others. The shortest is 5m.")
    if day % span and span % day:
        raise ValueError(f"{shown(every)} does not divide a day. Take one that does, such as 15m, 1h, 6h, 12h or 1d.")
    return span


def _regular(every: str) -> str:
    interval(every)
    return every


Text = Annotated[str, _matches(r"\s*\S.{0,199}", lambda _: "must be a line of 1 to 200 characters.")]
Template = Annotated[Text, AfterValidator(_placeholders)]
# Stands inside HogQL as an identifier, where no placeholder can: hence the narrow alphabet.
PropertyName = Annotated[
    str,
    _matches(
        r"[A-Za-z0-9_$ .\-]{1,100}",
        lambda _: "cannot be a property name here: letters, digits, _ $ . - and spaces, at most 100.",
    ),
]
MetricKey = Annotated[
    str,
    _matches(r"[a-z][a-z0-9_]{0,59}", lambda key: f"must be small letters, digits and _. Say [metrics.{_slug(key)}]."),
]
Channel = Annotated[
    str,
    _matches(
        r"[CG][A-Z0-9]{2,20}",
        lambda name: (
            ("is a channel's name, and names change. " if name.startswith("#") else "is not a channel's id. ")
            + "Write the id, such as C0123ABCD: in Slack, click the channel's name; it stands at the end of About."
        ),
    ),
]
Manager = Annotated[
    str,
    _matches(
        r"[UWS][A-Z0-9]{2,20}",
        lambda _: "is neither a user's id (U...) nor a user group's (S...). In Slack: profile, More, Copy member ID.",
    ),
]
CrmKind = Annotated[str, AfterValidator(_adapter)]
Currency = Annotated[str, _matches(r"[A-Z]{3}", lambda _: 'is not a currency\'s three capital letters, such as "EUR".')]
UrlPath = Annotated[str, _matches(r"\S{1,300}", lambda _: 'is not a path, such as "/billing".')]
Names = Annotated[tuple[Text, ...], BeforeValidator(_one_or_many), AfterValidator(_no_repetition)]
Paths = Annotated[tuple[UrlPath, ...], BeforeValidator(_one_or_many), AfterValidator(_no_repetition)]
Managers = Annotated[tuple[Manager, ...], BeforeValidator(_one_or_many), AfterValidator(_no_repetition)]
Limit = Annotated[float, BeforeValidator(_number), _within(lambda value: value > 0, "is not above 0.")]
Money = Annotated[Decimal, BeforeValidator(_number), _within(lambda value: value >= 0, "is below 0.")]
Level = Annotated[
    float, BeforeValidator(_number), _within(lambda value: 1 <= value <= 1000, "is not within 1 to 1000.")
]
Levels = Annotated[tuple[Level, ...], AfterValidator(_rising)]
Interval = Annotated[str, AfterValidator(_regular)]
Probability = Annotated[
    float, BeforeValidator(_number), _within(lambda value: 0 < value < 1, "is not between 0 and 1, such as 0.8.")
]
Days = Annotated[int, BeforeValidator(_number), _within(lambda value: 0 <= value <= 3650, "is not within 0 to 3650.")]

FieldSource = Annotated[Source, BeforeValidator(source)]


def _slug(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", key.lower()).lstrip("_0123456789") or "api_calls"
