"""From the cells of an answer to values. Whatever is not as it should be is Malformed, and costs one account only."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from bot.posthog.errors import PostHogError
from bot.posthog.reading import LONGEST_TEXT

LONGEST_KEY = 400


class MalformedError(ValueError):
    """A row that cannot be read, with what is wrong; `account` when at least that can be."""

    def __init__(self, why: str, account: str | None = None) -> None:
        super().__init__(why)
        self.account = account


def cells(row: Any, columns: tuple[str, ...]) -> Mapping[str, Any]:
    """The row's cells by column, with an account that can be stored."""
    key = row[0] if isinstance(row, list) and row else None
    account = key if isinstance(key, str) else None
    if account is None or not account:
        raise MalformedError("a row without an account key")
    if len(account) > LONGEST_KEY:
        raise MalformedError(f"the account key has {len(account)} characters, {LONGEST_KEY} are possible", account)
    if not is_storable(account):
        raise MalformedError("the account key has characters that cannot be stored", account)
    if len(row) != len(columns):
        raise MalformedError(f"a row of {len(row)} cells instead of {len(columns)}", account)
    return dict(zip(columns, row, strict=True))


def is_storable(key: str) -> bool:
    """NUL and halves of characters are replaced where they are stored: such a key would never be found again."""
    return shown(key) == key


def shown(key: str) -> str:
    """As it can be stored and printed."""
    if key.isascii() and "\0" not in key:
        return key
    return key.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number(cell: Any) -> float:
    """Finite; large integers may come as text."""
    if cell is None or isinstance(cell, bool):
        raise MalformedError(f"{cell!r} instead of a number")
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedError(f"{str(cell)[:40]!r} instead of a number") from error
    if not isfinite(value):
        raise MalformedError(f"{value} instead of a number")
    return value


def items(cell: Any) -> list[Any]:
    """Of an array or a tuple; ClickHouse can print a tuple as an object."""
    if isinstance(cell, list):
        return cell
    if isinstance(cell, dict):
        return list(cell.values())
    raise MalformedError(f"{str(cell)[:40]!r} instead of a list")


_date = lru_cache(maxsize=1000)(date.fromisoformat)  # the same few days come in every row


def day(cell: Any) -> date:
    try:
        return _date(cell)
    except (TypeError, ValueError) as error:
        raise MalformedError(f"{str(cell)[:40]!r} instead of a day") from error


def instant(cell: Any, zone: ZoneInfo) -> datetime | None:
    """In UTC; None where there was no event, which ClickHouse tells as 1970."""
    if cell is None or cell == "":
        return None
    try:
        moment = datetime.fromisoformat(cell)
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        return None if moment.year <= 1970 else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedError(f"{str(cell)[:40]!r} instead of a time") from error


def text(cell: Any) -> str | None:
    """A property as text, None when it is missing or empty.

    PostHog cuts a property out of its JSON and strips the quotes, but leaves the escapes within:
    https://github.com/PostHog/posthog/pull/24535
    """
    if cell is None or cell == "":
        return None
    told = cell if isinstance(cell, str) else json.dumps(cell)
    if "\\" not in told:
        return told
    try:
        return str(json.loads(f'"{told}"'))
    except ValueError:
        return told


def brief(cell: Any) -> str | None:
    """The same as it can be stored and found again; of a long text, its beginning."""
    told = text(cell)
    return None if told is None else shown(told[:LONGEST_TEXT])


def late_day(row: Any) -> date:
    """Of a row of the query for late events; there the whole reading depends on it."""
    try:
        return day(row[0])
    except (MalformedError, IndexError, KeyError, TypeError) as error:
        raise PostHogError("PostHog's answer on late events cannot be read.") from error
