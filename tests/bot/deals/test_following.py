"""A deal follows usage while it is open, and what people wrote in it stays as they wrote it."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import httpx
import pytest

from bot.store import opportunities
from tests.bot.deals.world import World, http

GAIN = Decimal(6000)


@pytest.fixture(autouse=True)
def with_fields(world: World) -> None:
    for name, kind in (
        ("Score", "number"),
        ("Plan", "text"),
        ("Used", "text"),
        ("Passes on", "date"),
        ("Source", "text"),
    ):
        world.vendor.add_field(name, kind)
    facts: dict[str, Any] = {"Score": "score", "Plan": "recommended_plan", "Used": "used", "Passes on": "crosses_on"}
    world.crm["fields"] = {**facts, "Source": {"value": "Product usage"}}


def pushed(world: World) -> int:
    opportunity = world.opportunity("Acme")
    world.pushed(opportunity)
    return opportunity


def number(text: str) -> Decimal:
    return Decimal(text).normalize()


def test_the_configured_fields_are_filled(world: World) -> None:
    pushed(world)
    held = world.deal("Acme").fields
    assert number(held["Score"]) == 83
    assert {name: held[name] for name in ("Plan", "Used", "Passes on", "Source")} == {
        "Plan": "Growth",
        "Used": "92100",
        "Passes on": "2026-11-26",
        "Source": "Product usage",
    }


def test_deal_and_note_follow_usage(world: World) -> None:
    opportunity = pushed(world)
    note = world.note("Acme")
    world.clock.move(days=1)
    world.amend(opportunity, delta_arr=GAIN, score=91, recommended_plan="starter")
    world.amended(opportunity)
    deal = world.deal("Acme")
    assert (deal.value, number(deal.fields["Score"]), deal.fields["Plan"]) == (GAIN, Decimal(91), "Starter")
    assert world.note("Acme") != note
    assert "+€6,000 a year" in world.note("Acme")
    assert (deal.closes, deal.owner, deal.stage) == (date(2026, 12, 23), "Rep Two", "Usage signal")


def test_an_amendment_without_news_writes_nothing(world: World) -> None:
    opportunity = pushed(world)
    world.vendor.server.forget_calls()
    world.amended(opportunity)
    assert world.writes() == []


@pytest.mark.parametrize(
    ("name", "value", "theirs"),
    [("value", Decimal(1234), lambda deal: deal.value), ("Plan", "As agreed", lambda deal: deal.fields["Plan"])],
)
@pytest.mark.parametrize("by_click", [True, False])
def test_what_people_changed_is_theirs_from_then_on(
    world: World, name: str, value: Any, theirs: Callable[[Any], Any], by_click: bool
) -> None:
    opportunity = pushed(world)
    follow = world.pushed if by_click else world.amended
    before = theirs(world.deal("Acme"))
    world.vendor.edit(world.deal("Acme").id, name, value)
    for score, gain, plan in ((90, 5000, "starter"), (91, 6000, "growth"), (92, 7000, "starter")):
        world.amend(opportunity, score=score, delta_arr=Decimal(gain), recommended_plan=plan)
        follow(opportunity)
        assert theirs(world.deal("Acme")) == value
        assert number(world.deal("Acme").fields["Score"]) == score, "the others go on"
    world.vendor.edit(world.deal("Acme").id, name, before)
    follow(opportunity)
    assert theirs(world.deal("Acme")) == before, "even if it says again what we wrote"


def test_title_owner_and_stage_belong_to_people(world: World) -> None:
    opportunity = pushed(world)
    for name, value in (("owner", "Rep One"), ("stage", "Negotiation"), ("title", "Renamed")):
        world.vendor.edit(world.deal("Acme").id, name, value)
    world.amend(opportunity, delta_arr=GAIN)
    world.amended(opportunity)
    deal = world.deal("Acme")
    assert (deal.owner, deal.stage, deal.title, deal.value) == ("Rep One", "Negotiation", "Renamed", GAIN)


def test_a_field_that_was_empty_is_filled_once_there_is_something_to_say(world: World) -> None:
    opportunity = world.opportunity("Acme", recommended_plan=None, delta_arr=None)
    world.pushed(opportunity)
    assert "Plan" not in world.deal("Acme").fields
    world.amend(opportunity)
    world.amended(opportunity)
    deal = world.deal("Acme")
    assert (deal.fields["Plan"], deal.value) == ("Growth", Decimal(4800))


@pytest.mark.parametrize("end", ["won", "lost", "deleted", "archived"])
def test_a_deal_that_is_over_is_left_alone(world: World, end: str) -> None:
    opportunity = pushed(world)
    deal = world.deal("Acme").id
    if end in ("won", "lost"):
        world.vendor.close(deal, end == "won")
    else:
        world.vendor.remove(deal, end)
    world.amend(opportunity, delta_arr=GAIN)
    world.vendor.server.forget_calls()
    job = world.job(world.amended(opportunity))
    assert world.writes() == []
    assert (job.state, set(job.result or {})) == ("done", {"left"})
    assert world.see(opportunity).deal_state is None


def test_nothing_is_amended_once_the_opportunity_is_closed(world: World) -> None:
    opportunity = pushed(world)
    world.amend(opportunity, delta_arr=GAIN)
    with world.db.transaction() as tx:
        opportunities.move(tx, opportunity, "dismissed", who="U0REP2", what="dismissed")
    world.vendor.server.forget_calls()
    world.amended(opportunity)
    assert world.vendor.server.calls == []


class Meanwhile(httpx.HTTPTransport):
    """People write to the deal after it was read, as often as they are told to."""

    def __init__(self, world: World, times: int) -> None:
        super().__init__()
        self.world = world
        self.left = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        call = f"{request.method} {request.url.path}"
        if self.left and fnmatchcase(call, self.world.vendor.reads["deal"]):
            self.left -= 1
            self.world.clock.move(seconds=2)
            self.world.vendor.edit(self.world.deal("Acme").id, "Plan", f"Theirs {self.left}")
        return response


@pytest.mark.parametrize("times", [1, 3])
def test_what_people_write_in_the_same_moment_stays(world: World, times: int) -> None:
    opportunity = pushed(world)
    world.amend(opportunity, delta_arr=GAIN, recommended_plan="starter")
    with http(Meanwhile(world, times)) as client:
        world.push(opportunity)
        world.work(world.handlers(client))
    world.recover()
    deal = world.deal("Acme")
    assert (deal.fields["Plan"], deal.value) == ("Theirs 0", GAIN)


def test_an_amendment_that_is_given_up_is_told_on_the_card(world: World) -> None:
    opportunity = pushed(world)
    world.crm["fields"] = {"No such field": "score"}
    world.amended(opportunity)
    told = world.see(opportunity).deal_state or ""
    assert told.startswith("Not updated: ")
    assert "No such field" in told


def test_a_field_configured_later_is_filled(world: World) -> None:
    opportunity = pushed(world)
    world.vendor.add_field("Percent", "number")
    world.crm["fields"] = {**world.crm["fields"], "Percent": "used_percent"}
    world.amended(opportunity)
    assert number(world.deal("Acme").fields["Percent"]) == 92


def test_a_write_that_is_refused_changes_nothing_of_what_is_known(world: World) -> None:
    """What was about to be written and was not is no work of a person either."""
    opportunity = pushed(world)
    handlers = world.handlers()
    world.push(opportunity)
    job, context = world.claim()
    context.lost = True
    world.amend(opportunity, delta_arr=GAIN)
    with pytest.raises(Exception, match="no longer ours"):
        handlers[job.kind](job, context)
    world.clock.move(seconds=61)
    world.recover()
    assert world.deal("Acme").value == GAIN
    world.amend(opportunity, delta_arr=GAIN + 1)
    world.amended(opportunity)
    assert world.deal("Acme").value == GAIN + 1
