"""How Pipedrive words what it answers: envelopes, pages by cursor and by offset, hits of a search."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.pipedrive.strictness import failure
from sandbox.server import Request, Response

Row = dict[str, Any]
V1, V2 = "/api/v1/", "/api/v2/"
PAGING = ("limit", "cursor")
SORTING = ("sort_by", "sort_direction")
MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its cost in tokens (x-token-cost of the vendor's OpenAPI), the scopes of which one is enough,
    and the parameters that it knows."""

    method: str
    pattern: str
    cost: int
    scopes: tuple[str, ...]
    handler: Callable[[Request], Response]
    query: tuple[str, ...] = ()

    def check_query(self, request: Request) -> None:
        unknown = sorted(set(request.query) - set(self.query))
        if unknown and self.pattern.startswith(V2):
            error = f"Validation failed: {unknown[0]}: Parameter '{unknown[0]}' is not allowed for this request"
            raise failure(400, error, unknown[0])


def shown(row: Row) -> Row:
    """Without what only the company's own database knows."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


def envelope(data: Any, more: Any = None) -> Row:
    return {"success": True, "data": data, "additional_data": more}


def good(data: Any, more: Any = None) -> Response:
    return Response(200, envelope(data, more))


def page(request: Request, rows: Iterable[Row]) -> Response:
    """One page by cursor; the cursor is opaque to the caller."""
    part, cursor = _cut(request, [shown(row) for row in rows])
    return good(part, {"next_cursor": cursor})


def hits(request: Request, rows: Iterable[Row]) -> Response:
    part, cursor = _cut(request, [{"result_score": 0.9, "item": _found(row)} for row in rows])
    return good({"items": part}, {"next_cursor": cursor})


def numbered_page(request: Request, rows: list[Row]) -> Response:
    """One page by offset, as v1 has them."""
    start, limit = int(request.query.get("start", 0)), min(500, int(request.query.get("limit", 100)))
    more = len(rows) > start + limit
    paging = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        paging["next_start"] = start + limit
    return good([shown(row) for row in rows[start : start + limit]], {"pagination": paging})


def chosen(request: Request, rows: Iterable[Row]) -> list[Row]:
    """The rows that the query of a v2 list asks for, in its order."""
    query = request.query
    ids = query["ids"].split(",") if "ids" in query else None
    if ids is not None and (len(ids) > MOST_IDS or not all(one.isdigit() for one in ids)):
        raise failure(400, f"ids takes up to {MOST_IDS} numbers, separated by commas", "ids")
    same = {name: value for name, value in query.items() if name.endswith("_id")}
    for name, value in same.items():
        if not value.isdigit():
            raise failure(400, f"{name} must be a number", name)
    found = [
        row
        for row in rows
        if (ids is None or str(row["id"]) in ids)
        and all(str(row.get(name)) == value for name, value in same.items())
        and query.get("updated_since", "") <= row["update_time"] < query.get("updated_until", "9")
    ]
    return _sorted(found, query)


def _sorted(rows: list[Row], query: Mapping[str, str]) -> list[Row]:
    by = query.get("sort_by", "id")
    if by not in ("id", "update_time", "add_time"):
        raise failure(400, f"sort_by cannot be '{by}'", "sort_by")
    return sorted(rows, key=lambda row: row[by], reverse=query.get("sort_direction") == "desc")


def identity(request: Request) -> int:
    text = request.params["id"]
    if not text.isdigit():
        raise failure(400, "id must be a number", "id")
    return int(text)


def _found(row: Row) -> Row:
    return {"id": row["id"], "type": "organization", "name": row["name"], "custom_fields": [], "notes": []}


def _cut(request: Request, rows: list[Row]) -> tuple[list[Row], str | None]:
    limit = request.query.get("limit", "100")
    if not limit.isdigit() or not 1 <= int(limit) <= 500:
        raise failure(400, "limit must be a number from 1 to 500", "limit")
    start = _start(request.query.get("cursor"))
    end = start + int(limit)
    cursor = base64.b64encode(str(end).encode()).decode() if end < len(rows) else None
    return rows[start:end], cursor


def _start(cursor: str | None) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True)) if cursor is not None else 0
    except (ValueError, binascii.Error) as error:
        raise failure(400, "cursor is none of ours", "cursor") from error
