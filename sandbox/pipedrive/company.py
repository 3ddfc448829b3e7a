"""Routes of what belongs to the whole company: users, currencies, pipelines, stages, fields, kinds of activities."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.pipedrive import strictness
from sandbox.pipedrive.answers import PAGING, SORTING, V1, V2, Route, good, page
from sandbox.pipedrive.records import Records
from sandbox.pipedrive.strictness import checked, failure
from sandbox.server import Request, Response

READ_DEALS = ("deals:read", "deals:full")
ACTIVITIES = ("activities:read", "activities:full")
CONTACT_FIELDS = ("contacts:read", "contacts:full", "admin", "contact-fields:full")
DEAL_FIELDS = ("deal-fields:full", "admin")


@dataclass(frozen=True, slots=True)
class Company:
    records: Records

    def routes(self) -> Iterator[Route]:
        paged = (*PAGING, *SORTING)
        fields = (*PAGING, "include_fields")
        yield Route("GET", V1 + "users/me", 2, ("base",), self._me)
        yield Route("GET", V1 + "users", 20, ("users:read",), lambda _: good(self.records.users))
        yield Route("GET", V1 + "currencies", 20, ("base",), self._currencies)
        yield Route("GET", V1 + "activityTypes", 20, (*ACTIVITIES, "admin"), self._activity_types)
        yield Route("GET", V2 + "pipelines", 5, (*READ_DEALS, "admin"), self._pipelines, paged)
        yield Route("POST", V2 + "pipelines", 5, ("admin",), self._add_pipeline)
        yield Route("GET", V2 + "stages", 5, (*READ_DEALS, "admin"), self._stages, (*paged, "pipeline_id"))
        yield Route("POST", V2 + "stages", 5, ("admin",), self._add_stage)
        yield Route("GET", V2 + "dealFields", 10, (*READ_DEALS, *DEAL_FIELDS), self._deal_fields, fields)
        yield Route("POST", V2 + "dealFields", 5, DEAL_FIELDS, self._add_field)
        yield Route("GET", V2 + "organizationFields", 10, CONTACT_FIELDS, self._organisation_fields, fields)

    def _me(self, _: Request) -> Response:
        return good({**self.records.users[0], "company_domain": self.records.company_domain})

    def _currencies(self, _: Request) -> Response:
        return good([{"code": code, "active_flag": True} for code in self.records.currencies])

    def _activity_types(self, _: Request) -> Response:
        return good(self.records.activity_types)

    def _pipelines(self, request: Request) -> Response:
        return page(request, self.records.pipelines)

    def _add_pipeline(self, request: Request) -> Response:
        body = checked(request.json(), strictness.PIPELINE, ("name",))
        self.records.pipelines.append({"id": max(row["id"] for row in self.records.pipelines) + 1, **body})
        return good(self.records.pipelines[-1])

    def _stages(self, request: Request) -> Response:
        pipeline = request.query.get("pipeline_id")
        return page(request, [row for row in self.records.stages if pipeline in (None, str(row["pipeline_id"]))])

    def _add_stage(self, request: Request) -> Response:
        body = checked(request.json(), strictness.STAGE, ("name", "pipeline_id"))
        if body["pipeline_id"] not in {row["id"] for row in self.records.pipelines}:
            raise failure(400, f"Pipeline {body['pipeline_id']} does not exist", "pipeline_id")
        self.records.stages.append({"id": max(row["id"] for row in self.records.stages) + 1, **body})
        return good(self.records.stages[-1])

    def _deal_fields(self, request: Request) -> Response:
        return page(request, self.records.definitions.listed("deal", _extras(request)))

    def _organisation_fields(self, request: Request) -> Response:
        return page(request, self.records.definitions.listed("organization", _extras(request)))

    def _add_field(self, request: Request) -> Response:
        body = checked(request.json(), strictness.FIELD, ("field_name", "field_type"))
        if body["field_type"] in ("enum", "set") and not body.get("options"):
            raise failure(400, "Field 'options' is required", "options")
        labels = [one["label"] for one in body.get("options") or ()]
        return good(self.records.add_field("deal", body["field_name"], body["field_type"], labels))


def _extras(request: Request) -> list[str]:
    return request.query.get("include_fields", "").split(",")
