"""Whatever fails, and wherever a worker dies: after recovery there is one organisation, one deal and one note."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from sandbox import faults
from tests.bot.deals.world import DEADLINE, LEASE, World

CALLS = (
    "GET /api/v1/users",
    "GET /api/v2/organizations/search",
    "POST /api/v2/organizations",
    "GET /api/v1/users/me",
    "GET /api/v2/dealFields",
    "POST /api/v2/dealFields",
    "GET /api/v2/pipelines",
    "GET /api/v2/stages",
    "POST /api/v2/deals",
    "POST /api/v1/notes",
    "GET /api/v2/deals",
)
FAULTS = {
    "429": faults.status(429, retry_after=7),
    "500": faults.status(500),
    "drop": faults.drop(),
    "apply_then_drop": faults.apply_then_drop(),
    "truncate": faults.truncate(),
    "html": faults.body("<html>maintenance</html>"),
    "slow": faults.slow(DEADLINE + 0.2),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_at_every_call(world: World, fault: faults.Fault) -> None:
    slow_reads = fault.kind == "slow"  # they take their time, and fail as dropped ones do
    world.deadline = DEADLINE if fault.kind == "slow" else world.deadline
    for number, call in enumerate(call for call in CALLS if not slow_reads or call.startswith("POST")):
        opportunity = world.opportunity(f"Acme {number}")
        if call == "POST /api/v2/dealFields":
            world.pipedrive.records.fields["deal"].clear()
        world.pipedrive.faults.add(call, fault)
        world.push(opportunity)
        world.recover()
        world.assert_pushed_once(opportunity, f"Acme {number}")
        assert world.pipedrive.faults.take(*call.split()) is None, f"{call} was never made"


@pytest.mark.parametrize("fault", [FAULTS["500"], FAULTS["apply_then_drop"]], ids=["500", "apply_then_drop"])
def test_the_same_fault_three_times_in_a_row(world: World, fault: faults.Fault) -> None:
    for number, call in enumerate(("POST /api/v2/organizations", "POST /api/v2/deals", "POST /api/v1/notes")):
        opportunity = world.opportunity(f"Acme {number}")
        world.pipedrive.faults.add(call, fault, times=3)
        world.push(opportunity)
        world.recover()
        world.pipedrive.faults.clear()
        world.assert_pushed_once(opportunity, f"Acme {number}")


def test_a_write_that_the_look_up_cannot_confirm_waits(world: World) -> None:
    """Applied, dropped, and nothing can be read for a while: no second deal, and the card says what goes on."""
    opportunity = world.opportunity("Acme")
    world.pipedrive.faults.add("POST /api/v2/deals", faults.apply_then_drop())
    world.pipedrive.faults.add("GET /api/v2/deals*", faults.status(503), times=4)
    world.push(opportunity)
    world.work()
    assert world.see(opportunity).deal_state == "Checking whether Pipedrive saved the deal"
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


def test_a_slow_write_applied_after_the_answer_was_given_up(world: World) -> None:
    world.deadline = DEADLINE
    opportunity = world.opportunity("Acme")
    world.pipedrive.faults.add("POST /api/v2/deals", faults.slow(DEADLINE + 0.3))
    world.push(opportunity)
    world.recover()
    world.assert_pushed_once(opportunity, "Acme")


def test_an_impatient_second_push_does_not_create_what_is_still_under_way(world: World) -> None:
    world.deadline = DEADLINE
    opportunity = world.opportunity("Acme")
    world.pipedrive.faults.add("POST /api/v2/deals", faults.slow(DEADLINE + 0.7))
    world.push(opportunity)
    world.work()
    world.push(opportunity)
    world.work()
    assert not world.pipedrive.records.deals, "the first write should still be under way"
    world.pipedrive.wait_until_quiet()
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


def kills() -> Iterator[tuple[int, bool]]:
    for call in range(1, 13):
        yield call, False
        yield call, True


def test_a_worker_killed_between_any_two_steps(world: World) -> None:
    for number, (call, after) in enumerate(kills()):
        world.pipedrive.records.fields["deal"].clear()
        opportunity = world.opportunity(f"Acme {number}")
        world.push(opportunity)
        job, context = world.claim()
        with httpx.Client(transport=Deadly(call, after)) as client, pytest.raises(Killed):
            world.handler(client)(job, context)
        world.pipedrive.wait_until_quiet()
        world.clock.move(seconds=LEASE.total_seconds() + 1)
        world.recover()
        world.assert_pushed_once(opportunity, f"Acme {number}")


def test_a_worker_killed_after_the_deal_is_taken_over_without_a_wait_for_nothing(world: World) -> None:
    """The deal is found by its key at once, although the worker that made it could not tell."""
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    world.pipedrive.faults.add("POST /api/v2/deals", faults.apply_then_drop())
    began = world.clock()
    world.recover()
    assert world.clock() - began < timedelta(seconds=1)
    world.assert_pushed_once(opportunity, "Acme")


def test_a_worker_that_lost_its_lease_writes_nothing(world: World) -> None:
    opportunity = world.opportunity("Acme")
    world.push(opportunity)
    job, context = world.claim()
    world.clock.move(seconds=LEASE.total_seconds() + 1)
    world.recover()
    world.pipedrive.forget_calls()
    context.lost = True
    world.amend(opportunity, score=12, delta_arr=Decimal(1))
    with pytest.raises(Exception, match="no longer ours"):
        world.handler()(job, context)
    assert [call for call in world.pipedrive.calls if call.method != "GET"] == []
