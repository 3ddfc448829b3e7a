"""Queries in Zoho's own language. Nothing that was fetched gets into one unescaped.

https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html: a condition is a must, more than two are grouped in
pairs, a quote in a value is doubled. What a backslash or a line break in a value means is not documented: such values
are looked for by their longest harmless part, and compared by those who asked.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from crm.zoho.api import MOST_ROWS, Row, checked_id

HARMLESS = re.compile(r"[^\\\x00-\x1f\x7f\u0085\u2028\u2029]+")
NO_WILDCARD = re.compile(r"[^\\\x00-\x1f\x7f\u0085\u2028\u2029%_]+")
LONGEST_PART = 100


def quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def equals(field: str, value: str) -> str | None:
    """A condition that every record with this value meets, and maybe others; None where there is no way to ask."""
    if value and HARMLESS.fullmatch(value):
        return f"{field} = {quoted(value)}"
    return contains(field, value)


def contains(field: str, value: str) -> str | None:
    """A condition met by every record whose field contains the value, and maybe by others."""
    parts = NO_WILDCARD.findall(value)
    longest = max(parts, key=len, default="").strip()[:LONGEST_PART]
    return f"{field} like {quoted(f'%{longest}%')}" if longest else None


def one_of(field: str, values: Iterable[str]) -> str:
    return f"{field} in ({', '.join(quoted(value) for value in values)})"


def all_of(conditions: Iterable[str]) -> str:
    """Grouped in pairs, as Zoho demands of more than two."""
    first, *others = conditions
    for other in others:
        first = f"({first} and {other})"
    return first


def every_row(
    ask: Callable[[str], list[Row]], fields: Iterable[str], module: str, conditions: Iterable[str]
) -> Iterator[Row]:
    """All rows that meet all conditions, the oldest first, however many there are."""
    columns, given, last = ", ".join(fields), list(conditions), "0"
    while True:
        where = all_of([*given, f"id > {quoted(checked_id(last))}"])
        query = f"select {columns} from {module} where {where} order by id asc limit {MOST_ROWS}"  # noqa: S608  # all escaped
        rows = ask(query)
        yield from rows
        if len(rows) < MOST_ROWS or int(rows[-1]["id"]) <= int(last):
            return
        last = str(rows[-1]["id"])
