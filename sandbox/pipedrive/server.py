"""The sandbox's Pipedrive: v2, and v1 where v2 has nothing, behind one door, and its OAuth server."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any

from bot.model import Clock
from sandbox.crm import CrmServer
from sandbox.pipedrive.activities import Activities
from sandbox.pipedrive.answers import Route
from sandbox.pipedrive.company import Company
from sandbox.pipedrive.contacts import Contacts
from sandbox.pipedrive.deals import Deals
from sandbox.pipedrive.hooks import Hooks
from sandbox.pipedrive.limits import Limits
from sandbox.pipedrive.oauth import OAuth
from sandbox.pipedrive.people import People
from sandbox.pipedrive.records import Records
from sandbox.server import Request, Response

TOKEN = "sandbox-pipedrive-token"  # noqa: S105 - opens nothing but this sandbox


class PipedriveServer(CrmServer):
    """`records` is the company's data, `people` those who work on it, `hooks` who hears of it, `limits` its door."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        super().__init__(clock, port)
        self.records = Records(clock)
        self.people = People(self.records)
        self.hooks = Hooks(self.records)
        self.records.tell = self.hooks.tell
        rooms = (Company, Contacts, Deals, Activities)
        routes = [*chain.from_iterable(room(self.records).routes() for room in rooms), *self.hooks.routes()]
        self.scopes = {scope for route in routes for scope in route.scopes}
        self.oauth = OAuth(clock, self.scopes, api_domain=self.url)
        self.limits = Limits(clock, {TOKEN}, self.oauth)
        self.route("POST", "/oauth/token", self.oauth.token)
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        def admitted(request: Request) -> Response:
            headers = self.limits.admit(request, route.cost, route.scopes)
            route.check_query(request)
            with self.records_lock:
                answer = route.handler(request)
            return Response(answer.status, answer.body, {**answer.headers, **headers})

        self.route(route.method, route.pattern, admitted)

    def stop(self) -> None:
        self.hooks.stop()
        super().stop()

    def fault_body(self, status: int) -> Any:
        return {"success": False, "error": f"status {status}", "error_info": None, "data": None}

    def not_found(self, request: Request) -> Response:
        return Response(404, {"success": False, "error": f"Unknown method {request.method} {request.path}"})
