"""Managers hear of faults in the data: each once, several together, once a day unless something graver happens."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

import pytest

from bot import notices
from bot.config.startup import EXAMPLE
from bot.store import holds, jobs, problems
from sandbox import faults
from sandbox.slack.blocks import message_faults
from tests.databases import MovedClock, elapse
from tests.stage import BOSS, REVOPS, Stage, near, stage

Play = Callable[..., Stage]


@pytest.fixture
def play(migrated_url: str, clock: MovedClock) -> Iterator[Play]:
    """A stage for the given stories, on each database."""
    with ExitStack() as stack:
        yield lambda *stories, **given: stack.enter_context(stage(migrated_url, clock, *stories, **given))


@pytest.fixture
def play_on_sqlite(tmp_path: Path, sqlite_template: Path, clock: MovedClock) -> Iterator[Play]:
    url = f"sqlite:///{copy(sqlite_template, tmp_path / 'headroom.db')}"
    with ExitStack() as stack:
        yield lambda *stories, **given: stack.enter_context(stage(url, clock, *stories, **given))


@dataclass(frozen=True)
class Fault:
    what: str
    account: str | None = None
    detail: str = "no events since Monday"
    metric: str | None = None


def tick(it: Stage, **later: float) -> None:
    it.clock.move(**later)
    it.headroom.tick()
    it.work()


def report(it: Stage, *found: Fault, source: str = "health") -> None:
    with it.db.transaction() as tx:
        problems.report(tx, source, found)


def heard(it: Stage, user: str = BOSS) -> list[str]:
    """The direct messages of a person, all of their words."""
    messages = it.world.slack.workspace.messages(f"D{user[1:]}")
    assert all(message_faults(message.blocks) == [] for message in messages)
    return ["\n".join(block["text"]["text"] for block in message.blocks) for message in messages]


def test_a_fault_is_told_once_while_it_stays_open(play: Play) -> None:
    it = play(near(properties={"arr": "a lot"}), near("bluefin"))
    it.evaluate()
    tick(it)
    for user in (BOSS, REVOPS):
        (told,) = heard(it, user)
        assert told.startswith("Headroom found 1 fault in the data\n• Acme: arr is 'a lot', which is not an amount")
        assert "Compare what PostHog holds with headroom.toml" in told
    it.evaluate(days=2)
    tick(it)
    it.tell("acme", arr="more still")
    it.evaluate(hours=1)
    tick(it)
    assert len(heard(it)) == 1, "it is the same fault, in other words"
    it.tell("acme", arr=1200)
    it.evaluate(days=1)
    it.tell("acme", arr="a lot")
    it.evaluate(days=1)
    tick(it)
    assert len(heard(it)) == 2, "mended, and there again"
    assert len(it.cards()) == 2


def test_several_faults_make_one_message_the_gravest_first(play: Play) -> None:
    it = play()
    report(it, *(Fault("gone_silent", f"acct_{number}") for number in range(1200)), Fault("all_silent"))
    tick(it)
    (told,) = heard(it)
    lines = told.splitlines()
    assert lines[0] == "Headroom found 1,201 faults in the data"
    assert lines[1] == "• no events since Monday"
    assert lines[2] == "• acct_0: no events since Monday"
    assert lines[6] == "… and 1,196 more"


def test_one_message_a_day_unless_something_graver_happened(play_on_sqlite: Play) -> None:
    it = play_on_sqlite()
    mild, other, grave, graver = Fault("a", "x"), Fault("b", "y"), Fault("c"), Fault("d")
    report(it, mild)
    tick(it)
    report(it, mild, other)
    tick(it, hours=23)
    assert len(heard(it)) == 1
    report(it, mild, other, grave)
    tick(it)
    assert len(heard(it)) == 2, "everybody's data is more than one account's"
    assert "found 2 faults" in heard(it)[1]
    report(it, mild, other, grave, graver)
    tick(it, hours=2)
    assert len(heard(it)) == 2
    tick(it, hours=22)
    assert len(heard(it)) == 3
    tick(it, days=2)
    assert len(heard(it)) == 3


def test_a_fault_that_is_mended_before_its_turn_is_not_told(play_on_sqlite: Play) -> None:
    it = play_on_sqlite()
    report(it, Fault("a", "x"))
    tick(it)
    report(it, Fault("a", "x"), Fault("b", "y"))
    tick(it)
    report(it, Fault("a", "x"))
    tick(it, days=2)
    assert len(heard(it)) == 1


def test_other_problems_are_not_the_managers(play_on_sqlite: Play) -> None:
    it = play_on_sqlite()
    report(it, Fault("card_not_shown"), source="card:1")
    tick(it)
    assert heard(it) == []


def test_without_a_manager_nothing_is_told(play_on_sqlite: Play, tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    named = 'managers = ["U0BOSS", "S0REVOPS"]'
    file.write_text(EXAMPLE.read_text(encoding="utf-8").replace(named, "managers = []"), encoding="utf-8")
    it = play_on_sqlite(HEADROOM_CONFIG=str(file))
    report(it, Fault("a"))
    tick(it)
    with it.db.read() as tx:
        assert jobs.list_jobs(tx) == []


def test_replicas_that_tick_at_once_tell_once(play: Play) -> None:
    it = play()
    report(it, Fault("a"), Fault("b", "x"))
    with ThreadPoolExecutor(1) as other:
        with it.db.transaction() as tx:
            notices.tell_managers(tx, it.headroom.config.slack.managers)
            second = other.submit(it.headroom.tick)
            time.sleep(0.5)  # time enough to come as far as the faults that the first one holds
            it.clock.move(seconds=1)
        second.result()
    it.work()
    assert len(heard(it)) == len(heard(it, REVOPS)) == 1


def test_who_is_named_and_in_a_group_hears_it_once(play_on_sqlite: Play) -> None:
    it = play_on_sqlite()
    it.world.slack.workspace.groups["S0REVOPS"] = [BOSS, REVOPS]
    report(it, Fault("a"))
    tick(it)
    assert len(heard(it)) == len(heard(it, REVOPS)) == 1


@pytest.mark.parametrize("fault", [faults.apply_then_drop(), faults.drop(), faults.status(500), faults.truncate()])
def test_a_notice_arrives_once_whatever_happens_to_its_answer(play_on_sqlite: Play, fault: faults.Fault) -> None:
    it = play_on_sqlite()
    report(it, Fault("a"))
    it.world.slack.faults.add("/api/chat.postMessage", fault, times=2)
    tick(it)
    for _ in range(3):
        elapse(it.db, it.clock, seconds=60)
        it.work()
    assert len(heard(it)) == len(heard(it, REVOPS)) == 1


@pytest.mark.parametrize("scope", ["im:write", "usergroups:read"])
def test_a_missing_scope_holds_back_notices_and_no_cards(play_on_sqlite: Play, scope: str) -> None:
    it = play_on_sqlite(near())
    it.world.slack.workspace.scopes.remove(scope)
    report(it, Fault("a"))
    tick(it)
    assert heard(it, REVOPS) == []
    with it.db.read() as tx:
        assert [hold.scope for hold in holds.paused(tx)] == ["slack:notice"]
    it.evaluate()
    assert len(it.cards()) == 1
    it.world.slack.workspace.scopes.add(scope)
    for _ in range(3):
        elapse(it.db, it.clock, minutes=6)
        it.work()
    assert len(heard(it)) == len(heard(it, REVOPS)) == 1


def test_a_manager_who_left_keeps_it_from_nobody_else(play_on_sqlite: Play) -> None:
    it = play_on_sqlite()
    it.world.slack.workspace.users[BOSS].deleted = True
    report(it, Fault("a"))
    tick(it)
    assert len(heard(it, REVOPS)) == 1
    with it.db.read() as tx:
        assert [job.payload["to"] for job in jobs.list_jobs(tx, kinds=(notices.KIND,), states=("failed",))] == [BOSS]


def test_a_name_or_a_value_of_harm_reads_as_text(play_on_sqlite: Play) -> None:
    it = play_on_sqlite(near(name="<!channel> *Acme*", properties={"arr": "<@U0REP1> `a lot`"}))
    it.evaluate()
    tick(it)
    (told,) = heard(it)
    fault = told.splitlines()[1]
    assert fault.startswith("• &lt;!channel&gt; ∗Acme∗: arr is '&lt;@U0REP1&gt; ˋa lotˋ'")  # noqa: RUF001 - lookalikes
