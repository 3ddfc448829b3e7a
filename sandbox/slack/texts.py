"""The smallest pieces that Slack checks everywhere: texts, lengths, counts and known keys."""

from collections.abc import Callable, Iterator
from typing import Any

Json = Any
Check = Callable[[Json, str], Iterator[str]]


def text(value: Json, at: str, most: int) -> Iterator[str]:
    if isinstance(value, dict) and value.get("type") == "mrkdwn":
        yield from keys(value, at, {"type", "text"}, {"verbatim"})
        yield from string(value.get("text"), f"{at}.text", 1, most)
    else:
        yield from plain(value, at, most)


def plain(value: Json, at: str, most: int) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("type") != "plain_text":
        yield f"{at}: a plain_text object is required"
        return
    yield from keys(value, at, {"type", "text"}, {"emoji"})
    yield from string(value.get("text"), f"{at}.text", 1, most)


def string(value: Json, at: str, least: int, most: int) -> Iterator[str]:
    if not isinstance(value, str) or not least <= len(value) <= most:
        yield f"{at}: text of {least} to {most} characters"


def count(value: Json, least: int, most: int, at: str) -> Iterator[str]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        yield f"{at}: {least} to {most} items"


def keys(value: Json, at: str, required: set[str], optional: set[str]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: must be an object"
        return
    yield from (f"{at}: {key} is required" for key in sorted(required - value.keys()))
    yield from (f"{at}: additional property {key}" for key in sorted(value.keys() - required - optional))
