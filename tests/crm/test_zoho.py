"""Zoho keeps the contract, and what is its own: unique keys, statuses of records, tokens, queries, channels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from crm import adapter
from crm.base import Crm, FieldKind, FieldValue, Record, RecordKind, Setup
from crm.oauth import Grant
from sandbox.zoho import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer
from sandbox.zoho.answers import Row
from tests.crm.clock import Passing
from tests.crm.contract import SETUP, CrmContract, draft
from tests.crm.grants import KeptGrants

FIELD_TYPES: Mapping[FieldKind, str] = {
    "text": "text",
    "number": "double",
    "date": "date",
    "boolean": "boolean",
    "choice": "picklist",
}


@dataclass
class ZohoVendor:
    server: ZohoServer
    client: httpx.Client
    clock: Passing
    writes = ("POST /crm/v8/Accounts", "POST /crm/v8/Deals", "POST /crm/v8/Notes")
    page = 200
    looks_before_a_deal = 1  # whether it still keeps keys apart

    @property
    def scopes(self) -> Sequence[str]:
        return sorted(self.server.access.scopes - {"ZohoCRM.notifications.ALL"})

    def connect(self, setup: Setup, token: str | None = None) -> Crm:
        """With a token of its own: as the refresh token, and as the access token that is kept."""
        grant = Grant(token, timedelta(hours=1), url=self.server.url) if token else None
        return self.with_grants(setup, KeptGrants(grant), ZOHO_REFRESH_TOKEN=token or REFRESH_TOKEN)

    def with_grants(self, setup: Setup, grants: KeptGrants, **changes: str) -> Crm:
        given = {
            "ZOHO_CLIENT_ID": CLIENT_ID,
            "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
            "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
            "ZOHO_ACCOUNTS_URL": self.server.url,
            **changes,
        }
        return adapter("zoho").connect(self.client, given, setup, grants)

    def without(self, scope: str) -> Crm:
        self.wait(timedelta(minutes=10))  # no more than ten access tokens within ten minutes
        every = self.server.access.scopes
        self.server.access.scopes = every - {scope}
        grants = KeptGrants()
        crm = self.with_grants(SETUP, grants)
        grants.current(crm.api.access.renew)  # type: ignore[attr-defined]  # the token has its scopes from now on
        self.server.access.scopes = every
        return crm

    def organisations(self) -> list[str]:
        return [row["Account_Name"] for row in self.server.records.rows["Accounts"].values()]

    def note_texts(self, deal_id: str) -> list[str]:
        notes = self.server.records.rows["Notes"].values()
        return [f"{row['Note_Title']}\n{row['Note_Content']}" for row in notes if row["Parent_Id"]["id"] == deal_id]

    def task_subjects(self, parent: Record) -> list[str]:
        tasks = self.server.records.rows["Tasks"].values()
        return [row["Subject"] for row in tasks if row["What_Id"]["id"] == parent.id]

    def currency(self, deal_id: str) -> str:
        return str(self.deal(deal_id)["Currency"])

    def stage(self, deal_id: str) -> tuple[str, str]:
        return self.deal(deal_id)["Pipeline"], self.deal(deal_id)["Stage"]

    def deal(self, deal_id: str) -> Row:
        return self.server.records.rows["Deals"][deal_id]

    def hooks(self) -> list[str]:
        return [row["notify_url"] for row in self.server.watch.living()]

    def messages(self, deal_ids: Sequence[str]) -> list[tuple[Mapping[str, str], bytes]]:
        (channel,) = self.server.watch.living()
        return [({}, self.server.watch.message(channel, "Deals", "update", list(deal_ids)))]

    def lag_search(self, by: timedelta) -> None:
        self.server.records.search_lag = by

    def wait(self, by: timedelta) -> None:
        self.clock.ahead += by

    def crowd(self, kind: RecordKind, count: int, parent: Record | None = None) -> None:
        of = {"id": parent.id} if parent else None
        for number in range(count):
            match kind:
                case "organisation":
                    self.server.records.add("Accounts", {"Account_Name": f"Company {number}"})
                case "deal":
                    self.server.people.add(f"Deal {number}", str(of and of["id"]), "Upsell")
                case "note":
                    held = {"module": {"api_name": "Deals"}, **(of or {})}
                    self.server.records.add("Notes", {"Note_Content": "x", "Parent_Id": held})
                case "task":
                    self.server.records.add("Tasks", {"Subject": "x", "What_Id": of, "$se_module": "Deals"})

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = (), required: bool = False) -> None:
        self.server.records.definitions.add("Deals", name, FIELD_TYPES[kind], options, _required=required)

    def deal_by_hand(self, title: str, organisation_id: str, pipeline: str = "Upsell") -> str:
        return str(self.server.people.add(title, organisation_id, pipeline, 700)["id"])

    def edit(self, deal_id: str, field: str, value: FieldValue) -> None:
        self.server.people.edit(deal_id, field, value)

    def win(self, deal_id: str) -> None:
        self.server.people.win(deal_id)

    def lose(self, deal_id: str, reason: str) -> None:
        self.server.people.lose(deal_id, reason)

    def reopen(self, deal_id: str) -> None:
        self.server.people.reopen(deal_id)

    def remove(self, deal_id: str) -> None:
        self.server.people.delete(deal_id)

    def archive(self, deal_id: str) -> None:
        """Zoho has no archive: what people have done with is deleted."""
        self.server.people.delete(deal_id)

    def merge(self, deal_id: str, into: str) -> None:
        self.server.people.merge(deal_id, into)

    def drop_hooks(self) -> None:
        self.server.watch.held.clear()


@pytest.fixture
def vendor() -> Iterator[ZohoVendor]:
    clock = Passing()
    with ZohoServer(clock) as server, httpx.Client() as client:
        server.records.definitions.add("Deals", "Headroom key", unique={"casesensitive": "true"})
        yield ZohoVendor(server, client, clock)
        assert server.errors == []


class TestZoho(CrmContract):
    """The contract, against the sandbox's Zoho."""

    def test_every_deal_of_a_key_is_found_the_oldest_first(self, crm: Crm) -> None:
        ids = {crm.create_deal(draft(crm)).id for _ in range(3)}
        assert len(ids) == 1
        assert {deal.id for deal in crm.find_deals_by_key("up:1", draft(crm).organisation_id)} == ids

    def test_deals_that_are_gone_are_found_only_if_asked_for(self, crm: Crm, vendor: ZohoVendor) -> None:  # type: ignore[override]  # it looks at its own vendor
        """Of what is deleted Zoho shows the name and no key: it is not found, asked for or not."""
        made = crm.create_deal(draft(crm))
        vendor.remove(made.id)
        assert crm.find_deals_by_key("up:1", draft(crm).organisation_id) == []
        assert crm.find_deals_by_key("up:1", draft(crm).organisation_id, gone_too=True) == []
