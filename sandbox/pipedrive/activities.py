"""Routes of what hangs on deals and organisations: notes (v1) and activities (v2)."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.pipedrive import strictness
from sandbox.pipedrive.answers import (
    PAGING,
    SORTING,
    V1,
    V2,
    Route,
    Row,
    chosen,
    good,
    identity,
    numbered_page,
    page,
    shown,
)
from sandbox.pipedrive.records import Records, sanitised
from sandbox.pipedrive.strictness import checked, failure
from sandbox.server import Request, Response

READ_NOTES = ("deals:read", "deals:full", "contacts:read", "contacts:full")
WRITE_NOTES = ("deals:full", "contacts:full")
READ = ("activities:read", "activities:full")
WRITE = ("activities:full",)
LISTS = (*PAGING, *SORTING, "ids", "owner_id", "deal_id", "org_id", "person_id", "done", "updated_since")


@dataclass(frozen=True, slots=True)
class Activities:
    records: Records

    def routes(self) -> Iterator[Route]:
        yield Route("GET", V1 + "notes", 20, READ_NOTES, self._list_notes)
        yield Route("POST", V1 + "notes", 10, WRITE_NOTES, self._add_note)
        yield Route("PUT", V1 + "notes/{id}", 10, WRITE_NOTES, self._change_note)
        yield Route("DELETE", V1 + "notes/{id}", 6, WRITE_NOTES, self._delete_note)
        yield Route("GET", V2 + "activities", 10, READ, self._list, LISTS)
        yield Route("POST", V2 + "activities", 5, WRITE, self._add)
        yield Route("DELETE", V2 + "activities/{id}", 3, WRITE, self._delete)

    def _list_notes(self, request: Request) -> Response:
        deal = request.query.get("deal_id")
        rows = [row for row in self.records.notes.values() if deal in (None, str(row["deal_id"]))]
        return numbered_page(request, [self._shown_note(row) for row in rows])

    def _add_note(self, request: Request) -> Response:
        body = checked(request.json(), strictness.NOTE, ("content",))
        if "deal_id" not in body and "org_id" not in body:
            raise failure(400, "A note needs a deal, a person, an organization or a lead")
        self.records.check_references(body)
        note = self.records.add(self.records.notes, {**body, "content": sanitised(body["content"])})
        return good(self._shown_note(note))

    def _change_note(self, request: Request) -> Response:
        row = self._note(request)
        body = checked(request.json(), strictness.NOTE, ("content",))
        return good(self._shown_note(self.records.change(row, {**body, "content": sanitised(body["content"])})))

    def _delete_note(self, request: Request) -> Response:
        del self.records.notes[self._note(request)["id"]]
        return good(True)

    def _note(self, request: Request) -> Row:
        row = self.records.notes.get(identity(request))
        if row is None:
            raise failure(404, "Note not found")
        return row

    def _shown_note(self, row: Row) -> Row:
        """Flags come back as true and false, though they are sent as numbers."""
        return {**shown(row), "pinned_to_deal_flag": bool(row.get("pinned_to_deal_flag"))}

    def _list(self, request: Request) -> Response:
        rows = (row for row in self.records.activities.values() if not row["is_deleted"])
        return page(request, chosen(request, rows))

    def _add(self, request: Request) -> Response:
        body = checked(request.json(), strictness.ACTIVITY)
        self.records.check_references(body)
        row = {"deal_id": None, "org_id": None, "done": False, "is_deleted": False, **body}
        row["note"] = sanitised(row["note"]) if row.get("note") else None
        return good(shown(self.records.add(self.records.activities, row)))

    def _delete(self, request: Request) -> Response:
        row = self.records.activities.get(identity(request))
        if row is None or row["is_deleted"]:
            raise failure(404, "Activity not found")
        row["is_deleted"] = True
        return good({"id": row["id"]})
