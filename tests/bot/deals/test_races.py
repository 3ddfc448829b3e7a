"""Double clicks, two reps at once, several workers at once: a hundred rounds, and never a second of anything."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bot.outbox.worker import Pace, Worker
from bot.slack.desk import Answer, Click
from tests.bot.deals.world import LEASE, World

ROUNDS = 100
REPS = {"U0REP1": "Rep One", "U0REP2": "Rep Two"}


def together(world: World, opportunity: int, clicks: list[Click]) -> list[Answer]:
    """All clicks at the same moment."""
    start = Barrier(len(clicks))

    def press(click: Click) -> Answer:
        start.wait()
        return world.desk.push(click, opportunity)

    with ThreadPoolExecutor(len(clicks)) as pool:
        return list(pool.map(press, clicks))


def test_a_hundred_double_clicks_make_a_hundred_deals(world: World) -> None:
    world.crm["follow_up"] = {}
    for number in range(ROUNDS):
        opportunity = world.opportunity(f"Acme {number:03}")
        first, second = Click(f"a{number}", "U0REP2"), Click(f"b{number}", "U0REP2")
        assert all(answer.ok for answer in together(world, opportunity, [first, first, second]))
    two_workers(world)
    for number in range(ROUNDS):
        world.assert_pushed_once(number + 1, f"Acme {number:03}")


def test_of_two_reps_at_once_one_owns_the_deal(world: World) -> None:
    world.crm["follow_up"] = {}
    for number in range(ROUNDS):
        opportunity = world.opportunity(f"Acme {number:03}")
        answers = together(world, opportunity, [Click(f"{rep}{number}", rep) for rep in REPS])
        assert sorted(answer.ok for answer in answers) == [False, True]
    two_workers(world)
    for number in range(ROUNDS):
        name, seen = f"Acme {number:03}", world.see(number + 1)
        assert world.note(name)
        assert world.deal(name).owner == REPS[seen.owner or ""]
        assert [task.owner for task in world.vendor.tasks() if name in task.subject] == [REPS[seen.owner or ""]]


def two_workers(world: World) -> None:
    """As two replicas have them."""
    workers = [Worker(world.db, world.handlers(), Pace(4, LEASE, 0.01)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda worker: worker.run_until_idle(120), workers))
    world.recover()
