"""What the bot does not decide by itself: which of people's deals to use, and who a rep is in the CRM."""

from decimal import Decimal
from typing import Any

import pytest

from bot.model import Question
from bot.store import Database, deal_owners, reps
from bot.store.tables import opportunity_event
from sandbox import faults
from tests.bot.deals.world import LEASE, World

REP = "U0REP2"


def claimed(world: World, name: str = "Acme", by: str = REP) -> int:
    """An opportunity that a rep has pushed; the worker has done its jobs."""
    opportunity = world.opportunity(name)
    assert world.clicked(world.desk.push(world.click(by), opportunity)).ok
    return opportunity


def with_open_deal(world: World, *titles: str) -> tuple[str, list[str]]:
    organisation = world.vendor.add_organisation("Acme")
    return organisation, [world.vendor.add_deal(organisation, title) for title in titles]


def question(world: World, opportunity: int) -> Question:
    found = world.see(opportunity).question
    assert found is not None
    return found


def history(db: Database, opportunity: int) -> list[tuple[str, str, Any]]:
    with db.read() as tx:
        rows = tx.execute(opportunity_event.select().order_by(opportunity_event.c.id)).all()
    return [(row.who, row.what, row.after) for row in rows if row.opportunity_id == opportunity]


def test_a_deal_that_people_made_is_asked_about_and_nothing_is_made(world: World) -> None:
    organisation, (theirs,) = with_open_deal(world, "Renewal by hand")
    world.vendor.server.forget_calls()
    opportunity = claimed(world)
    assert [write for write in world.writes() if "Fields" not in write] == []
    asked = question(world, opportunity)
    assert (asked.what, asked.by) == ("deal", REP)
    assert [(deal.id, deal.title, deal.owner_name) for deal in asked.deals] == [(theirs, "Renewal by hand", "Rep One")]
    assert theirs in asked.deals[0].url
    assert world.see(opportunity).deal_state is None
    assert len(world.vendor.deals(organisation)) == 1


def test_that_deal_is_used(world: World) -> None:
    _, (theirs,) = with_open_deal(world, "Renewal by hand")
    opportunity = claimed(world)
    before = world.deal("Acme")
    assert world.clicked(world.desk.use_deal(world.click(), opportunity, theirs)).ok
    after = world.deal("Acme")
    assert after.key == world.see(opportunity).key
    assert (after.title, after.owner, after.value, after.stage) == (before.title, "Rep One", Decimal(900), before.stage)
    assert "92,100 of 100,000" in world.note("Acme")
    seen = world.see(opportunity)
    assert seen.deal is not None
    assert (seen.deal.id, seen.question, seen.deal_state) == (theirs, None, None)
    assert (REP, "adopted", {"deal": theirs}) in history(world.db, opportunity)


def test_an_adopted_deal_keeps_its_figures_and_its_note_follows_usage(world: World) -> None:
    _, (theirs,) = with_open_deal(world, "Renewal by hand")
    world.vendor.add_field("Score", "number")
    opportunity = claimed(world)
    world.clicked(world.desk.use_deal(world.click(), opportunity, theirs))
    world.crm["fields"] = {"Score": "score"}
    world.amend(opportunity, score=97)
    world.amended(opportunity)
    world.clicked(world.desk.push(world.click(), opportunity))
    deal = world.deal("Acme")
    assert (deal.value, dict(deal.fields)) == (Decimal(900), {})
    assert "Score 97" in world.note("Acme")


def test_a_new_one_is_made_beside_it(world: World) -> None:
    organisation, (theirs,) = with_open_deal(world, "Renewal by hand")
    opportunity = claimed(world)
    assert world.clicked(world.desk.new_deal(world.click(), opportunity)).ok
    made = [deal for deal in world.vendor.deals(organisation) if deal.id != theirs]
    assert [(deal.owner, deal.value) for deal in made] == [("Rep Two", Decimal(4800))]
    world.clicked(world.desk.push(world.click(), opportunity))
    assert len(world.vendor.deals(organisation)) == 2, "it is not asked again"
    assert world.see(opportunity).question is None


def test_several_are_offered(world: World) -> None:
    _, ids = with_open_deal(world, "One", "Two", "Three")
    opportunity = claimed(world)
    assert sorted(deal.id for deal in question(world, opportunity).deals) == sorted(ids)
    world.clicked(world.desk.use_deal(world.click(), opportunity, ids[1]))
    seen = world.see(opportunity).deal
    assert seen is not None
    assert seen.id == ids[1]


@pytest.mark.parametrize("end", ["won", "deleted", "archived"])
def test_a_deal_that_ended_before_the_answer_is_not_used(world: World, end: str) -> None:
    organisation, (theirs,) = with_open_deal(world, "Renewal by hand")
    opportunity = claimed(world)
    if end == "won":
        world.vendor.close(theirs)
    else:
        world.vendor.remove(theirs, end)
    world.clicked(world.desk.use_deal(world.click(), opportunity, theirs))
    made = [deal for deal in world.vendor.deals(organisation) if deal.id != theirs]
    assert [deal.owner for deal in made] == ["Rep Two"]


def test_closed_deals_and_those_of_other_pipelines_are_not_asked_about(world: World) -> None:
    _, (closed, elsewhere) = with_open_deal(world, "Closed", "Elsewhere")
    world.vendor.close(closed, won=False)
    world.vendor.edit(elsewhere, "stage", "Qualified")
    opportunity = claimed(world)
    assert (world.see(opportunity).question, world.see(opportunity).deal is None) == (None, False)


def test_a_push_looks_again(world: World) -> None:
    organisation, (theirs,) = with_open_deal(world, "Renewal by hand")
    opportunity = claimed(world)
    world.vendor.close(theirs)
    world.clicked(world.desk.push(world.click(), opportunity))
    assert len(world.vendor.deals(organisation)) == 2
    assert world.see(opportunity).question is None


@pytest.mark.parametrize("fault", [faults.status(500), faults.apply_then_drop(), faults.drop(), faults.truncate()])
def test_a_fault_while_a_deal_is_taken_over(world: World, fault: faults.Fault) -> None:
    _, (theirs,) = with_open_deal(world, "Renewal by hand")
    opportunity = claimed(world)
    for what in ("amendment", "note"):
        world.vendor.server.faults.add(world.vendor.writes[what], fault)
    assert world.desk.use_deal(world.click(), opportunity, theirs).ok
    world.recover()
    assert (world.deal("Acme").key, world.deal("Acme").value) == (world.see(opportunity).key, Decimal(900))
    assert world.note("Acme")
    world.amended(opportunity)
    assert world.deal("Acme").value == 900


def test_two_opportunities_cannot_take_one_deal(world: World) -> None:
    """The second finds it taken, and gets a deal of its own."""
    _, (theirs,) = with_open_deal(world, "Renewal by hand")
    first = claimed(world)
    second = claimed(world, "acme")  # the same organisation under another account
    world.clicked(world.desk.use_deal(world.click(), first, theirs))
    world.clicked(world.desk.use_deal(world.click(), second, theirs))
    deals = [world.see(one).deal for one in (first, second)]
    assert deals[0] is not None
    assert deals[1] is not None
    assert deals[0].id == theirs != deals[1].id


def test_a_rep_whom_nobody_there_knows_is_asked(world: World) -> None:
    opportunity = claimed(world, by="U0NEW")
    assert question(world, opportunity) == Question("owner", "U0NEW")
    assert world.vendor.organisations("Acme") == []
    assert [owner.name for owner in world.desk.deal_owners("")] == ["Rep One", "Rep Two"]


def test_who_says_who_they_are_owns_this_deal_and_the_next(world: World) -> None:
    opportunity = claimed(world, by="U0NEW")
    (choice,) = world.desk.deal_owners("rep two")
    assert world.clicked(world.desk.choose_owner(world.click("U0NEW"), opportunity, "U0NEW", choice.id)).ok
    world.assert_pushed_once(opportunity, "Acme")
    second = claimed(world, "Globex", by="U0NEW")
    world.assert_pushed_once(second, "Globex")


def test_a_choice_goes_before_the_address_while_that_user_is_active(world: World) -> None:
    new = world.vendor.add_user("Rep Two abroad", "abroad@vendor.example")
    with world.db.transaction() as tx:
        reps.choose(tx, REP, new)
    claimed(world)
    assert world.deal("Acme").owner == "Rep Two abroad"
    world.vendor.deactivate(new)
    claimed(world, "Globex")
    assert world.deal("Globex").owner == "Rep Two"


def test_a_choice_survives_what_slack_tells_anew(world: World) -> None:
    claimed(world)
    with world.db.transaction() as tx:
        known = reps.get(tx, REP)
        assert known is not None
        reps.choose(tx, REP, "1")
        reps.save(tx, known)
        after = reps.get(tx, REP)
    assert after is not None
    assert (after.email, after.crm_user_id) == (known.email, "1")


def test_who_joins_the_crm_is_found_by_the_next_push(world: World) -> None:
    opportunity = claimed(world, by="U0NEW")
    world.vendor.add_user("Neo", "New@Vendor.example")
    world.clicked(world.desk.push(world.click("U0NEW"), opportunity))
    assert world.deal("Acme").owner == "Neo"


def test_somebody_without_an_address_is_asked(world: World) -> None:
    opportunity = claimed(world, by="U0GHOST")
    assert question(world, opportunity).what == "owner"


def test_hostile_users_are_stored_as_they_are(world: World) -> None:
    world.vendor.add_user("<!channel> & \u202e", "<@U0BOSS>@x")
    claimed(world, by="U0NEW")
    with world.db.read() as tx:
        assert [owner.name for owner in deal_owners.search(tx, "<!CHANNEL>")] == ["<!channel> & \u202e"]


def test_a_worker_killed_while_it_asks_asks_again(world: World) -> None:
    with_open_deal(world, "Renewal by hand")
    opportunity = world.opportunity("Acme")
    world.desk.push(world.click(), opportunity)
    world.claim()
    world.clock.move(seconds=LEASE.total_seconds() + 1)
    world.recover()
    assert question(world, opportunity).what == "deal"
