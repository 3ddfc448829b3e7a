"""The routes of the sandbox's Pipedrive: v2, and v1 where v2 has nothing."""

import base64
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from bot.model import Clock
from sandbox.faults import Fault
from sandbox.pipedrive import strictness
from sandbox.pipedrive.limits import Limits
from sandbox.pipedrive.records import Records, Row, sanitised, shown
from sandbox.pipedrive.strictness import check_custom, checked, failure
from sandbox.server import CONTROL, Request, Response, Server

TOKEN = "sandbox-pipedrive-token"  # noqa: S105 - opens nothing but this sandbox
V2 = "/api/v2/"
V1 = "/api/v1/"


class PipedriveServer(Server):
    """`records` is the company's data, `limits` its door, `latency` the seconds that each call takes."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        super().__init__(clock, port)
        self.records = Records(clock)
        self.limits = Limits(clock, {TOKEN})
        self.latency = 0.0
        self._records_lock = threading.RLock()
        self._under_way = 0
        self._quiet = threading.Condition()
        self._register()

    def _register(self) -> None:
        """The costs are the vendor's (x-token-cost in its OpenAPI)."""
        add = self._add
        add("GET", V1 + "users/me", 2, self._me)
        add("GET", V1 + "users", 20, lambda _: good(self.records.users))
        add("GET", V1 + "currencies", 20, self._currencies)
        add("GET", V1 + "notes", 20, self._list_notes)
        add("POST", V1 + "notes", 10, self._add_note)
        add("PUT", V1 + "notes/{id}", 10, self._change_note)
        add("GET", V2 + "pipelines", 5, lambda request: page(request, self.records.pipelines))
        add("GET", V2 + "stages", 5, self._stages)
        add("GET", V2 + "dealFields", 10, lambda request: page(request, self.records.fields["deal"]))
        add("POST", V2 + "dealFields", 5, self._add_field)
        add("GET", V2 + "organizationFields", 10, lambda request: page(request, self.records.fields["organization"]))
        add("GET", V2 + "organizations/search", 20, self._search_names)
        add("GET", V2 + "itemSearch/field", 20, self._search_field)
        add("GET", V2 + "organizations", 10, self._list_organizations)
        add("POST", V2 + "organizations", 5, self._add_organization)
        add("GET", V2 + "deals", 10, self._list_deals)
        add("GET", V2 + "deals/archived", 20, lambda request: self._list_deals(request, archived=True))
        add("POST", V2 + "deals", 5, self._add_deal)
        add("GET", V2 + "deals/{id}", 1, self._show_deal)
        add("PATCH", V2 + "deals/{id}", 5, self._change_deal)

    def _add(self, method: str, pattern: str, cost: int, handler: Callable[[Request], Response]) -> None:
        def admitted(request: Request) -> Response:
            headers = self.limits.admit(request, cost)
            with self._records_lock:
                answer = handler(request)
            return Response(answer.status, answer.body, {**answer.headers, **headers})

        self.route(method, pattern, admitted)

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        if request.path.startswith(CONTROL):
            return super().answer(request)
        self._count(1)
        try:
            if self.latency:
                time.sleep(self.latency)
            return super().answer(request)
        finally:
            self._count(-1)

    def wait_until_quiet(self) -> None:
        """Until no call is under way: one that its caller gave up may still be applied."""
        with self._quiet:
            self._quiet.wait_for(lambda: self._under_way == 0, timeout=30)

    def _count(self, change: int) -> None:
        with self._quiet:
            self._under_way += change
            self._quiet.notify_all()

    def fault_body(self, status: int) -> Any:
        return {"success": False, "error": f"status {status}", "error_info": None, "data": None}

    def not_found(self, request: Request) -> Response:
        return Response(404, {"success": False, "error": f"Unknown method {request.method} {request.path}"})

    def _me(self, _: Request) -> Response:
        return good({**self.records.users[0], "company_domain": self.records.company_domain})

    def _currencies(self, _: Request) -> Response:
        return good([{"code": code, "active_flag": True} for code in self.records.currencies])

    def _stages(self, request: Request) -> Response:
        pipeline = request.query.get("pipeline_id")
        return page(request, [row for row in self.records.stages if pipeline in (None, str(row["pipeline_id"]))])

    def _add_field(self, request: Request) -> Response:
        body = checked(request.json(), strictness.FIELD, ("field_name", "field_type"))
        return good(self.records.add_field("deal", body["field_name"], body["field_type"]))

    def _add_organization(self, request: Request) -> Response:
        body = checked(request.json(), strictness.ORGANISATION, ("name",))
        check_custom(body.get("custom_fields", {}), self.records.codes("organization"))
        self.records.check_references(body)
        return good(shown(self.records.add_organization(body)))

    def _list_organizations(self, request: Request) -> Response:
        since = request.query.get("updated_since", "")
        rows = [row for row in self.records.organizations.values() if row["update_time"] >= since]
        return page(request, [shown(row) for row in rows if not row["is_deleted"]])

    def _search_names(self, request: Request) -> Response:
        """Case-insensitive, and late: the index learns of a record some time after it was made."""
        term = request.query.get("term", "")
        exact = request.query.get("exact_match") == "true"
        if len(term) < (1 if exact else 2):
            raise failure(400, "term is too short", "term")
        wanted = term.casefold()
        found = [
            row
            for row in self._indexed()
            if (row["name"].casefold() == wanted if exact else wanted in row["name"].casefold())
        ]
        return hits(request, found)

    def _search_field(self, request: Request) -> Response:
        """Case-sensitive, unlike the search of names."""
        query = request.query
        if query.get("entity_type") != "organization" or query.get("match") != "exact":
            raise failure(400, "this sandbox searches organizations by exact match only")
        check_custom({query.get("field", ""): query.get("term")}, self.records.codes("organization"))
        found = [row for row in self._indexed() if row["custom_fields"].get(query["field"]) == query["term"]]
        return page(request, [{"id": row["id"], "name": row["name"]} for row in found])

    def _indexed(self) -> Iterable[Row]:
        now = self.clock()
        rows = self.records.organizations.values()
        return (row for row in rows if row["_indexed_at"] <= now and not row["is_deleted"])

    def _add_deal(self, request: Request) -> Response:
        body = checked(request.json(), strictness.DEAL, ("title",))
        self._check_deal(body)
        return good(shown(self.records.add_deal(body)))

    def _show_deal(self, request: Request) -> Response:
        row = self.records.deals.get(_id(request))
        if row is None:
            raise failure(404, "Deal not found")
        return good(shown(row))

    def _change_deal(self, request: Request) -> Response:
        row = self.records.deal(_id(request))
        body = checked(request.json(), strictness.DEAL)
        self._check_deal(body)
        return good(shown(self.records.change(row, body)))

    def _check_deal(self, body: Row) -> None:
        check_custom(body.get("custom_fields", {}), self.records.codes("deal"))
        self.records.check_references(body)

    def _list_deals(self, request: Request, archived: bool = False) -> Response:
        deleted = request.query.get("status") == "deleted"
        org = request.query.get("org_id")
        rows = [
            shown(row)
            for row in self.records.deals.values()
            if row["is_archived"] == archived and row["is_deleted"] == deleted and org in (None, str(row["org_id"]))
        ]
        return page(request, rows)

    def _list_notes(self, request: Request) -> Response:
        start, limit = int(request.query.get("start", 0)), min(500, int(request.query.get("limit", 100)))
        deal = request.query.get("deal_id")
        rows = [shown(row) for row in self.records.notes.values() if deal in (None, str(row["deal_id"]))]
        more = len(rows) > start + limit
        paging = {"start": start, "limit": limit, "more_items_in_collection": more}
        if more:
            paging["next_start"] = start + limit
        return good(rows[start : start + limit], {"pagination": paging})

    def _add_note(self, request: Request) -> Response:
        body = checked(request.json(), strictness.NOTE, ("content",))
        if "deal_id" not in body and "org_id" not in body:
            raise failure(400, "A note needs a deal, a person, an organization or a lead")
        self.records.check_references(body)
        note = self.records.add(self.records.notes, {**body, "content": sanitised(body["content"])})
        return Response(201, envelope(shown(note)))

    def _change_note(self, request: Request) -> Response:
        row = self.records.notes.get(_id(request))
        if row is None:
            raise failure(404, "Note not found")
        body = checked(request.json(), strictness.NOTE, ("content",))
        return good(shown(self.records.change(row, {**body, "content": sanitised(body["content"])})))


def envelope(data: Any, more: Any = None) -> Row:
    return {"success": True, "data": data, "additional_data": more}


def good(data: Any, more: Any = None) -> Response:
    return Response(200, envelope(data, more))


def page(request: Request, rows: list[Row]) -> Response:
    """One page by cursor; the cursor is opaque to the caller."""
    part, cursor = _cut(request, rows)
    return good(part, {"next_cursor": cursor})


def hits(request: Request, rows: list[Row]) -> Response:
    part, cursor = _cut(request, [{"result_score": 0.9, "item": _found(row)} for row in rows])
    return good({"items": part}, {"next_cursor": cursor})


def _found(row: Row) -> Row:
    return {"id": row["id"], "type": "organization", "name": row["name"], "custom_fields": [], "notes": []}


def _cut(request: Request, rows: list[Row]) -> tuple[list[Row], str | None]:
    limit = request.query.get("limit", "100")
    if not limit.isdigit() or not 1 <= int(limit) <= 500:
        raise failure(400, "limit must be a number from 1 to 500", "limit")
    start = int(base64.b64decode(request.query["cursor"])) if "cursor" in request.query else 0
    end = start + int(limit)
    cursor = base64.b64encode(str(end).encode()).decode() if end < len(rows) else None
    return rows[start:end], cursor


def _id(request: Request) -> int:
    text = request.params["id"]
    if not text.isdigit():
        raise failure(400, "id must be a number", "id")
    return int(text)
