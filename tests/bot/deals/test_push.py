"""What a push does when nothing goes wrong, and what people are told when it cannot be done."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.store import jobs, opportunities, problems
from sandbox import faults
from tests.bot.deals.vendors import OUR_KEY
from tests.bot.deals.world import World, values

HOSTILE = ["\"Quotes\" & 'Co'", "<script>alert(1)</script>", "n" * 200, "two\nlines", "a,b;(c) 100 %"]


def test_a_click_becomes_a_deal_with_its_evidence(world: World) -> None:
    opportunity = world.opportunity("Acme Corp")
    job = world.pushed(opportunity)
    world.assert_pushed_once(opportunity, "Acme Corp")
    deal, note = world.deal("Acme Corp"), world.note("Acme Corp")
    assert deal.title == "Acme Corp: API calls 92 % of Starter"
    assert deal.closes == date(2026, 12, 23)
    assert (deal.key, deal.fields) == (world.see(opportunity).key, {})
    for words in (
        "92,100 of 100,000 used (92 %), limit reached around Thu 26 Nov (24 to 29 Nov)",
        "Starter → Growth: +€4,800 a year.",
        "Staying costs about €310 in overage this period.",
        "Score 83 of 100: growth towards a limit 31.5, close to a limit 12, any account 8.",
        "as of 21 Nov 23:58 UTC",
    ):
        assert words in note
    seen = world.see(opportunity).deal
    assert seen is not None
    assert world.job(job).result == {"deal": deal.id, "url": seen.url}


def test_a_known_push_takes_few_calls_and_three_writes(world: World) -> None:
    handlers = world.handlers()
    world.push(world.opportunity("First"))
    world.work(handlers)
    world.vendor.server.forget_calls()
    world.push(world.opportunity("Second"))
    world.work(handlers)
    assert [call.method for call in world.vendor.server.calls] == list(world.vendor.known_push)
    assert len(world.writes()) == 3


def test_the_card_is_drawn_again(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    with world.db.read() as tx:
        cards = jobs.list_jobs(tx, kinds=("card",))
    assert [card.payload["version"] for card in cards] == [world.see(opportunity).version]


def test_an_organisation_that_is_there_is_taken(world: World) -> None:
    there = world.vendor.add_organisation("ACME CORP")
    world.pushed(world.opportunity("Acme Corp"))
    assert world.vendor.organisations("Acme Corp") == []
    assert len(world.vendor.deals(there)) == 1


def test_a_later_push_updates_the_same_deal_and_note(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    deal = world.deal("Acme")
    for name, value in (("owner", "Rep One"), ("stage", "Negotiation"), ("title", "Renamed by a person")):
        world.vendor.edit(deal.id, name, value)
    world.clock.move(days=3)
    world.amend(opportunity, delta_arr=Decimal("6000.50"), score=91)
    world.pushed(opportunity, by="U0REP1")
    deal = world.deal("Acme")
    assert (deal.value, deal.closes) == (Decimal("6000.5"), date(2026, 12, 23))
    assert (deal.owner, deal.stage, deal.title) == ("Rep One", "Negotiation", "Renamed by a person")
    assert "Score 91" in world.note("Acme")
    seen = world.see(opportunity)
    assert seen.deal is not None
    assert (seen.deal.owner_name, seen.deal.title) == ("Rep One", "Renamed by a person")


def test_a_push_without_news_writes_nothing(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.pushed(opportunity)
    world.vendor.server.forget_calls()
    world.pushed(opportunity)
    assert world.writes() == []
    world.assert_pushed_once(opportunity, "Acme")


@pytest.mark.parametrize("won", [True, False])
def test_a_closed_deal_keeps_its_figures(world: World, won: bool) -> None:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    world.vendor.close(world.deal("Acme").id, won)
    world.amend(opportunity, delta_arr=Decimal(1))
    world.pushed(opportunity)
    assert world.deal("Acme").value == 4800


def test_a_note_that_was_deleted_is_made_again(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    world.vendor.remove_notes()
    world.amend(opportunity, score=91)
    world.pushed(opportunity)
    world.assert_pushed_once(opportunity, "Acme")


@pytest.mark.parametrize("how", ["deleted", "archived"])
def test_a_deal_that_is_gone_is_not_made_again(world: World, how: str) -> None:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    world.vendor.remove(world.deal("Acme").id, how)
    world.vendor.server.forget_calls()
    job = world.pushed(opportunity)
    assert world.job(job).state == "failed"
    assert "deleted or archived" in (world.see(opportunity).deal_state or "")
    assert world.writes() == []


def test_a_refused_field_is_named_and_the_next_push_works(world: World) -> None:
    opportunity = world.opportunity("Acme")
    body = world.vendor.refusal("Reason", "reason")
    world.vendor.server.faults.add(world.vendor.writes["deal"], faults.status(400, body=body))
    job = world.pushed(opportunity)
    assert world.job(job).state == "failed"
    assert "reason" in (world.see(opportunity).deal_state or "")
    world.pushed(opportunity)
    world.assert_pushed_once(opportunity, "Acme")


def test_an_organisation_merged_away_is_looked_up_again(world: World) -> None:
    world.pushed(world.opportunity("Acme"))
    (first,) = world.vendor.organisations("Acme")
    second = world.vendor.move_organisation(first)
    world.clock.move(days=60)
    with world.db.transaction() as tx:
        opportunities.move(tx, 1, "resolved", who="headroom", what="resolved")
        again = opportunities.open_new(tx, "acct_0", tx.now(), values())
    assert again is not None
    world.pushed(again)
    assert (world.see(again).deal_state or "").startswith(world.vendor.name)
    world.pushed(again)
    assert [len(world.vendor.deals(id_)) for id_ in (first, second)] == [1, 1]


def test_a_refused_token_pauses_the_push_and_says_so(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.vendor.refuse_key(True)
    job = world.pushed(opportunity)
    assert "refuses Headroom's key" in (world.see(opportunity).deal_state or "")
    assert world.job(job).state == "ready"
    world.vendor.refuse_key(False)
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_arrive_as_they_are(world: World, name: str) -> None:
    opportunity = world.opportunity(name)
    world.pushed(opportunity)
    world.assert_pushed_once(opportunity, name)
    assert world.deal(name).title.startswith(name[:100])
    assert name in world.note(name)


def test_two_deals_of_one_opportunity_are_reported_and_kept(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    (organisation,) = world.vendor.organisations("Acme")
    twin = world.vendor.add_deal(organisation, "A twin", key=world.see(opportunity).key)
    world.pushed(opportunity)
    with world.db.read() as tx:
        (problem,) = problems.listing(tx)
    assert problem.what == "duplicate_deal"
    assert twin in problem.detail
    world.vendor.remove(twin)
    world.pushed(opportunity)
    with world.db.read() as tx:
        assert problems.listing(tx) == []


def test_two_workers_and_a_double_push_make_one_deal(world: World) -> None:
    for number in range(10):
        opportunity = world.opportunity(f"Acme {number}")
        world.push(opportunity)
        world.push(opportunity, by="U0REP1")
    world.work(threads=4)
    world.recover()
    for number in range(10):
        assert world.note(f"Acme {number}")


@pytest.mark.parametrize("lag", [timedelta(seconds=30), timedelta(minutes=10)])
def test_a_late_search_index_makes_no_second_organisation(world: World, lag: timedelta) -> None:
    world.vendor.lag_search(lag)
    opportunity = world.opportunity("Acme")
    world.vendor.server.faults.add(world.vendor.writes["organisation"], faults.apply_then_drop())
    world.push(opportunity)
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


def test_a_deal_that_we_forgot_is_found_by_its_key(world: World) -> None:
    """A restored backup: the CRM has a deal of ours that the database does not know."""
    opportunity = world.opportunity("Acme")
    organisation = world.vendor.add_organisation("Acme")
    ours = world.vendor.add_deal(organisation, "Ours", "Rep Two", key=world.see(opportunity).key)
    world.pushed(opportunity)
    assert world.deal("Acme").id == ours
    assert world.deal("Acme").value == 900, "nobody knows whether a person wrote that"
    assert OUR_KEY not in world.deal("Acme").fields
    assert world.note("Acme")
