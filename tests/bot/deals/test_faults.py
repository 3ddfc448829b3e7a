"""Whatever fails, and wherever a worker dies: there is one organisation, one deal, one note and one task afterwards."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from bot.deals.once import Once, Step
from bot.store import problems, references
from bot.store.leases import LostLeaseError
from crm.base import NotApplied
from sandbox import faults
from tests.bot.deals.world import DEADLINE, LEASE, World, http

FAULTS = {
    "429": faults.status(429, retry_after=7),
    "500": faults.status(500),
    "drop": faults.drop(),
    "apply_then_drop": faults.apply_then_drop(),
    "truncate": faults.truncate(),
    "html": faults.body("<html>maintenance</html>"),
    "slow": faults.slow(DEADLINE + 0.2),
}
MADE = ("organisation", "deal", "note", "task")


@pytest.fixture(autouse=True)
def with_task(world: World) -> None:
    world.crm["follow_up"] = {}


def claimed(world: World, name: str) -> int:
    """An opportunity that a rep has pushed, which claims it; its jobs wait."""
    opportunity = world.opportunity(name)
    assert world.desk.push(world.click(), opportunity).ok
    return opportunity


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_at_every_call(world: World, fault: faults.Fault) -> None:
    slow_reads = fault.kind == "slow"  # they take their time, and fail as dropped ones do
    world.deadline = DEADLINE if fault.kind == "slow" else world.deadline
    for number, call in enumerate(call for call in world.vendor.calls if not slow_reads or call.startswith("POST")):
        world.vendor.set_up_again()
        world.vendor.server.faults.add(call, fault)
        opportunity = claimed(world, f"Acme {number}")
        world.recover()
        world.assert_pushed_once(opportunity, f"Acme {number}")
        assert world.vendor.server.faults.take(*call.split()) is None, f"{call} was never made"


@pytest.mark.parametrize("fault", [FAULTS["500"], FAULTS["apply_then_drop"]], ids=["500", "apply_then_drop"])
def test_the_same_fault_three_times_in_a_row(world: World, fault: faults.Fault) -> None:
    for what in MADE:
        world.vendor.server.faults.add(world.vendor.writes[what], fault, times=3)
        opportunity = claimed(world, f"Acme {what}")
        world.recover()
        world.vendor.server.faults.clear()
        world.assert_pushed_once(opportunity, f"Acme {what}")


@pytest.mark.parametrize("fault", [FAULTS["500"], FAULTS["drop"], FAULTS["apply_then_drop"], FAULTS["429"]])
@pytest.mark.parametrize("what", ["amendment", "update"])
def test_a_fault_while_the_deal_follows_usage(world: World, fault: faults.Fault, what: str) -> None:
    """An amendment of ours whose answer was lost is not taken for the work of a person."""
    opportunity = claimed(world, "Acme")
    world.recover()
    for gain in (5000, 6000):
        world.amend(opportunity, delta_arr=Decimal(gain))
        world.vendor.server.faults.add(world.vendor.writes[what], fault)
        world.amended(opportunity)
        world.recover()
        assert world.deal("Acme").value == gain
        assert f"+€{gain:,} a year" in world.note("Acme")


def test_a_write_that_the_look_up_cannot_confirm_waits(world: World) -> None:
    """Applied, dropped, and nothing can be read for a while: no second deal, and the card says what goes on."""
    if world.vendor.reads["tasks"] == world.vendor.reads["deals"]:
        pytest.skip("all its queries go to one address, so that this one cannot be made to fail alone")
    world.vendor.server.faults.add(world.vendor.writes["deal"], faults.apply_then_drop())
    world.vendor.server.faults.add(world.vendor.reads["deals"], faults.status(503), times=4)
    opportunity = claimed(world, "Acme")
    world.work()
    assert world.see(opportunity).deal_state == f"Checking whether {world.vendor.name} saved the deal"
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


def test_a_slow_write_applied_after_the_answer_was_given_up(world: World) -> None:
    world.deadline = DEADLINE
    world.vendor.server.faults.add(world.vendor.writes["deal"], faults.slow(DEADLINE + 0.3))
    opportunity = claimed(world, "Acme")
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


def test_an_impatient_second_push_does_not_create_what_is_still_under_way(world: World) -> None:
    world.deadline = DEADLINE
    world.vendor.server.faults.add(world.vendor.writes["deal"], faults.slow(DEADLINE + 0.7))
    opportunity = claimed(world, "Acme")
    world.work()
    world.push(opportunity)
    world.work()
    (organisation,) = world.vendor.organisations("Acme")
    assert not world.vendor.deals(organisation), "the first write should still be under way"
    world.vendor.settled()
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


class Killed(BaseException):
    """The process ends here; nobody catches it."""


class Deadly(httpx.HTTPTransport):
    """Kills at the nth call: before it leaves, or when its answer is in."""

    def __init__(self, call: int, after: bool) -> None:
        super().__init__()
        self.left = call
        self.after = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        response = super().handle_request(request)
        if self.left == 0:
            response.close()
            raise Killed
        return response


def kills(calls: int) -> Iterator[tuple[int, bool]]:
    for call in range(1, calls + 1):
        yield call, False
        yield call, True


def killed(world: World, call: int, after: bool) -> bool:
    """Whether the process ended within the next job; a job that was shorter is done."""
    job, context = world.claim()
    with http(Deadly(call, after)) as client:
        try:
            world.finish(job, world.handlers(client)[job.kind](job, context))
        except Killed:
            return True
    return False


def later(world: World) -> None:
    """The worker's lease has lapsed, and others take its job over."""
    world.vendor.settled()
    world.clock.move(seconds=LEASE.total_seconds() + 1)
    world.recover()


def test_a_worker_killed_between_any_two_steps_of_a_push(world: World) -> None:
    for number, (call, after) in enumerate(kills(len(world.vendor.calls) + 1)):
        world.vendor.set_up_again()
        opportunity = claimed(world, f"Acme {number}")
        killed(world, call, after)
        later(world)
        world.assert_pushed_once(opportunity, f"Acme {number}")


def test_a_worker_killed_between_any_two_steps_of_a_task(world: World) -> None:
    """With no deal: the organisation is made for the task."""
    deaths = 0
    for number, (call, after) in enumerate(kills(8)):
        name = f"Acme {number}"
        opportunity = world.opportunity(name)
        assert world.desk.claim(world.click(), opportunity).ok
        deaths += killed(world, call, after)
        later(world)
        (organisation,) = world.vendor.organisations(name)
        assert [task.on for task in world.vendor.tasks() if name in task.subject] == [("organisation", organisation)]
    assert deaths > 6


def test_a_worker_killed_between_any_two_steps_of_an_amendment(world: World) -> None:
    opportunity = claimed(world, "Acme")
    world.recover()
    for number, (call, after) in enumerate(kills(5)):
        world.amend(opportunity, delta_arr=Decimal(5000 + number))
        world.push(opportunity)
        assert killed(world, call, after)
        later(world)
        assert world.deal("Acme").value == 5000 + number
        assert world.note("Acme")


def test_a_worker_killed_after_the_deal_is_taken_over_without_a_wait_for_nothing(world: World) -> None:
    """The deal is found by its key at once, although the worker that made it could not tell."""
    world.vendor.server.faults.add(world.vendor.writes["deal"], faults.apply_then_drop())
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    began = world.clock()
    world.recover()
    assert world.clock() - began < timedelta(seconds=1)
    assert world.see(opportunity).deal is not None


def test_a_worker_that_lost_its_lease_writes_nothing(world: World) -> None:
    opportunity = claimed(world, "Acme")
    job, context = world.claim()
    world.clock.move(seconds=LEASE.total_seconds() + 1)
    world.recover()
    world.vendor.server.forget_calls()
    context.lost = True
    world.amend(opportunity, score=12, delta_arr=Decimal(1))
    with pytest.raises(Exception, match="no longer ours"):
        world.handlers()[job.kind](job, context)
    assert world.writes() == []


def test_a_failure_takes_back_its_own_intent_and_nothing_that_another_worker_made(world: World) -> None:
    claimed(world, "Acme")
    _, context = world.claim()
    once = Once(world.db, "crm", "The CRM", timedelta(seconds=40), context)

    def make() -> str:
        with world.db.transaction() as tx:
            references.confirm(tx, "crm", "deal:acme", "7")  # by a worker that took us for dead
        raise NotApplied("The CRM could not be reached")

    with pytest.raises(NotApplied):
        once.do(Step("deal:acme", "the deal", lambda _: None, make))
    assert once.do(Step("deal:acme", "the deal", lambda _: None, lambda: "8")) == "7"


class Stopped(httpx.HTTPTransport):
    """The worker stands still at its nth call, before it leaves or once it is answered, for as long as others need."""

    def __init__(self, call: int, after: bool, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.left = call
        self.after = after
        self.meanwhile = meanwhile
        self.at = ""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left == 0 and not self.after:
            self._stop(request)
        response = super().handle_request(request)
        if self.left == 0 and self.after:
            response.read()
            self._stop(request)
        return response

    def _stop(self, request: httpx.Request) -> None:
        self.at = f"{request.method} {request.url.path}"
        self.meanwhile()


def test_a_worker_that_stood_still_for_longer_than_its_lease_makes_nothing_twice(world: World) -> None:
    """One thing no CRM without unique keys can prevent: a write that leaves long after it was intended.

    Then the second deal is reported.
    """
    for number, (call, after) in enumerate(kills(len(world.vendor.calls) + 1)):
        name = f"Acme {number}"
        world.vendor.set_up_again()
        opportunity = claimed(world, name)
        job, context = world.claim()
        transport = Stopped(call, after, lambda: later(world))
        with http(transport) as client, suppress(LostLeaseError):
            world.handlers(client)[job.kind](job, context)
        world.recover()
        if after or not transport.at or transport.at not in world.vendor.writes.values():
            world.assert_pushed_once(opportunity, name)
        elif transport.at == world.vendor.writes["deal"]:
            (organisation,) = world.vendor.organisations(name)
            deals = world.vendor.deals(organisation)
            kept = world.see(opportunity).deal
            assert kept is not None
            assert kept.id == deals[0].id
            with world.db.read() as tx:
                told = {problem.what for problem in problems.listing(tx)}
            assert len(deals) == 1 or told == {"duplicate_deal"}
