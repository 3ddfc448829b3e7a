"""What `headroom doctor` is told of Pipedrive: each scope, the currency and every name; and what can be made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from crm.base import AuthFailed, Finding, Invalid, PermissionDenied, Setup
from crm.pipedrive.api import PipedriveApi
from crm.pipedrive.company import ACTIVITY_TYPES, ME, PIPELINES, STAGES, Company
from crm.pipedrive.fields import named

APP = "Pipedrive, Developer Hub, your app, OAuth & access scopes"
NEW_KEY = "copy the API token from Pipedrive: Personal preferences > API; or install the app again for a refresh token"
RIGHTS = "Pipedrive, Manage users, permission sets"


@dataclass(frozen=True, slots=True)
class Need:
    """A scope that an OAuth app must have. `probe` is a read that it allows."""

    scope: str
    purpose: str
    probe: str


NEEDS = (
    Need("users:read", "see who can own a deal", "/api/v1/users"),
    Need("contacts:full", "find and add organisations", "/api/v2/organizations?limit=1"),
    Need("deals:full", "make, read and amend deals and notes", "/api/v2/deals?limit=1"),
    Need("activities:full", "add tasks", ACTIVITY_TYPES),
)
SEARCH = "search:read"
MAKE_FIELD = ("deal-fields:full", "admin")
HEAR = ("webhooks:full", "admin")


class Check:
    """One look at everything that the configuration names."""

    def __init__(self, api: PipedriveApi, setup: Setup) -> None:
        self.api = api
        self.setup = setup
        self.company = Company(api, setup)
        self.granted: frozenset[str] | None = None  # None: a user's own token, which may what the user may

    def findings(self) -> list[Finding]:
        try:
            scope = self.api.access.login().scope
            self.granted = None if scope is None else frozenset(scope.replace(",", " ").split())
            return [*self._signed_in(), *self._needs(), *self._names(), *self._hearing()]
        except AuthFailed as error:
            return [Finding(False, str(error), NEW_KEY)]

    def provided(self) -> list[Finding]:
        """Key field, pipeline and stage are there, or made now, or people are told to make them."""
        key = f"deal field '{self.setup.key_field}'"
        found = [self._provide(key, self.company.key_fields, self.company.make_key_field)]
        if self.setup.pipeline:
            found.append(self._provide(f"pipeline '{self.setup.pipeline}'", self.company.pipeline, self._make_pipeline))
        if self.setup.stage:
            found.append(self._provide(f"stage '{self.setup.stage}'", self.company.place, self._make_stage))
        return found

    def _signed_in(self) -> Iterator[Finding]:
        try:
            me = self.api.call("GET", ME)["data"]
        except PermissionDenied as error:
            yield Finding(False, f"the app lacks the scope base ({error})", f"add it: {APP}")
            return
        yield Finding(True, f"signed in to {me['company_domain']}.pipedrive.com as {me['name']}")
        yield self._currency()

    def _needs(self) -> Iterator[Finding]:
        for need in NEEDS:
            if self._lacks(need.scope):
                yield self._lacking(need.scope, need.purpose)
                continue
            try:
                self.api.call("GET", need.probe)
            except PermissionDenied as error:
                yield Finding(False, f"may not {need.purpose} (scope {need.scope}): {error}", f"allow it: {RIGHTS}")
            else:
                yield Finding(True, f"may {need.purpose} ({need.scope})")

    def _names(self) -> Iterator[Finding]:
        for look in (self._place, self._key_field, *self._configured()):
            try:
                yield look()
            except PermissionDenied:
                continue  # the scope that this needs has been named

    def _configured(self) -> Iterator[Callable[[], Finding]]:
        for name in self.setup.fields:
            yield partial(self._field, name)
        if self.setup.domain_field:
            yield self._domain_field

    def _hearing(self) -> Iterator[Finding]:
        if self._lacks(*HEAR):
            yield Finding(True, f"has no scope {HEAR[0]}: changed deals are seen by asking, not at once")

    def _lacks(self, *scopes: str) -> bool:
        """Whether none of them was granted, as far as we know."""
        return self.granted is not None and not self.granted & set(scopes)

    def _lacking(self, scope: str, purpose: str) -> Finding:
        return Finding(False, f"the app lacks the scope {scope}: it may not {purpose}", f"add it: {APP}")

    def _currency(self) -> Finding:
        codes = {row["code"] for row in self.api.call("GET", "/api/v1/currencies")["data"] if row["active_flag"]}
        known = self.setup.currency in codes
        fix = None if known else f"set [crm].currency to one of {', '.join(sorted(codes))}, or add it in Pipedrive"
        return Finding(known, f"currency {self.setup.currency}", fix)

    def _place(self) -> Finding:
        try:
            self.company.place()
        except Invalid as error:
            return Finding(False, str(error), f"set [crm].{error.field}, or make it in Pipedrive")
        return Finding(True, f"pipeline {self.setup.pipeline or '(default)'}, stage {self.setup.stage or '(first)'}")

    def _key_field(self) -> Finding:
        what = f"deal field '{self.setup.key_field}'"
        try:
            there = self.company.key_fields()
        except Invalid as error:
            return Finding(False, str(error), "set [crm].key_field to another name")
        if there:
            return Finding(True, what)
        if self._lacks(*MAKE_FIELD):
            fix = f"add a text field of that name in Pipedrive, or the scope {MAKE_FIELD[0]}: {APP}"
            return Finding(False, f"{what} is missing, and the app lacks the scope {MAKE_FIELD[0]} to make it", fix)
        return Finding(True, f"{what} is missing; the first deal makes it")

    def _field(self, name: str) -> Finding:
        fields = self.company.deal_fields()
        if named(fields, name):
            return Finding(True, f"deal field '{name}'")
        known = ", ".join(field.name for field in fields) or "none"
        fix = f"correct it in [crm.fields], or make it in Pipedrive; it has: {known}"
        return Finding(False, f"Pipedrive has no deal field '{name}' that can be filled", fix)

    def _domain_field(self) -> Finding:
        if self._lacks(SEARCH):
            return self._lacking(SEARCH, "find organisations by their domain")
        try:
            self.company.domain_field()
        except Invalid as error:
            return Finding(
                False, str(error), "set [crm].domain_field to a text field of organisations, or leave it out"
            )
        return Finding(True, f"organisation field '{self.setup.domain_field}'")

    def _provide(self, what: str, look: Callable[[], Any], make: Callable[[], None]) -> Finding:
        """`look` finds nothing, or raises Invalid, where it is missing."""
        try:
            if look():
                return Finding(True, f"{what} is there")
        except Invalid as error:
            if error.field == "key_field":
                return Finding(False, str(error), "set [crm].key_field to another name")
        try:
            make()
        except (PermissionDenied, Invalid) as error:
            return Finding(False, f"{what} is missing, and could not be made: {error}", f"make the {what} in Pipedrive")
        return Finding(True, f"{what} made")

    def _make_pipeline(self) -> None:
        self.api.write("POST", PIPELINES, {"name": self.setup.pipeline})

    def _make_stage(self) -> None:
        pipeline = self.company.pipeline()
        if pipeline is None:
            raise Invalid("it needs a pipeline to be in: set [crm].pipeline", "pipeline")
        self.api.write("POST", STAGES, {"name": self.setup.stage, "pipeline_id": pipeline})
