"""How Zoho words what it answers: one status for the call and one for each record, pages, nothing as 204."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.server import Refusal, Request, Response

Row = dict[str, Any]
ROOT = "/crm/v8"
MOST_A_PAGE = 200
MOST_BY_NUMBER = 2000  # rows; beyond them a page token is demanded


class Refused(Exception):  # noqa: N818 - a record that is not taken, as Zoho says it
    """One record's refusal; others of the same call may be taken. `status` if it is the only one."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None, status: int = 400) -> None:
        super().__init__(f"{code} {message}")
        self.row = {"code": code, "details": dict(details or {}), "message": message, "status": "error"}
        self.status = status


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: the part of Zoho and what is done to it, which scopes are made of, and what it may be asked."""

    method: str
    pattern: str
    area: str  # modules.deals
    operation: str  # READ, CREATE, UPDATE or DELETE
    handler: Callable[[Request], Response]
    query: tuple[str, ...] = ()

    def check_query(self, request: Request) -> None:
        """The real one overlooks what it does not know; this one does not, so that we ask for nothing that is not."""
        unknown = sorted(set(request.query) - set(self.query))
        if unknown:
            raise failure(400, "INVALID_REQUEST", f"unknown parameter {unknown[0]}", {"param": unknown[0]})


def failure(status: int, code: str, message: str, details: Mapping[str, Any] | None = None) -> Refusal:
    return Refusal(status, {"code": code, "details": dict(details or {}), "message": message, "status": "error"})


def invalid(field: str, message: str = "invalid data", **more: Any) -> Refused:
    return Refused("INVALID_DATA", message, {"api_name": field, "json_path": f"$.data[0].{field}", **more})


def success(message: str, details: Mapping[str, Any]) -> Row:
    return {"code": "SUCCESS", "details": dict(details), "message": message, "status": "success"}


def each(request: Request, under: str, do: Callable[[Row], Row], good: int = 200) -> Response:
    """Every row of the body for itself: all good, some good (207), or none (the refusal's own status)."""
    answers, statuses = [], []
    for row in rows_of(request, under):
        try:
            answers.append(do(row))
            statuses.append(good)
        except Refused as refused:
            answers.append(refused.row)
            statuses.append(refused.status)
    status = statuses[0] if len(set(statuses)) == 1 else 207
    return Response(status, {under: answers})


def rows_of(request: Request, under: str) -> list[Row]:
    try:
        body = request.json()
    except ValueError as error:
        raise failure(400, "INVALID_DATA", "body is no JSON", {"expected_data_type": "jsonobject"}) from error
    rows = body.get(under) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise failure(400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": under})
    if len(rows) > 100:
        raise failure(400, "LIMIT_EXCEEDED", "more than 100 records", {"limit": 100})
    return rows


def page(request: Request, rows: Iterable[Row], under: str = "data", tokens: bool = True) -> Response:
    """One page by number or token; nothing at all is 204."""
    found, size = list(rows), _size(request)
    start = int(request.query["page_token"]) if "page_token" in request.query else (_number(request) - 1) * size
    if "page_token" not in request.query and start + size > MOST_BY_NUMBER and tokens:
        raise failure(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token", {"limit": MOST_BY_NUMBER})
    part, end = found[start : start + size], start + size
    if not part:
        return Response(204, b"")
    info: Row = {"per_page": size, "count": len(part), "page": start // size + 1, "more_records": end < len(found)}
    if tokens:
        info["next_page_token"] = str(end) if end < len(found) else None
    return Response(200, {under: part, "info": info})


def _size(request: Request) -> int:
    text = request.query.get("per_page", str(MOST_A_PAGE))
    if not text.isdigit() or not 1 <= int(text) <= MOST_A_PAGE:
        raise failure(400, "INVALID_DATA", "per_page is from 1 to 200", {"param_name": "per_page"})
    return int(text)


def _number(request: Request) -> int:
    text = request.query.get("page", "1")
    if not text.isdigit() or int(text) < 1:
        raise failure(400, "INVALID_DATA", "page is a number from 1", {"param_name": "page"})
    return int(text)


def identity(request: Request) -> str:
    text = request.params["id"]
    if not text.isdigit():
        raise failure(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")
    return text
