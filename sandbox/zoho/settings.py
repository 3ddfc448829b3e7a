"""What is told of the company: itself, its people and currencies, fields, layouts, pipelines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.server import Request, Response
from sandbox.zoho.answers import ROOT, Refused, Route, Row, each, failure, invalid, page, success
from sandbox.zoho.pipelines import LAYOUT
from sandbox.zoho.records import Records

SETTINGS = f"{ROOT}/settings"
LONGEST_LABEL = 50
MADE_HERE = ("text", "textarea", "integer", "double", "date", "boolean")


@dataclass(frozen=True, slots=True)
class Settings:
    records: Records

    def routes(self) -> Iterator[Route]:
        yield Route("GET", f"{ROOT}/org", "org", "READ", self._org)
        yield Route("GET", f"{ROOT}/org/currencies", "settings.currencies", "READ", self._currencies)
        yield Route("GET", f"{ROOT}/users", "users", "READ", self._users, ("type", "page", "per_page"))
        yield Route("GET", f"{SETTINGS}/fields", "settings.fields", "READ", self._fields, ("module", "type"))
        yield Route("POST", f"{SETTINGS}/fields", "settings.fields", "CREATE", self._add_field, ("module",))
        yield Route("PATCH", f"{SETTINGS}/fields/{{id}}", "settings.fields", "UPDATE", self._change_field, ("module",))
        yield Route("GET", f"{SETTINGS}/layouts", "settings.layouts", "READ", self._layouts, ("module",))
        yield Route("GET", f"{SETTINGS}/pipeline", "settings.pipeline", "READ", self._pipelines, ("layout_id",))

    def _org(self, _: Request) -> Response:
        one = {
            "company_name": self.records.company, "zgid": self.records.zgid, "id": "5725767000000020005",
            "iso_code": self.records.currencies[0], "type": "Production", "domain_name": f"org{self.records.zgid}",
        }  # fmt: skip
        return Response(200, {"org": [one]})

    def _currencies(self, _: Request) -> Response:
        rows = [
            {"iso_code": code, "name": code, "is_active": True, "is_base": code == self.records.currencies[0]}
            for code in self.records.currencies
        ]
        return Response(200, {"currencies": rows})

    def _users(self, request: Request) -> Response:
        kind = request.query.get("type", "AllUsers")
        rows = {"ActiveUsers": self.records.active(), "AllUsers": self.records.users}.get(kind)
        if rows is None:
            raise failure(400, "INVALID_DATA", "a type of users that is not known here", {"param_name": "type"})
        return page(request, rows, "users", tokens=False)

    def _fields(self, request: Request) -> Response:
        return Response(200, {"fields": [_shown(row) for row in self._of_module(request)]})

    def _add_field(self, request: Request) -> Response:
        module = _module(request, self.records)

        def add(row: Row) -> Row:
            label, kind = row.get("field_label"), row.get("data_type")
            if not isinstance(label, str) or not 1 <= len(label) <= LONGEST_LABEL:
                raise Refused("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "field_label"})
            if kind not in MADE_HERE:
                raise invalid("data_type")
            more: dict[str, Any] = {"length": _length(row)} if kind == "text" else {}
            made = self.records.definitions.add(module, label, str(kind), unique=_unique(row), **more)
            return success("field created", {"id": made["id"]})

        return each(request, "fields", add, 201)

    def _change_field(self, request: Request) -> Response:
        rows = {row["id"]: row for row in self._of_module(request)}

        def change(row: Row) -> Row:
            field = rows.get(request.params["id"])
            if field is None:
                raise invalid("id", "the id given seems to be invalid")
            if set(row) - {"unique"}:
                raise invalid(min(set(row) - {"unique"}))
            field["unique"] = _unique(row)
            return success("field updated", {"id": field["id"]})

        return each(request, "fields", change)

    def _layouts(self, request: Request) -> Response:
        fields = [
            {"id": row["id"], "api_name": row["api_name"], "required": row["system_mandatory"] or row["_required"]}
            for row in self._of_module(request)
        ]
        section = {"name": "Information", "fields": fields}
        layout = {"id": LAYOUT, "name": "Standard", "visible": True, "status": "active", "sections": [section]}
        return Response(200, {"layouts": [layout]})

    def _pipelines(self, request: Request) -> Response:
        if request.query.get("layout_id") != LAYOUT:
            raise failure(400, "INVALID_DATA", "Invalid layout id", {"param_name": "layout_id"})
        return Response(200, {"pipeline": self.records.pipelines.rows})

    def _of_module(self, request: Request) -> list[Row]:
        return self.records.definitions.fields[_module(request, self.records)]


def _module(request: Request, records: Records) -> str:
    module = request.query.get("module")
    if module is None:
        raise failure(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param": "module"})
    if module not in records.definitions.fields:
        raise failure(400, "INVALID_MODULE", "the module name given seems to be invalid")
    return module


def _length(row: Row) -> int:
    length = row.get("length", 255)
    if not isinstance(length, int) or not 1 <= length <= 255:
        raise invalid("length", maximum_length=255)
    return length


def _unique(row: Row) -> Row:
    """Shown as text, as the real one does."""
    given = row.get("unique") or {}
    if not isinstance(given, dict) or set(given) - {"casesensitive"}:
        raise invalid("unique")
    return {"casesensitive": str(bool(given["casesensitive"])).lower()} if given else {}


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_")}
