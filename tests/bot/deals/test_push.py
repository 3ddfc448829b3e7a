"""What a push does when nothing goes wrong, and what people are told when it cannot be done."""

import html
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.store import jobs, opportunities, problems
from sandbox import faults
from tests.bot.deals.world import World, values

HOSTILE = ["\"Quotes\" & 'Co'", "<script>alert(1)</script>", "n" * 200, "two\nlines", "a,b;(c) 100 %"]


def test_a_click_becomes_a_deal_with_its_evidence(world: World) -> None:
    opportunity = world.opportunity("Acme Corp")
    job = world.push(opportunity)
    world.work()
    world.assert_pushed_once(opportunity, "Acme Corp")
    _, (deal,), (note,) = world.records("Acme Corp")
    assert deal["title"] == "Acme Corp: API calls 92 % of Starter"
    assert deal["expected_close_date"] == "2026-12-23"
    assert list(deal["custom_fields"].values()) == [world.see(opportunity).key]
    assert note["pinned_to_deal_flag"] == 1
    for words in (
        "92,100 of 100,000 used (92 %), limit reached around Thu 26 Nov (24 to 29 Nov)",
        "Starter → Growth: +€4,800 a year.",
        "Staying costs about €310 in overage this period.",
        "Score 83 of 100: growth towards a limit 31.5, close to a limit 12, any account 8.",
        "as of 21 Nov 23:58 UTC",
    ):
        assert words in html.unescape(note["content"])
    assert world.job(job).result == {"deal": "1", "url": "https://sandbox.pipedrive.com/deal/1"}


def test_a_known_push_takes_five_calls_and_three_writes(world: World) -> None:
    handler = world.handler()
    world.push(world.opportunity("First"))
    world.work(handler)
    world.pipedrive.forget_calls()
    world.push(world.opportunity("Second"))
    world.work(handler)
    calls = [(call.method, call.path.rpartition("/")[2]) for call in world.pipedrive.calls]
    assert calls == [
        ("GET", "search"),
        ("POST", "organizations"),
        ("POST", "deals"),
        ("POST", "notes"),
        ("GET", "deals"),
    ]


def test_the_card_is_drawn_again(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.work()
    with world.db.read() as tx:
        cards = jobs.list_jobs(tx, kinds=("card",))
    assert [card.payload["version"] for card in cards] == [world.see(opportunity).version]


def test_an_organisation_that_is_there_is_taken(world: World) -> None:
    world.pipedrive.records.add_organization({"name": "ACME CORP"})
    world.push(world.opportunity("Acme Corp"))
    world.work()
    assert len(world.pipedrive.records.organizations) == 1
    assert world.pipedrive.records.deals[1]["org_id"] == 1


def test_a_later_push_updates_the_same_deal_and_note(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.work()
    (deal,) = world.pipedrive.records.deals.values()
    deal |= {"owner_id": 1, "stage_id": 3, "title": "Renamed by a person"}
    world.clock.move(days=3)
    world.amend(opportunity, delta_arr=Decimal("6000.50"), score=91)
    world.push(opportunity, by="U0REP1")
    world.work()
    _, (deal,), (note,) = world.records("Acme")
    assert (deal["value"], deal["expected_close_date"]) == (6000.5, "2026-12-23")
    assert (deal["owner_id"], deal["stage_id"], deal["title"]) == (1, 3, "Renamed by a person")
    assert "Score 91" in note["content"]
    seen = world.see(opportunity)
    assert seen.deal is not None
    assert (seen.deal.owner_name, seen.deal.title) == ("Rep One", "Renamed by a person")


def test_a_push_without_news_writes_nothing(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.push(opportunity)
    world.work()
    world.pipedrive.forget_calls()
    world.push(opportunity)
    world.work()
    assert [call for call in world.pipedrive.calls if call.method != "GET"] == []
    world.assert_pushed_once(opportunity, "Acme")


def test_a_closed_deal_keeps_its_figures(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.work()
    world.pipedrive.records.deals[1]["status"] = "won"
    world.amend(opportunity, delta_arr=Decimal(1))
    world.push(opportunity)
    world.work()
    assert world.pipedrive.records.deals[1]["value"] == 4800


def test_a_note_that_was_deleted_is_made_again(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.work()
    world.pipedrive.records.notes.clear()
    world.amend(opportunity, score=91)
    world.push(opportunity)
    world.work()
    world.assert_pushed_once(opportunity, "Acme")


@pytest.mark.parametrize("gone", ["is_deleted", "is_archived"])
def test_a_deal_that_is_gone_is_not_made_again(world: World, gone: str) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.work()
    world.pipedrive.records.deals[1][gone] = True
    job = world.push(opportunity)
    world.work()
    assert world.job(job).state == "failed"
    assert "deleted or archived" in (world.see(opportunity).deal_state or "")
    assert len(world.pipedrive.records.deals) == 1


def test_without_an_owner_nothing_is_created_and_the_rep_is_told(world: World) -> None:
    opportunity = world.opportunity("Acme")
    job = world.push(opportunity, by="U0NEW")
    world.work()
    assert "new@vendor.example" in (world.see(opportunity).deal_state or "")
    assert world.job(job).state == "failed"
    assert not world.pipedrive.records.organizations
    world.pipedrive.records.users.append({"id": 9, "name": "Neo", "email": "New@vendor.example", "active_flag": True})
    world.push(opportunity, by="U0NEW")
    world.work()
    assert world.pipedrive.records.deals[1]["owner_id"] == 9


def test_a_rep_without_an_address_is_told(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity, by="U0GHOST")
    world.work()
    assert "no e-mail address" in (world.see(opportunity).deal_state or "")


def test_a_refused_field_is_named_and_the_next_push_works(world: World) -> None:
    opportunity = world.opportunity("Acme")
    body = {"success": False, "error": "Field 'Reason' is required", "field_code": "reason"}
    world.pipedrive.faults.add("POST /api/v2/deals", faults.status(400, body=body))
    job = world.push(opportunity)
    world.work()
    assert world.job(job).state == "failed"
    assert "reason" in (world.see(opportunity).deal_state or "")
    world.push(opportunity)
    world.work()
    world.assert_pushed_once(opportunity, "Acme")


def test_an_organisation_merged_away_is_looked_up_again(world: World) -> None:
    world.push(world.opportunity("Acme"))
    world.work()
    held = world.pipedrive.records
    held.organizations[7] = {**held.organizations.pop(1), "id": 7}
    world.clock.move(days=60)
    with world.db.transaction() as tx:
        opportunities.move(tx, 1, "resolved", who="headroom", what="resolved")
        second = opportunities.open_new(tx, "acct_0", tx.now(), values())
    assert second is not None
    world.push(second)
    world.work()
    assert "org_id" in (world.see(second).deal_state or "")
    world.push(second)
    world.work()
    assert [deal["org_id"] for deal in held.deals.values()] == [1, 7]


def test_a_refused_token_pauses_the_push_and_says_so(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.pipedrive.limits.tokens.clear()
    job = world.push(opportunity)
    world.work()
    assert "refuses Headroom's key" in (world.see(opportunity).deal_state or "")
    assert world.job(job).state == "ready"
    world.pipedrive.limits.tokens.add("sandbox-pipedrive-token")
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_arrive_as_they_are(world: World, name: str) -> None:
    opportunity = world.opportunity(name)
    world.push(opportunity)
    world.work()
    world.assert_pushed_once(opportunity, name)
    _, (deal,), (note,) = world.records(name)
    assert deal["title"].startswith(name)
    assert "<script" not in note["content"]
    assert name in html.unescape(note["content"])


def test_two_deals_of_one_opportunity_are_reported_and_kept(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.work()
    records = world.pipedrive.records
    twin = {**records.deals[1]}
    records.add_deal({name: twin[name] for name in ("title", "org_id", "custom_fields")})
    world.push(opportunity)
    world.work()
    with world.db.read() as tx:
        (problem,) = problems.listing(tx)
    assert problem.what == "duplicate_deal"
    assert "/deal/2" in problem.detail
    records.deals[2]["is_deleted"] = True
    world.push(opportunity)
    world.work()
    with world.db.read() as tx:
        assert problems.listing(tx) == []
    assert len(records.deals) == 2


def test_two_workers_and_a_double_push_make_one_deal(world: World) -> None:
    for number in range(10):
        opportunity = world.opportunity(f"Acme {number}")
        world.push(opportunity)
        world.push(opportunity, by="U0REP1")
    world.work(threads=4)
    world.recover()
    for number in range(10):
        assert [len(rows) for rows in world.records(f"Acme {number}")] == [1, 1, 1]


def test_a_late_search_index_makes_no_second_organisation(world: World) -> None:
    world.pipedrive.records.search_lag = timedelta(minutes=10)
    opportunity = world.opportunity("Acme")
    world.pipedrive.faults.add("POST /api/v2/organizations", faults.apply_then_drop())
    world.push(opportunity)
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")
