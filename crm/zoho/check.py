"""What `headroom doctor` is told of Zoho: each scope, the currency and every name; and what can be made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from crm.base import Ambiguous, AuthFailed, Finding, Invalid, NotApplied, PermissionDenied, Setup
from crm.zoho.api import ZohoApi
from crm.zoho.company import FIELDS, MODULES, OURS, Company
from crm.zoho.fields import LONGEST_TEXT, named
from crm.zoho.scopes import CONSOLE, SCOPES

CREDENTIALS = (
    "ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN have to be of one client, and ZOHO_ACCOUNTS_URL of the "
    "data centre where it was made: https://accounts.zoho.eu, .in, .com.au, .jp and so on"
)
RIGHTS = "Zoho, Setup, Security Control, Profiles: let this user's profile do it, and use the API"


@dataclass(frozen=True, slots=True)
class Need:
    """A scope that our access must have. `ask` is a read that it allows."""

    path: str
    purpose: str
    ask: Callable[[ZohoApi], Any]


def _list(path: str) -> Callable[[ZohoApi], Any]:
    """Of one id, which nothing has: a list of notes may not be asked for without ids."""
    return lambda api: api.call("GET", path, {"fields": "id", "ids": "1"})


NEEDS = (
    Need("/users", "see who can own a deal", lambda api: api.call("GET", "/users", {"type": "ActiveUsers"})),
    Need("/Deals", "make, read and amend deals", _list("/Deals")),
    Need("/Accounts", "find and add accounts", _list("/Accounts")),
    Need("/Notes", "write notes", _list("/Notes")),
    Need("/Tasks", "add tasks", _list("/Tasks")),
    Need("/settings/fields", "see fields", lambda api: api.call("GET", FIELDS, {"module": "Deals"})),
    Need("/settings/layouts", "see layouts", lambda api: api.call("GET", "/settings/layouts", {"module": "Deals"})),
    Need("/coql", "find records", lambda api: api.query("select id from Deals where id is not null limit 1")),
)


class Check:
    """One look at everything that the configuration names."""

    def __init__(self, api: ZohoApi, setup: Setup, home: str) -> None:
        self.api = api
        self.setup = setup
        self.company = Company(api, setup, home)

    def findings(self) -> list[Finding]:
        try:
            return [*self._signed_in(), *self._needs(), *self._names(), *self._hearing()]
        except AuthFailed as error:
            return [Finding(False, str(error), CREDENTIALS)]

    def provided(self) -> list[Finding]:
        """The key field is there, or made now. Pipelines need stages and their probabilities: people make those."""
        found = [self._provide_key_field()]
        if self.setup.pipeline or self.setup.stage:
            found.append(self._place())
        return found

    def _signed_in(self) -> Iterator[Finding]:
        try:
            org = self.api.call("GET", "/org")["org"][0]
        except PermissionDenied as error:
            yield self._lacking(error, SCOPES["/org"], "see the company")
            return
        yield Finding(True, f"signed in to {org['company_name']} (organisation {org['zgid']})")
        yield self._currency(str(org.get("iso_code")))

    def _needs(self) -> Iterator[Finding]:
        for need in NEEDS:
            scope = SCOPES[need.path]
            try:
                need.ask(self.api)
            except PermissionDenied as error:
                yield self._lacking(error, scope, need.purpose)
            else:
                yield Finding(True, f"may {need.purpose} ({scope})")

    def _lacking(self, error: PermissionDenied, scope: str, purpose: str) -> Finding:
        fix = f"{CONSOLE}" if scope in str(error) else RIGHTS
        return Finding(False, f"may not {purpose} ({scope}): {error}", fix)

    def _currency(self, home: str) -> Finding:
        """Where there is but one currency, its list is empty or not to be had."""
        try:
            rows = self.api.call("GET", "/org/currencies").get("currencies") or ()
        except PermissionDenied as error:
            if SCOPES["/org/currencies"] in str(error):
                return self._lacking(error, SCOPES["/org/currencies"], "see the currencies")
            rows = ()
        codes = {row["iso_code"] for row in rows if row.get("is_active") is not False} or {home}
        known = self.setup.currency in codes
        fix = None if known else f"set [crm].currency to one of {', '.join(sorted(codes))}, or add it in Zoho"
        return Finding(known, f"currency {self.setup.currency}", fix)

    def _names(self) -> Iterator[Finding]:
        for look in (self._key_field, self._place, self._demanded, *self._configured()):
            try:
                yield look()
            except PermissionDenied as error:
                if SCOPES["/settings/pipeline"] in str(error):
                    yield self._lacking(error, SCOPES["/settings/pipeline"], "see pipelines and stages")
                    return  # the scopes that the others need have been named

    def _configured(self) -> Iterator[Callable[[], Finding]]:
        for name in self.setup.fields:
            yield partial(self._field, name)
        if self.setup.domain_field:
            yield self._domain_field

    def _hearing(self) -> Iterator[Finding]:
        try:
            self.api.call("GET", "/actions/watch")
        except PermissionDenied:
            scope = SCOPES["/actions/watch"]
            yield Finding(True, f"has no scope {scope}: changed deals are seen by asking, not at once")

    def _place(self) -> Finding:
        try:
            place = self.company.place()
        except Invalid as error:
            where = f"{MODULES}, Deals: the layout's stages, and Pipelines beside it"
            return Finding(False, str(error), f"set [crm].{error.field}, or make it under {where}")
        return Finding(True, f"pipeline {place.pipeline or '(Zoho has but one)'}, stage {place.stage}")

    def _key_field(self) -> Finding:
        try:
            field = self.company.key_field()
        except Invalid as error:
            what, _, fix = str(error).partition(": ")
            return Finding(False, what, fix, blocks=True)
        return Finding(True, f"deal field '{field.name}', unique")

    def _demanded(self) -> Finding:
        """What the layout demands of every deal, and neither we nor [crm.fields] fill."""
        try:
            layout = self.company.place().layout
        except Invalid:
            return Finding(True, "what deals must hold is looked at once pipeline and stage are right")
        demanded = self.company.places().demanded[layout]
        filled = {field.code for name in self.setup.fields if (field := named(self.company.fillable(), name))}
        lacking = [
            field.name
            for field in self.company.fields()
            if (field.required or field.code in demanded)
            and field.writable
            and field.code not in {*OURS, *filled}
            and field.name != self.setup.key_field
        ]
        if not lacking:
            return Finding(True, "nothing else is demanded of a new deal")
        names = ", ".join(f"'{name}'" for name in lacking)
        fix = f"fill {names} in [crm.fields], or make it optional in the layout of deals"
        return Finding(False, f"Zoho takes no deal without {names}", fix)

    def _field(self, name: str) -> Finding:
        try:
            self.company.field(name)
        except Invalid as error:
            what, _, known = str(error).partition("; it has: ")
            return Finding(False, what, f"correct it in [crm.fields], or make it in Zoho; it has: {known}")
        return Finding(True, f"deal field '{name}'")

    def _domain_field(self) -> Finding:
        try:
            self.company.domain_field()
        except Invalid as error:
            fix = "set [crm].domain_field to a text field of accounts, or leave it out"
            return Finding(False, str(error), fix)
        return Finding(True, f"account field '{self.setup.domain_field}'")

    def _provide_key_field(self) -> Finding:
        if (there := self._key_field()).ok:
            return there
        field = named(self.company.fields(), self.setup.key_field)
        if field is not None and field.kind != "text":
            return there
        try:
            if field is None:
                self._make_key_field()
            else:
                self.api.write("PATCH", f"{FIELDS}/{field.id}?module=Deals", {"unique": UNIQUE}, under="fields")
        except Ambiguous as error:  # whether it is there is seen by the next look
            raise NotApplied(str(error)) from error
        except (PermissionDenied, Invalid) as error:
            return Finding(
                False, f"{there.what}, and Zoho does not let us change that: {error}", there.fix, blocks=True
            )
        self.company.forget()
        made = self._key_field()
        return Finding(True, f"deal field '{self.setup.key_field}' made, unique") if made.ok else made

    def _make_key_field(self) -> None:
        row = {
            "field_label": self.setup.key_field,
            "data_type": "text",
            "length": LONGEST_TEXT,
            "unique": UNIQUE,
        }
        self.api.write("POST", f"{FIELDS}?module=Deals", row, under="fields")


UNIQUE = {"casesensitive": True}
