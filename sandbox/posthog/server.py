"""PostHog's private API, as far as a usage bot needs it."""
# ruff: noqa: S608 - names in this SQL are our own, values are quoted

from datetime import UTC, datetime
from typing import Any

from bot.model import Clock
from sandbox.posthog import clickhouse, errors
from sandbox.posthog.access import Keys, Limits
from sandbox.posthog.answers import Answers
from sandbox.posthog.project import Project
from sandbox.server import Request, Response, Server


class PostHog(Server):
    """One project at `url`. `keys`, `limits`, `answers.heavy` and `faults` may be changed while it runs."""

    def __init__(
        self,
        clock: Clock = lambda: datetime.now(UTC),
        *,
        timezone: str = "UTC",
        project: Project | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(clock, port)
        self.project = project or Project(clock, timezone)
        self.project_id = "1"
        self.keys = Keys()
        self.limits = Limits()
        self.answers = Answers(self.project, clock)
        for base in ("/api/projects/{project}/", "/api/environments/{project}/"):
            self.route("POST", base + "query/", self._query)
            self.route("GET", base + "query/{id}/", self._poll)
            self.route("GET", base, self._show_project)
            self.route("GET", base + "groups_types/", self._group_types)
            self.route("GET", base + "event_definitions/", self._event_definitions)
            self.route("GET", base + "property_definitions/", self._property_definitions)
        self.route("GET", "/api/users/@me/", self._me)

    def stop(self) -> None:
        super().stop()
        self.project.close()

    def fault_body(self, status: int) -> Any:
        return errors.fault_body(status)

    def not_found(self, _: Request) -> Response:
        return Response(404, errors.error_body("invalid_request", "not_found", "Not found."))

    def _allow(self, request: Request, scope: str) -> None:
        self.keys.check(request, scope)
        if request.params.get("project", self.project_id) != self.project_id:
            raise errors.refuse(404, "invalid_request", "not_found", "Project not found.")

    def _query(self, request: Request) -> Response:
        self._allow(request, "query:read")
        self.limits.count()
        with self.limits.slot():
            return self.answers.answer(request.body)

    def _poll(self, request: Request) -> Response:
        self._allow(request, "query:read")
        return self.answers.poll(request.params["id"])

    def _show_project(self, request: Request) -> Response:
        self._allow(request, "project:read")
        return Response(200, {"id": int(self.project_id), "name": "Sandbox", "timezone": self.project.timezone})

    def _group_types(self, request: Request) -> Response:
        self._allow(request, "group:read")
        kinds = enumerate(self.project.group_types)
        return Response(
            200,
            [
                {"group_type": kind, "group_type_index": index, "name_singular": None, "name_plural": None}
                for index, kind in kinds
            ],
        )

    def _event_definitions(self, request: Request) -> Response:
        self._allow(request, "event_definition:read")
        _, rows = clickhouse.rows(
            f"SELECT event, max(timestamp) FROM {self.project.database}.events GROUP BY event ORDER BY event"
        )
        return _page(request, [{"id": name, "name": name, "last_seen_at": seen} for name, seen in rows])

    def _property_definitions(self, request: Request) -> Response:
        self._allow(request, "property_definition:read")
        owner = request.query.get("type", "event")
        if owner == "group":
            owner = f"group_{request.query.get('group_type_index', '0')}"
        found = [
            {"id": f"{owner}:{name}", "name": name, "property_type": kind, "is_numerical": kind == "Numeric"}
            for name, kind in sorted(self.project.property_definitions(owner).items())
        ]
        return _page(request, found)

    def _me(self, request: Request) -> Response:
        self.keys.check(request, "user:read")
        return Response(200, {"uuid": "00000000-0000-0000-0000-000000000001", "email": "bot@sandbox.example"})


def _page(request: Request, found: list[dict[str, Any]]) -> Response:
    """Django's pages: search, limit, offset, and the address of the next one."""
    search = request.query.get("search", "").lower()
    found = [item for item in found if search in item["name"].lower()]
    limit, offset = int(request.query.get("limit", 100)), int(request.query.get("offset", 0))
    more = offset + limit < len(found)
    host = request.headers.get("host", "")
    following = f"http://{host}{request.path}?limit={limit}&offset={offset + limit}" if more else None
    return Response(
        200, {"count": len(found), "next": following, "previous": None, "results": found[offset : offset + limit]}
    )
