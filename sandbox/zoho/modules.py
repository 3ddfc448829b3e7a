"""Records by module: read, listed, made, changed, deleted; the notes of a deal; and queries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sandbox.server import Request, Response
from sandbox.zoho import coql
from sandbox.zoho.access import allowed
from sandbox.zoho.answers import ROOT, Refused, Route, Row, each, failure, identity, page, success
from sandbox.zoho.records import MODULES, Records
from sandbox.zoho.strictness import moment

LISTING = ("fields", "ids", "page", "page_token", "per_page", "sort_by", "sort_order")
MOST_IDS, MOST_FIELDS = 100, 50
READABLE = {"id", "Created_Time", "Modified_Time"}


@dataclass(frozen=True, slots=True)
class Modules:
    """`scopes_of` tells what an access token allows: a query needs those of its module as well."""

    records: Records
    scopes_of: Callable[[Request], frozenset[str]]

    def routes(self) -> Iterator[Route]:
        yield Route("POST", f"{ROOT}/coql", "coql", "READ", self._query)
        yield Route(
            "GET", f"{ROOT}/Deals/{{id}}/Notes", "modules.notes", "READ", self._notes, ("fields", "page", "per_page")
        )
        for module in MODULES:
            yield from self._of(module)

    def _of(self, module: str) -> Iterator[Route]:
        area, path = f"modules.{module.lower()}", f"{ROOT}/{module}"
        one = f"{path}/{{id}}"
        yield Route(
            "GET",
            f"{path}/deleted",
            area,
            "READ",
            lambda request: self._deleted(module, request),
            ("type", "page", "per_page"),
        )
        yield Route("GET", path, area, "READ", lambda request: self._list(module, request), LISTING)
        yield Route("POST", path, area, "CREATE", lambda request: self._add(module, request))
        yield Route("GET", one, area, "READ", lambda request: self._show(module, request), ("fields",))
        yield Route("PUT", one, area, "UPDATE", lambda request: self._change(module, request))
        yield Route("DELETE", one, area, "DELETE", lambda request: self._delete(module, request), ("wf_trigger",))

    def _add(self, module: str, request: Request) -> Response:
        return each(request, "data", lambda row: self._written(self.records.add(module, row), "record added"), 201)

    def _change(self, module: str, request: Request) -> Response:
        since = _since(request)

        def change(row: Row) -> Row:
            return self._written(self.records.change(module, identity(request), row, since), "record updated")

        return each(request, "data", change)

    def _delete(self, module: str, request: Request) -> Response:
        try:
            self.records.delete(module, identity(request))
        except Refused as refused:
            return Response(refused.status, {"data": [refused.row]})
        return Response(200, {"data": [success("record deleted", {"id": identity(request)})]})

    def _show(self, module: str, request: Request) -> Response:
        row = self.records.rows[module].get(identity(request))
        if row is None:
            return Response(204, b"")
        columns = self._columns(module, request)
        return Response(200, {"data": [self.records.shown(row, columns)]})

    def _list(self, module: str, request: Request) -> Response:
        columns = self._columns(module, request)
        rows = list(self.records.rows[module].values())
        if "ids" in request.query:
            ids = request.query["ids"].split(",")
            if len(ids) > MOST_IDS or not all(one.isdigit() for one in ids):
                raise failure(400, "INVALID_DATA", "up to 100 ids", {"param_name": "ids"})
            rows = [row for row in rows if row["id"] in ids]
        rows = _sorted(rows, request)
        return page(request, (self.records.shown(row, columns) for row in rows))

    def _deleted(self, module: str, request: Request) -> Response:
        """Names and times; no other field of what is gone is shown."""
        return page(request, reversed(self.records.deleted[module]), tokens=False)

    def _notes(self, request: Request) -> Response:
        columns = self._columns("Notes", request)
        of_deal = [row for row in self.records.rows["Notes"].values() if row["Parent_Id"]["id"] == identity(request)]
        rows = [self.records.shown(row, columns) for row in reversed(of_deal)]
        return page(request, rows, tokens=False)

    def _query(self, request: Request) -> Response:
        body = request.json()
        text = body.get("select_query") if isinstance(body, dict) else None
        if not isinstance(text, str):
            raise failure(400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": "select_query"})
        fields = {module: self.records.definitions.by_name(module) for module in MODULES}
        query = coql.Reader(text, fields).read()
        scopes = self.scopes_of(request)
        if not (
            allowed(scopes, f"modules.{query.module.lower()}", "READ") and allowed(scopes, "settings.fields", "READ")
        ):
            raise failure(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
        rows, more = query.answer(list(self.records.indexed(query.module)))
        if not rows:
            return Response(204, b"")
        shown = [{"id": row["id"], **{name: _only_id(row.get(name)) for name in query.columns}} for row in rows]
        return Response(200, {"data": shown, "info": {"count": len(rows), "more_records": more}})

    def _columns(self, module: str, request: Request) -> list[str]:
        text = request.query.get("fields", "")
        columns = [one for one in text.split(",") if one]
        if not columns:
            raise failure(
                400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param": "fields"}
            )
        if len(columns) > MOST_FIELDS:
            raise failure(400, "LIMIT_EXCEEDED", "too many fields", {"limit": MOST_FIELDS})
        known = self.records.definitions.by_name(module)
        unknown = [one for one in columns if one != "id" and one not in known]
        if unknown:  # the real one leaves them out
            raise failure(400, "INVALID_DATA", f"no field {unknown[0]}", {"param_name": "fields"})
        return columns

    def _written(self, row: Row, message: str) -> Row:
        by = {"name": self.records.users[0]["full_name"], "id": self.records.users[0]["id"]}
        times = {"Modified_Time": row["Modified_Time"], "Created_Time": row["Created_Time"]}
        return success(message, {**times, "Modified_By": by, "Created_By": by, "id": row["id"]})


def _sorted(rows: list[Row], request: Request) -> list[Row]:
    by, order = request.query.get("sort_by", "id"), request.query.get("sort_order", "desc")
    if by not in READABLE or order not in ("asc", "desc"):
        raise failure(400, "INVALID_DATA", "sorted by id, Created_Time or Modified_Time", {"param_name": "sort_by"})
    return sorted(rows, key=lambda row: (row[by], row["id"]), reverse=order == "desc")


def _since(request: Request) -> datetime | None:
    text = request.headers.get("if-unmodified-since")
    if text is None:
        return None
    found = moment(text)
    if found is None:
        raise failure(400, "INVALID_DATA", "no moment with its offset", {"header": "If-Unmodified-Since"})
    return found


def _only_id(value: object) -> object:
    """A query tells of a lookup nothing but the id."""
    return {"id": value["id"]} if isinstance(value, dict) and "id" in value else value
