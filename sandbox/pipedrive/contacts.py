"""Routes of organisations, and of the search that lags behind them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.pipedrive import strictness
from sandbox.pipedrive.answers import PAGING, SORTING, V2, Route, Row, chosen, good, hits, identity, page, shown
from sandbox.pipedrive.records import Records
from sandbox.pipedrive.strictness import check_custom, checked, failure
from sandbox.server import Request, Response

READ = ("contacts:read", "contacts:full")
WRITE = ("contacts:full",)
LISTS = (*PAGING, *SORTING, "ids", "owner_id", "updated_since", "updated_until", "custom_fields")


@dataclass(frozen=True, slots=True)
class Contacts:
    records: Records

    def routes(self) -> Iterator[Route]:
        names = (*PAGING, "term", "fields", "exact_match")
        field = (*PAGING, "term", "entity_type", "match", "field")
        yield Route("GET", V2 + "organizations/search", 20, (*READ, "search:read"), self._search_names, names)
        yield Route("GET", V2 + "itemSearch/field", 20, ("search:read",), self._search_field, field)
        yield Route("GET", V2 + "organizations", 10, READ, self._list, LISTS)
        yield Route("POST", V2 + "organizations", 5, WRITE, self._add)
        yield Route("DELETE", V2 + "organizations/{id}", 3, WRITE, self._delete)

    def _add(self, request: Request) -> Response:
        body = checked(request.json(), strictness.ORGANISATION, ("name",))
        check_custom(body.get("custom_fields", {}), self.records.definitions.by_code("organization"))
        self.records.check_references(body)
        return good(shown(self.records.add_organization(body)))

    def _delete(self, request: Request) -> Response:
        row = self.records.organizations.get(identity(request))
        if row is None or row["is_deleted"]:
            raise failure(404, "Organization not found")
        row["is_deleted"] = True
        return good({"id": row["id"]})

    def _list(self, request: Request) -> Response:
        rows = (row for row in self.records.organizations.values() if not row["is_deleted"])
        return page(request, chosen(request, rows))

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
        check_custom({query.get("field", ""): query.get("term")}, self.records.definitions.by_code("organization"))
        found = [row for row in self._indexed() if row["custom_fields"].get(query["field"]) == query["term"]]
        return page(request, [{"id": row["id"], "name": row["name"]} for row in found])

    def _indexed(self) -> Iterable[Row]:
        now = self.records.clock()
        rows = self.records.organizations.values()
        return (row for row in rows if row["_indexed_at"] <= now and not row["is_deleted"])
