"""The open deals of the CRM's pipeline: each of the account that it surely belongs to, and known since it was seen."""

from collections.abc import Iterator

import pytest

from bot.deals.follow import Follow
from bot.doctor import following
from bot.model import Account
from bot.store import Database, accounts, open_deals
from bot.store.deal_accounts import Accounts
from bot.store.open_deals import OpenDeal
from crm.base import CrmError
from sandbox import faults
from sandbox.pipedrive import PipedriveServer
from tests.bot.deals.pipedrive_world import PipedriveWorld
from tests.bot.deals.vendors import PipedriveVendor
from tests.bot.deals.world import http
from tests.databases import MovedClock


@pytest.fixture
def world(database: Database, clock: MovedClock) -> Iterator[PipedriveWorld]:
    with PipedriveServer(clock) as pipedrive, http() as client:
        yield PipedriveWorld(database, clock, PipedriveVendor(pipedrive), client)
        assert pipedrive.errors == []


NAMED = [
    ("acme", "acme corp", "Acme.example"),
    ("bluefin", "bluefin", None),
    ("bluefin-2", "bluefin", None),
    ("cedar", "cedar", "one.example"),
    ("cedar-eu", "cedar eu", "one.example"),
    ("delta", "delta", "d.example"),
]


@pytest.mark.parametrize(
    ("our_key", "organisation", "name", "domain", "account"),
    [
        ("ours", None, "", None, "acme"),
        ("ours", "9", "Delta", None, "acme"),  # our key before all else
        ("somebody's", "7", "Delta", None, "acme"),  # an organisation that we made or found for the account
        (None, "8", "", None, None),  # ... or for two
        (None, "9", "Renamed", "ACME.example ", "acme"),
        (None, "9", "  ACME   Corp", None, "acme"),
        (None, "9", "Acme Corp", "elsewhere.example", None),  # another company of that name
        (None, "9", "Bluefin", None, None),  # two of that name
        (None, "9", "Cedar", "one.example", None),  # two of that domain
        (None, "9", "Acme", None, None),
        (None, "unknown", "", None, None),
        (None, None, "", None, None),
    ],
)
def test_a_deal_belongs_to_the_account_that_is_certain(
    clock: MovedClock,
    our_key: str | None,
    organisation: str | None,
    name: str,
    domain: str | None,
    account: str | None,
) -> None:
    books = {"ours": "acme"}, {"7": ["acme"], "8": ["acme", "bluefin"]}
    known = Accounts(*books, {organisation: (name, domain)} if organisation and name else {}).add(NAMED)
    assert known.of(OpenDeal("1", "t", "u", None, our_key, organisation, None, clock.at)) == account


def poll(world: PipedriveWorld) -> Follow:
    one = Follow(world.db, world.connected(), "pipedrive")
    one.poll()
    return one


def listed(world: PipedriveWorld) -> list[OpenDeal]:
    with world.db.read() as tx:
        return open_deals.listing(tx, "pipedrive")


def by_hand(world: PipedriveWorld, company: str, title: str = "By hand", stage: int = 2) -> int:
    records = world.pipedrive.records
    org = records.add_organization({"name": company})["id"]
    return int(records.add_deal({"title": title, "org_id": org, "stage_id": stage, "owner_id": 1})["id"])


def test_the_pipelines_open_deals_are_known_with_account_owner_and_link(world: PipedriveWorld) -> None:
    world.opportunity("Acme Corp")
    first, _ = by_hand(world, "ACME  corp", "Bigger plan & <more>"), by_hand(world, "Nobody")
    by_hand(world, "Acme Corp", stage=1)  # of another pipeline
    poll(world)
    mine = next(one for one in listed(world) if one.deal_id == str(first))
    assert (mine.account_key, mine.title, mine.owner_name, mine.our_key, mine.seen_at) == (
        "acct_0",
        "Bigger plan & <more>",
        "Rep One",
        None,
        world.clock.at,
    )
    assert mine.url == f"https://sandbox.pipedrive.com/deal/{first}"
    assert sorted(str(one.account_key) for one in listed(world)) == ["None", "acct_0"]


def test_a_deal_is_known_since_it_was_seen_and_until_it_is_closed(world: PipedriveWorld) -> None:
    kept, closed = by_hand(world, "Acme"), by_hand(world, "Bluefin")
    poll(world)
    began = world.clock.at
    world.clock.move(hours=3)
    world.pipedrive.people.edit(kept, "Title", "Renamed\0")
    world.pipedrive.people.win(closed)
    poll(world)
    assert [(one.title, one.seen_at) for one in listed(world)] == [("Renamed\ufffd", began)]


def test_an_account_that_posthog_names_later_is_matched_without_another_call(world: PipedriveWorld) -> None:
    by_hand(world, "Acme")
    one = poll(world)
    assert [one.account_key for one in listed(world)] == [None]
    with world.db.transaction() as tx:
        accounts.save(tx, [Account("acct", "acme")])
    world.pipedrive.forget_calls()
    one.poll()
    assert [one.account_key for one in listed(world)] == ["acct"]
    assert [call.path for call in world.pipedrive.calls if "organizations" in call.path] == []
    world.clock.move(days=2)
    one.poll()
    assert [call.path for call in world.pipedrive.calls if "organizations" in call.path] != [], "names may change"


def test_many_open_deals_are_read_to_their_end(world: PipedriveWorld) -> None:
    records = world.pipedrive.records
    for number in range(1201):
        org = records.add_organization({"name": f"Company {number}"})["id"]
        records.add_deal({"title": f"Deal {number}", "org_id": org, "stage_id": 2})
    poll(world)
    assert len(listed(world)) == 1201


def test_what_cannot_be_read_to_its_end_leaves_all_as_it_was(world: PipedriveWorld) -> None:
    for number in range(502):
        world.pipedrive.records.add_deal({"title": f"Deal {number}", "stage_id": 2})
    poll(world)
    read_at = world.clock.at
    world.pipedrive.people.win(1)
    world.clock.move(hours=1)
    world.pipedrive.faults.add("GET /api/v2/deals", faults.status(500), skip=1)
    with pytest.raises(CrmError):
        poll(world)
    assert len(listed(world)) == 502
    with world.db.read() as tx:
        assert open_deals.read_at(tx, "pipedrive") == read_at


def test_doctor_tells_how_old_the_knowledge_is(world: PipedriveWorld) -> None:
    def said() -> list[tuple[str, str]]:
        return [(check.status, check.what) for check in following.checks(world.db, world.config)]

    assert said() == [("warn", "they were never read, so they hold no card back")]
    by_hand(world, "Acme")
    poll(world)
    assert said() == [("ok", f"1 in the pipeline, read on {world.clock.at:%Y-%m-%d %H:%M} UTC")]
    last = world.clock.at
    world.clock.move(hours=25)
    assert said() == [("warn", f"they were last read on {last:%Y-%m-%d %H:%M} UTC, so they hold no card back")]
    with world.db.read() as tx:
        assert not open_deals.is_fresh(tx, "pipedrive")
