"""A claim gives the rep a task, once: on the deal if there is one, else on the organisation."""

from datetime import date

import pytest

from bot.deals.task import due
from bot.store import opportunities
from sandbox import faults
from tests.bot.deals.vendors import SeenTask
from tests.bot.deals.world import World

REP = "U0REP2"
MONDAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def with_task(world: World) -> None:
    world.crm["follow_up"] = {"subject": "Call {account} ({plan})", "due_in_days": 2}


def claimed(world: World, name: str = "Acme", by: str = REP) -> int:
    opportunity = world.opportunity(name)
    assert world.clicked(world.desk.claim(world.click(by), opportunity)).ok
    return opportunity


def test_a_claim_puts_it_on_the_organisation(world: World) -> None:
    claimed(world)
    (organisation,) = world.vendor.organisations("Acme")
    assert world.vendor.deals(organisation) == []
    on = ("organisation", organisation)
    assert world.vendor.tasks() == [SeenTask("Call Acme (Starter)", date(2026, 11, 25), "Rep Two", on)]


def test_a_push_puts_it_on_the_deal(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.clicked(world.desk.push(world.click(), opportunity))
    (task,) = world.vendor.tasks()
    assert task.on == ("deal", world.deal("Acme").id)


def test_it_is_made_once_whatever_follows(world: World) -> None:
    opportunity = claimed(world)
    for _ in range(3):
        world.clicked(world.desk.push(world.click(), opportunity))
    assert len(world.vendor.tasks()) == 1


def test_a_push_that_waits_holds_the_task_back(world: World) -> None:
    """It belongs to the deal, which is on its way."""
    world.vendor.server.faults.add(world.vendor.writes["deal"], faults.status(500))
    world.clicked(world.desk.push(world.click(), world.opportunity("Acme")))
    assert world.vendor.tasks() == []
    world.recover()
    (task,) = world.vendor.tasks()
    assert task.on == ("deal", world.deal("Acme").id)


@pytest.mark.parametrize("fault", [faults.status(500), faults.apply_then_drop(), faults.drop(), faults.truncate()])
def test_a_task_whose_answer_is_lost_is_looked_for(world: World, fault: faults.Fault) -> None:
    world.vendor.server.faults.add(world.vendor.writes["task"], fault, times=2)
    claimed(world)
    world.recover()
    assert len(world.vendor.tasks()) == 1


def test_it_is_found_where_an_earlier_attempt_put_it(world: World) -> None:
    """On the organisation; since then there is a deal."""
    if world.vendor.reads["tasks"] == world.vendor.reads["deals"]:
        pytest.skip("all its queries go to one address, so that this one cannot be made to fail alone")
    world.vendor.server.faults.add(world.vendor.writes["task"], faults.apply_then_drop())
    world.vendor.server.faults.add(world.vendor.reads["tasks"], faults.status(503))
    opportunity = claimed(world)
    world.clicked(world.desk.push(world.click(), opportunity))
    world.recover()
    assert [task.on[0] for task in world.vendor.tasks()] == ["organisation"]


def test_nothing_is_done_for_what_nobody_has(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.desk.claim(world.click(), opportunity)
    with world.db.transaction() as tx:
        opportunities.move(tx, opportunity, "dismissed", who=REP, what="dismissed")
    world.work()
    assert world.vendor.server.calls == []


def test_a_rep_whom_nobody_knows_is_asked_and_the_task_follows_without_a_deal(world: World) -> None:
    opportunity = claimed(world, by="U0NEW")
    asked = world.see(opportunity).question
    assert asked is not None
    assert (asked.what, asked.by, asked.pushes) == ("owner", "U0NEW", False)
    assert world.vendor.organisations("Acme") == []
    world.clicked(world.desk.choose_owner(world.click("U0NEW"), opportunity, "U0NEW", world.vendor.user("Rep One")))
    (organisation,) = world.vendor.organisations("Acme")
    assert [(task.owner, task.on[0]) for task in world.vendor.tasks()] == [("Rep One", "organisation")]
    assert world.vendor.deals(organisation) == []
    assert world.see(opportunity).question is None


def test_a_push_by_a_rep_whom_nobody_knows_gets_deal_and_task_after_one_answer(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.clicked(world.desk.push(world.click("U0NEW"), opportunity))
    world.clicked(world.desk.choose_owner(world.click("U0NEW"), opportunity, "U0NEW", world.vendor.user("Rep Two")))
    assert world.deal("Acme").owner == "Rep Two"
    assert [task.on for task in world.vendor.tasks()] == [("deal", world.deal("Acme").id)]


def test_which_deal_is_asked_before_the_task_is_made(world: World) -> None:
    theirs = world.vendor.add_deal(world.vendor.add_organisation("Acme"), "By hand")
    opportunity = world.opportunity("Acme")
    world.clicked(world.desk.push(world.click(), opportunity))
    assert world.vendor.tasks() == []
    world.clicked(world.desk.use_deal(world.click(), opportunity, theirs))
    assert [task.on for task in world.vendor.tasks()] == [("deal", theirs)]


def test_a_task_that_is_refused_is_told_on_the_card(world: World) -> None:
    body = world.vendor.refusal("Subject", "subject")
    world.vendor.server.faults.add(world.vendor.writes["task"], faults.status(400, body=body))
    opportunity = claimed(world)
    assert (world.see(opportunity).deal_state or "").startswith("No task: ")


@pytest.mark.parametrize("name", ["{plan}", "<script>", "n" * 400, "two\nlines", "\u202eevil"])
def test_a_name_is_no_template(world: World, name: str) -> None:
    claimed(world, name)
    (task,) = world.vendor.tasks()
    assert task.subject.startswith(f"Call {name[:150]}" if name.isascii() and "\n" not in name else "Call ")
    assert "\u202e" not in task.subject


@pytest.mark.parametrize(
    ("today", "days", "expected"),
    [
        (MONDAY, 0, MONDAY),
        (MONDAY, 2, date(2026, 11, 25)),
        (date(2026, 11, 26), 2, date(2026, 11, 30)),  # Thursday: Friday, Monday
        (date(2026, 11, 27), 1, date(2026, 11, 30)),
        (date(2026, 11, 28), 0, date(2026, 11, 30)),
        (date(2026, 11, 28), 1, date(2026, 12, 1)),
        (date(2026, 11, 29), 0, date(2026, 11, 30)),
        (MONDAY, 10, date(2026, 12, 7)),
    ],
)
def test_weekends_are_no_working_days(today: date, days: int, expected: date) -> None:
    assert due(today, days) == expected
