"""A reader of the queries that Zoho takes, and a refusal of those that it does not.

https://www.zoho.com/crm/developer/docs/api/v8/COQL-Limitations.html: conditions are a must, more than two are grouped
in pairs, 50 columns and 50 values, 2,000 rows, no texts of several lines in a condition. What a backslash or a line
break in a value means is not documented, so they are refused here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.server import Refusal
from sandbox.zoho.answers import Row, failure

TOKEN = re.compile(r"""\s*(?:('(?:[^']|'')*')|("(?:[^"]|"")*")|(<=|>=|!=|[=<>(),])|([\w.$#>-]+))""")
MOST_ROWS, MOST_COLUMNS, MOST_VALUES, MOST_CONDITIONS = 2000, 50, 50, 25
NUMBERS = ("integer", "bigint", "double", "currency", "percent", "id")
Meets = Callable[[Row], bool]


def syntax(near: str) -> Refusal:
    return failure(400, "SYNTAX_ERROR", "error while parsing query", {"near": near, "line": 1, "column": 1})


def wrong(message: str, **details: Any) -> Refusal:
    return failure(400, "INVALID_QUERY", message, details)


@dataclass(frozen=True, slots=True)
class Query:
    columns: list[str]
    module: str
    meets: Meets
    order: list[tuple[str, bool]]  # column, and whether downwards
    limit: int
    offset: int

    def answer(self, rows: list[Row]) -> tuple[list[Row], bool]:
        """The rows, and whether there are more."""
        found = [row for row in rows if self.meets(row)]
        for column, downwards in reversed(self.order or [("id", False)]):
            found.sort(key=lambda row: _sortable(row.get(column), column), reverse=downwards)
        end = self.offset + self.limit
        return found[self.offset : end], end < len(found)


class Reader:
    """Reads one query; `fields` are the definitions of each module by their API names."""

    def __init__(self, text: str, fields: Mapping[str, Mapping[str, Row]]) -> None:
        self.tokens = _tokens(text)
        self.all_fields = fields
        self.fields: Mapping[str, Row] = {}
        self.at = 0
        self.conditions = 0

    def read(self) -> Query:
        self._expect("select")
        columns = self._list(lambda: _unquoted(self._next()))
        self._expect("from")
        module = self._next()
        if module not in self.all_fields:
            raise wrong("the module name given seems to be invalid", module=module)
        self.fields = self.all_fields[module]
        if len(columns) > MOST_COLUMNS:
            raise failure(400, "LIMIT_EXCEEDED", "too many columns", {"limit": MOST_COLUMNS})
        for column in columns:
            self._definition(column)
        if not self._take("where"):
            raise failure(400, "SYNTAX_ERROR", "missing clause", {"clause": "where"})
        meets = self._expression()
        order = self._order()
        limit, offset = self._limit()
        if self.at != len(self.tokens):
            raise syntax(self.tokens[self.at])
        return Query(columns, module, meets, order, limit, offset)

    def _expression(self) -> Meets:
        """One condition, or two: a third has to stand in brackets with one of them."""
        first = self._term()
        word = self._word()
        if word not in ("and", "or"):
            return first
        self.at += 1
        second = self._term()
        if self._word() in ("and", "or"):
            raise syntax(self.tokens[self.at])
        if word == "and":
            return lambda row: first(row) and second(row)
        return lambda row: first(row) or second(row)

    def _term(self) -> Meets:
        if self._take("("):
            inner = self._expression()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Meets:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise failure(400, "LIMIT_EXCEEDED", "too many criteria", {"limit": MOST_CONDITIONS})
        field = _unquoted(self._next())
        definition = self._definition(field)
        if definition["data_type"] == "textarea":
            raise wrong("data type not supported", column_name=field, data_type="textarea")
        operator = self._next().casefold()
        if operator == "is":
            is_null = not self._take("not")
            self._expect("null")
            return lambda row: (row.get(field) in (None, "")) is is_null
        negated = operator == "not"
        operator = self._next().casefold() if negated else operator
        return _negated(self._compared(field, definition["data_type"], operator), negated)

    def _compared(self, field: str, kind: str, operator: str) -> Meets:
        if operator == "in":
            self._expect("(")
            values = [_value(one, kind, field) for one in self._list(self._next)]
            self._expect(")")
            if len(values) > MOST_VALUES:
                raise failure(400, "LIMIT_EXCEEDED", "too many values", {"limit": MOST_VALUES})
            return lambda row: _held(row, field, kind) in values
        if operator == "like":
            return _like(field, str(_value(self._next(), kind, field)))
        value = _value(self._next(), kind, field)
        compare = _COMPARE.get(operator)
        if compare is None:
            raise syntax(operator)
        if operator not in ("=", "!=") and kind not in (*NUMBERS, "date", "datetime"):
            raise wrong("operator not supported", column_name=field, operator=operator)
        return lambda row: (held := _held(row, field, kind)) is not None and compare(held, value)

    def _order(self) -> list[tuple[str, bool]]:
        if not self._take("order"):
            return []
        self._expect("by")
        return self._list(self._order_item)

    def _order_item(self) -> tuple[str, bool]:
        column = self._next()
        self._definition(column)
        downwards = self._take("desc")
        if not downwards:
            self._take("asc")
        return column, downwards

    def _limit(self) -> tuple[int, int]:
        limit, offset = 200, 0
        if self._take("limit"):
            limit = self._number()
            if self._take(","):
                limit, offset = self._number(), limit
        if self._take("offset"):
            offset = self._number()
        if limit > MOST_ROWS:
            raise failure(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": MOST_ROWS})
        return limit, offset

    def _number(self) -> int:
        text = self._next()
        if not text.isdigit():
            raise syntax(text)
        return int(text)

    def _definition(self, name: str) -> Row:
        if name == "id":
            return {"data_type": "id"}
        if name not in self.fields:
            raise wrong("column given seems to be invalid", column_name=name)
        return self.fields[name]

    def _list(self, item: Callable[[], Any]) -> list[Any]:
        found = [item()]
        while self._take(","):
            found.append(item())
        return found

    def _word(self) -> str:
        return self.tokens[self.at].casefold() if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        if self.at >= len(self.tokens):
            raise syntax("end")
        self.at += 1
        return self.tokens[self.at - 1]

    def _take(self, word: str) -> bool:
        if self._word() == word:
            self.at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise syntax(self.tokens[self.at] if self.at < len(self.tokens) else "end")


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda held, value: bool(held == value),
    "!=": lambda held, value: bool(held != value),
    "<": lambda held, value: bool(held < value),
    ">": lambda held, value: bool(held > value),
    "<=": lambda held, value: bool(held <= value),
    ">=": lambda held, value: bool(held >= value),
}


def _tokens(text: str) -> list[str]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None or match.end() == at:
            raise syntax(text[at : at + 20])
        found.append(match[0].strip())
        at = match.end()
    return found


def _unquoted(text: str) -> str:
    if text[:1] in ("'", '"'):
        if re.search(r"[\\\x00-\x1f\x7f]", text):
            raise syntax(text[:20])
        return text[1:-1].replace(text[0] * 2, text[0])
    return text


def _value(token: str, kind: str, field: str) -> Any:
    """What a token stands for beside a field of this kind; names and texts are compared whatever their case."""
    text = _unquoted(token)
    try:
        if kind in NUMBERS:
            return float(text) if "." in text else int(text)
        if kind == "datetime":
            return datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong("value given seems to be invalid for the column", column_name=field) from error
    return text.casefold()


def _held(row: Row, field: str, kind: str) -> Any:
    value = row.get(field)
    if isinstance(value, dict):
        return value.get("id")
    if value is None:
        return None
    if kind in NUMBERS:
        return float(value) if isinstance(value, float) else int(value)
    return datetime.fromisoformat(value) if kind == "datetime" else str(value).casefold()


def _like(field: str, pattern: str) -> Meets:
    """Starts with, ends with or contains: a wildcard elsewhere is none."""
    text = pattern.strip("%")
    before, after = pattern.startswith("%"), pattern.endswith("%")
    if "%" in text or not text:
        raise wrong("value given seems to be invalid for the column", column_name=field)

    def meets(row: Row) -> bool:
        held = str(row.get(field) or "").casefold()
        if before and after:
            return text in held
        return held.endswith(text) if before else held.startswith(text) if after else held == text

    return meets


def _negated(meets: Meets, negated: bool) -> Meets:
    return (lambda row: not meets(row)) if negated else meets


def _sortable(value: Any, column: str) -> Any:
    return int(value) if column == "id" else (value is None, str(value))
