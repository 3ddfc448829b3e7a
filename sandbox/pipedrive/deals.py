"""Routes of deals: those that can be edited, the archived and the deleted ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.pipedrive import strictness
from sandbox.pipedrive.answers import PAGING, SORTING, V2, Route, Row, chosen, good, identity, page, shown
from sandbox.pipedrive.records import Records
from sandbox.pipedrive.strictness import check_custom, checked, failure
from sandbox.server import Request, Response

READ = ("deals:read", "deals:full")
WRITE = ("deals:full",)
STATUSES = {"open", "won", "lost", "deleted"}
LISTS = (
    *PAGING, *SORTING, "ids", "owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "status", "updated_since",
    "updated_until", "custom_fields",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deals:
    records: Records

    def routes(self) -> Iterator[Route]:
        yield Route("GET", V2 + "deals", 10, READ, self._list, LISTS)
        yield Route("GET", V2 + "deals/archived", 20, READ, lambda request: self._list(request, True), LISTS)
        yield Route("POST", V2 + "deals", 5, WRITE, self._add)
        yield Route("GET", V2 + "deals/{id}", 1, READ, self._show, ("custom_fields",))
        yield Route("PATCH", V2 + "deals/{id}", 5, WRITE, self._change)
        yield Route("DELETE", V2 + "deals/{id}", 3, WRITE, self._delete)

    def _list(self, request: Request, archived: bool = False) -> Response:
        statuses = set(request.query.get("status", "open,won,lost").split(","))
        if not statuses <= STATUSES:
            raise failure(400, f"status must be among {', '.join(sorted(STATUSES))}", "status")
        rows = (
            row
            for row in self.records.deals.values()
            if row["is_archived"] == archived and ("deleted" if row["is_deleted"] else row["status"]) in statuses
        )
        return page(request, chosen(request, rows))

    def _add(self, request: Request) -> Response:
        body = checked(request.json(), strictness.DEAL, ("title",))
        self._check(body)
        return good(shown(self.records.add_deal(body)))

    def _show(self, request: Request) -> Response:
        return good(shown(self.records.visible_deal(identity(request))))

    def _change(self, request: Request) -> Response:
        row = self.records.deal(identity(request))
        body = checked(request.json(), strictness.DEAL)
        self._check(body)
        return good(shown(self.records.change_deal(row, body)))

    def _delete(self, request: Request) -> Response:
        row = self.records.deal(identity(request))
        self.records.delete_deal(row)
        return good({"id": row["id"]})

    def _check(self, body: Row) -> None:
        check_custom(body.get("custom_fields", {}), self.records.definitions.by_code("deal"))
        self.records.check_references(body)
