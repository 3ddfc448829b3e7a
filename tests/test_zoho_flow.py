"""The same bot with `kind = "zoho"`: it starts only with a unique key field, and a click makes the one deal there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.config.mistakes import ConfigError
from bot.config.startup import EXAMPLE
from bot.doctor import deals
from bot.slack import ids
from bot.store.delivery_tables import oauth_grant
from sandbox import faults
from sandbox.slack.workspace import User
from sandbox.zoho import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer
from sandbox.zoho.records import user
from tests.databases import MovedClock, elapse
from tests.stage import REP, Stage, near, stage, words


@pytest.fixture
def zoho(clock: MovedClock) -> Iterator[ZohoServer]:
    with ZohoServer(clock) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def it(zoho: ZohoServer, migrated_url: str, clock: MovedClock, tmp_path: Path) -> Iterator[Stage]:
    """The example's configuration, but for its CRM."""
    file = tmp_path / "headroom.toml"
    file.write_text(
        EXAMPLE.read_text(encoding="utf-8").replace('kind = "pipedrive"', 'kind = "zoho"'), encoding="utf-8"
    )
    environment = {
        "HEADROOM_CONFIG": str(file),
        "ZOHO_CLIENT_ID": CLIENT_ID,
        "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
        "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
        "ZOHO_ACCOUNTS_URL": zoho.url,
    }
    with stage(migrated_url, clock, near(), **environment) as it:
        zoho.records.users = [user(n, one.name, one.email) for n, one in enumerate(people(it), 1)]
        yield it
        assert it.world.pipedrive.calls == []


def people(it: Stage) -> list[User]:
    workspace = it.world.slack.workspace
    return [one for one in workspace.users.values() if one.team == workspace.team]


def records(zoho: ZohoServer) -> tuple[int, ...]:
    return tuple(len(zoho.records.rows[module]) for module in ("Accounts", "Deals", "Notes"))


def test_it_does_not_start_where_deals_could_be_made_twice(it: Stage) -> None:
    with pytest.raises(ConfigError, match="no deal field 'Headroom key'"):
        it.headroom.refuse_what_blocks()
    assert it.headroom.crm is not None
    it.headroom.crm.provision()
    it.headroom.refuse_what_blocks()


def test_doctor_makes_what_is_missing_and_leaves_nothing_of_its_trial(it: Stage, zoho: ZohoServer) -> None:
    crm, config = it.headroom.crm, it.headroom.config
    assert crm is not None
    assert [check.what for check in deals.checks(crm, config, fix=True) if check.status != "ok"] == []
    told = deals.trial(crm, config, it.clock())
    assert [(check.status, check.what.split()[0]) for check in told] == [
        ("ok", "organisation"),
        ("ok", "deal"),
        ("ok", "note"),
        ("ok", "all"),
    ]
    assert records(zoho) == (0, 0, 0)


@pytest.mark.parametrize("fault", [None, faults.apply_then_drop(), faults.status(500), faults.truncate()])
def test_a_click_becomes_one_deal_in_zoho(it: Stage, zoho: ZohoServer, fault: faults.Fault | None) -> None:
    zoho.records.definitions.add("Deals", "Headroom key", unique={"casesensitive": "true"})
    it.evaluate()
    if fault:
        for module in ("Accounts", "Deals", "Notes"):
            zoho.faults.add(f"POST /crm/v8/{module}", fault)
    it.click(REP, it.card(), ids.PUSH)
    for _ in range(10):
        it.work()
        elapse(it.db, it.clock, minutes=3)
    assert records(zoho) == (1, 1, 1)
    (deal,), (note,) = zoho.records.rows["Deals"].values(), zoho.records.rows["Notes"].values()
    owner = next(one["email"] for one in zoho.records.users if one["id"] == deal["Owner"]["id"])
    assert (owner, deal["Amount"], deal["Currency"], deal["Closing_Date"]) == (
        "rep.one@sales.example",
        4800,
        "EUR",
        "2026-12-23",
    )
    assert (deal["Pipeline"], deal["Stage"]) == ("Upsell", "Usage signal")
    assert (note["Parent_Id"]["id"], "880 of 1,000" in note["Note_Content"]) == (deal["id"], True)
    assert f"https://crm.zoho.com/crm/org{zoho.records.zgid}/tab/Potentials/{deal['id']}" in words(it.card())


def test_one_token_is_enough_for_all_and_is_nowhere_in_clear(
    it: Stage, zoho: ZohoServer, caplog: pytest.LogCaptureFixture
) -> None:
    crm = it.headroom.crm
    assert crm is not None
    for _ in range(3):
        crm.users()
    (answer,) = [call.response for call in zoho.calls if "token" in call.path]
    token = answer["access_token"]
    with it.db.read() as tx:
        (kept,) = tx.execute(select(oauth_grant)).all()
    assert kept.provider == "zoho"
    assert token not in f"{kept} {caplog.text}"
