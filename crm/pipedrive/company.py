"""What the names of the configuration stand for in this company: asked once and kept."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from crm.base import Ambiguous, FieldValue, Invalid, NotApplied, PermissionDenied, Setup
from crm.pipedrive.api import PipedriveApi, Row
from crm.pipedrive.fields import KINDS, Field, named
from crm.pipedrive.forms import DealForm
from crm.text import same

PIPELINES, STAGES, DEAL_FIELDS = "/api/v2/pipelines", "/api/v2/stages", "/api/v2/dealFields"
ORGANISATION_FIELDS, ACTIVITY_TYPES = "/api/v2/organizationFields", "/api/v1/activityTypes"
ME = "/api/v1/users/me"
USUAL_TASK = "call"
T = TypeVar("T")


class Company:
    """Ids of pipeline, stage, fields and kinds of activities, by their names."""

    def __init__(self, api: PipedriveApi, setup: Setup) -> None:
        self.api = api
        self.setup = setup
        self._known: dict[str, Any] = {}
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Something may have been renamed, or deleted and made anew."""
        with self._lock:
            self._known.clear()

    def form(self, writing: bool = False) -> DealForm:
        """Asked for before a write: nothing may fail between a good answer and its reading.

        Who only reads makes no field, and where there is none yet it is looked for each time: another replica may
        just have made it.
        """
        with self._lock:
            known = cast(DealForm | None, self._known.get("form")) or self._ask_form(writing)
            if known.key_fields:
                self._known["form"] = known
            return known

    def encoded(self, fields: Mapping[str, FieldValue]) -> Row:
        """The values by the codes of their fields. Raises Invalid for the first that cannot be written."""
        return {
            field.code: field.written(name, value, self.setup.currency)
            for name, value in fields.items()
            for field in [self._field(name)]
        }

    def place(self) -> Row:
        """pipeline_id and stage_id, as far as they are configured."""
        return self._once("place", self._ask_place)

    def pipeline(self) -> int | None:
        name = self.setup.pipeline
        return self._once("pipeline", lambda: self._pipeline_id(name)) if name else None

    def domain_field(self) -> str | None:
        return self._once("domain", self._ask_domain_field) if self.setup.domain_field else None

    def task_type(self) -> str:
        return self._once("task", self._ask_task_type)

    def deal_fields(self) -> list[Field]:
        """The fields that people made and that can be filled from here, the oldest first; not those of our key."""
        return [field for field in self._all_fields() if not same(field.name, self.setup.key_field)]

    def key_fields(self) -> list[str]:
        """The codes of the text fields of that name."""
        return self._keys(self._all_fields())

    def make_key_field(self) -> None:
        field = {"field_name": self.setup.key_field, "field_type": "varchar"}
        try:
            self.api.call("POST", DEAL_FIELDS, body=field)
        except Ambiguous as error:  # no deal has been sent yet, and the next try looks for the field again
            raise NotApplied(str(error)) from error
        except PermissionDenied as error:
            where = "Company settings > Data fields > Deal"
            raise PermissionDenied(f"{error}. Add a text field '{self.setup.key_field}' under {where}") from error

    def name_of(self, code: str) -> str | None:
        """What people call a field, as far as we know it."""
        with self._lock:
            known = cast(list[Field], self._known.get("fields") or [])
        return next((field.name for field in known if field.code == code), None)

    def _ask_form(self, writing: bool) -> DealForm:
        fields = self._fields()
        if writing and not self._keys(fields):
            self.make_key_field()
            fields = self._fields()
            if not self._keys(fields):
                raise NotApplied(f"Pipedrive does not show the new deal field '{self.setup.key_field}' yet")
        wanted = {name: field for name in self.setup.fields if (field := named(fields, name))}
        domain = str(self.api.call("GET", ME)["data"]["company_domain"])
        return DealForm(domain, self.setup.currency, self._keys(fields), wanted)

    def _keys(self, fields: Iterable[Field]) -> list[str]:
        ours = [field for field in fields if same(field.name, self.setup.key_field)]
        texts = [field.code for field in ours if field.type == "varchar"]
        if ours and not texts:
            raise Invalid(f"Pipedrive's deal field '{self.setup.key_field}' takes no text", "key_field")
        return texts

    def _field(self, name: str) -> Field:
        if field := named(self._fields(), name):
            return field
        self.forget()  # people may just have made it
        fields = self._fields()
        if field := named(fields, name):
            return field
        known = ", ".join(field.name for field in fields if not same(field.name, self.setup.key_field))
        raise Invalid(f"Pipedrive has no deal field '{name}' that can be filled; it has: {known or 'none'}", name)

    def _fields(self) -> list[Field]:
        """Kept as soon as there is a field for our key."""
        with self._lock:
            fields = cast(list[Field] | None, self._known.get("fields")) or self._all_fields()
            if self._keys(fields):
                self._known["fields"] = fields
            return fields

    def _all_fields(self) -> list[Field]:
        rows = self.api.pages(DEAL_FIELDS, include_fields="required_fields")
        return [Field.of(row) for row in rows if row["is_custom_field"] and row["field_type"] in KINDS]

    def _ask_place(self) -> Row:
        ids: Row = {}
        if (pipeline := self.pipeline()) is not None:
            ids["pipeline_id"] = pipeline
        if self.setup.stage:
            ids["stage_id"] = self._id_by_name("stage", self.api.pages(STAGES, **ids), self.setup.stage)
        return ids

    def _pipeline_id(self, name: str) -> int:
        return self._id_by_name("pipeline", self.api.pages(PIPELINES), name)

    def _id_by_name(self, kind: str, found: Iterable[Row], name: str) -> int:
        rows = list(found)
        for row in rows:
            if same(row["name"], name):
                return int(row["id"])
        raise Invalid(f"Pipedrive has no {kind} '{name}'; it has: {', '.join(row['name'] for row in rows)}", kind)

    def _ask_domain_field(self) -> str:
        for row in self.api.pages(ORGANISATION_FIELDS):
            if row["field_type"] == "varchar" and same(row["field_name"], self.setup.domain_field or ""):
                return str(row["field_code"])
        raise Invalid(f"Pipedrive has no organisation field '{self.setup.domain_field}'", "domain_field")

    def _ask_task_type(self) -> str:
        rows = [row for row in self.api.call("GET", ACTIVITY_TYPES)["data"] if row["active_flag"]]
        if not rows:
            raise Invalid("Pipedrive has no kind of activity that is in use", "type")
        kinds = [str(row["key_string"]) for row in sorted(rows, key=lambda row: row.get("order_nr") or 0)]
        return USUAL_TASK if USUAL_TASK in kinds else kinds[0]

    def _once(self, what: str, ask: Callable[[], T]) -> T:
        with self._lock:
            if what not in self._known:
                self._known[what] = ask()
            return cast(T, self._known[what])
