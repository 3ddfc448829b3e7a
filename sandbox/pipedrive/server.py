"""The sandbox's Pipedrive: v2, and v1 where v2 has nothing, behind one door, and its OAuth server."""

import threading
import time
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from bot.model import Clock
from sandbox.faults import Fault
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
from sandbox.server import CONTROL, Request, Response, Server

TOKEN = "sandbox-pipedrive-token"  # noqa: S105 - opens nothing but this sandbox


class PipedriveServer(Server):
    """`records` is the company's data, `people` those who work on it, `hooks` who hears of it, `limits` its door,
    `latency` the seconds that each call takes."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), port: int = 0) -> None:
        super().__init__(clock, port)
        self.records = Records(clock)
        self.people = People(self.records)
        self.hooks = Hooks(self.records)
        self.records.tell = self.hooks.tell
        self.latency = 0.0
        self._records_lock = threading.RLock()
        self._under_way = 0
        self._quiet = threading.Condition()
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
            with self._records_lock:
                answer = route.handler(request)
            return Response(answer.status, answer.body, {**answer.headers, **headers})

        self.route(route.method, route.pattern, admitted)

    def stop(self) -> None:
        self.hooks.stop()
        super().stop()

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
