"""The sandbox's Zoho: version 8 of its API behind one door, and its accounts server."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any

from bot.model import Clock
from sandbox.crm import CrmServer
from sandbox.server import Request, Response
from sandbox.zoho.access import Access
from sandbox.zoho.answers import Route
from sandbox.zoho.modules import Modules
from sandbox.zoho.people import People
from sandbox.zoho.records import Records
from sandbox.zoho.settings import Settings
from sandbox.zoho.watch import Watch

CODES = {401: "AUTHENTICATION_FAILURE", 403: "NO_PERMISSION", 429: "TOO_MANY_REQUESTS"}


class ZohoServer(CrmServer):
    """`records` is the company's data, `people` those who work on it, `watch` who hears of it, `access` its door."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        super().__init__(clock, port)
        self.records = Records(clock)
        self.people = People(self.records)
        self.watch = Watch(self.records)
        self.records.tell = self.watch.tell
        self.access = Access(clock, api_domain=self.url)
        self.route("POST", "/oauth/v2/token", self.access.token)
        rooms = (Modules(self.records, self.access.scopes_of), Settings(self.records), self.watch)
        for route in chain.from_iterable(room.routes() for room in rooms):
            self._add(route)

    def _add(self, route: Route) -> None:
        def admitted(request: Request) -> Response:
            self.access.admit(request, route.area, route.operation, lambda: self.under_way)
            route.check_query(request)
            with self.records_lock:
                return route.handler(request)

        self.route(route.method, route.pattern, admitted)

    def stop(self) -> None:
        self.watch.stop()
        super().stop()

    def fault_body(self, status: int) -> Any:
        code = CODES.get(status, "INTERNAL_ERROR" if status >= 500 else "INVALID_DATA")
        return {"code": code, "details": {}, "message": f"status {status}", "status": "error"}

    def not_found(self, _: Request) -> Response:
        said = "Please check if the URL trying to access is a correct one"
        return Response(404, {"code": "INVALID_URL_PATTERN", "details": {}, "message": said, "status": "error"})
