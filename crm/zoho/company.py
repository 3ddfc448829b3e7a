"""What the names of the configuration stand for in this company: asked once and kept."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from crm.base import FieldValue, Invalid, Setup
from crm.zoho.api import Row, ZohoApi
from crm.zoho.fields import Field, named
from crm.zoho.forms import LONGEST_TITLE, DealForm
from crm.zoho.places import Place, Places, ask_places

FIELDS = "/settings/fields"
WEBSITE = "Website"
OURS = ("Deal_Name", "Account_Name", "Owner", "Closing_Date", "Layout", "Pipeline", "Stage", "Currency", "Amount")
MODULES = "Setup, Customization, Modules and Fields"
T = TypeVar("T")


class Company:
    """Fields, pipelines and stages by their names; `home` is where people work with Zoho, "zoho.eu" for instance."""

    def __init__(self, api: ZohoApi, setup: Setup, home: str) -> None:
        self.api = api
        self.setup = setup
        self.home = home
        self._known: dict[str, Any] = {}
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Something may have been renamed, or deleted and made anew."""
        with self._lock:
            self._known.clear()

    def form(self) -> DealForm:
        """Asked for before a write: nothing may fail between a good answer and its reading.

        Raises Invalid without a unique key field: nothing would keep deals from being made twice.
        """
        return self._once("form", self._ask_form)

    def look_again(self) -> None:
        """Zoho passes over fields that it does not know: that ours is there, and unique, must not be an old tale."""
        fields = self._ask_fields("Deals")
        with self._lock:
            if fields != self._known.get("fields"):
                self.forget()
                self._known["fields"] = fields

    def place(self) -> Place:
        return self.places().place(self.setup.pipeline, self.setup.stage)

    def places(self) -> Places:
        return self._once("places", lambda: ask_places(self.api, frozenset(field.code for field in self.fields())))

    def fields(self) -> list[Field]:
        """All fields of deals."""
        return self._once("fields", lambda: self._ask_fields("Deals"))

    def encoded(self, values: Mapping[str, FieldValue]) -> Row:
        """The values by the API names of their fields. Raises Invalid for the first that cannot be written."""
        found = [(self.field(name), name, value) for name, value in values.items()]
        return {field.code: field.written(name, value) for field, name, value in found}

    def field(self, name: str) -> Field:
        """A field of deals that can be filled and is not ours already."""
        if field := self._fillable(name):
            return field
        self.forget()  # people may just have made it
        if field := self._fillable(name):
            return field
        known = ", ".join(field.name for field in self.fillable())
        raise Invalid(f"Zoho has no deal field '{name}' that can be filled; it has: {known or 'none'}", name)

    def fillable(self) -> list[Field]:
        """Those that people or we may fill, apart from those that a new deal gets anyway."""
        key = named(self.fields(), self.setup.key_field)
        return [
            field
            for field in self.fields()
            if field.writable and field.kind and field.code not in OURS and field != key
        ]

    def key_field(self) -> Field:
        """Raises Invalid where it is missing, no text, or not unique."""
        label, where = self.setup.key_field, f"{MODULES}, Deals, Fields"
        field = named(self.fields(), label)
        if field is None or field.kind != "text":
            what = "has no" if field is None else "has another kind of field under the name of the"
            how = f"add a Single Line field '{label}' with 'Do not allow duplicate values' under {where}"
            raise Invalid(f"Zoho {what} deal field '{label}': run `headroom doctor --fix`, or {how}", "key_field")
        if not field.unique:
            how = f"under {where} edit the properties of '{label}' and tick 'Do not allow duplicate values'"
            message = f"Zoho's deal field '{label}' is not unique, so deals could be made twice: {how}"
            raise Invalid(message, "key_field")
        return field

    def domain_field(self) -> str:
        """The API name of the account field that holds the domain: its own, else the web site."""
        return self._once("domain", self._ask_domain_field) if self.setup.domain_field else WEBSITE

    def home_currency(self) -> str:
        return str(self._org().get("iso_code"))

    def name_of(self, code: str) -> str | None:
        """What people call a field, as far as we know it."""
        with self._lock:
            known = cast(list[Field], self._known.get("fields") or [])
        return next((field.name for field in known if field.code == code), None)

    def ask_fields(self) -> list[Field]:
        """All fields of deals as they are now."""
        self.forget()
        return self.fields()

    def _fillable(self, name: str) -> Field | None:
        return named(self.fillable(), name)

    def _ask_form(self) -> DealForm:
        key, known = self.key_field(), frozenset(field.code for field in self.fields())
        wanted = {name: field for name in self.setup.fields if (field := self._fillable(name))}
        title = next((field.length for field in self.fields() if field.code == "Deal_Name"), LONGEST_TITLE)
        return DealForm(self._link(), self._currency(known), key.code, wanted, known, self.places(), title)

    def _currency(self, known: frozenset[str]) -> str | None:
        """None where the company has only one, and it is the configured one."""
        if "Currency" in known:
            return self.setup.currency
        if self.home_currency() == self.setup.currency:
            return None
        raise Invalid(f"Zoho's only currency is {self.home_currency()}, not {self.setup.currency}", "currency")

    def _link(self) -> str:
        org = self._org()
        host = "crmsandbox" if org.get("type") == "Sandbox" else "crm"
        return f"https://{host}.{self.home}/crm/org{org['zgid']}/tab/Potentials/"

    def _org(self) -> Row:
        return self._once("org", lambda: self.api.call("GET", "/org")["org"][0])

    def _ask_fields(self, module: str) -> list[Field]:
        return [Field.of(row) for row in self.api.call("GET", FIELDS, {"module": module})["fields"]]

    def _ask_domain_field(self) -> str:
        name = self.setup.domain_field or ""
        field = named(self._ask_fields("Accounts"), name)
        if field is None or field.kind != "text":
            raise Invalid(f"Zoho has no account field '{name}' that holds a text", "domain_field")
        return field.code

    def _once(self, what: str, ask: Callable[[], T]) -> T:
        with self._lock:
            if what not in self._known:
                self._known[what] = ask()
            return cast(T, self._known[what])
