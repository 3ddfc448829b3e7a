"""Data that cannot be trusted, through the whole bot: nothing moves, one problem is told, and it passes by itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from shutil import copy

import pytest

from bot import doctor
from bot.evaluation import Evaluation, faults
from bot.evaluation.decisions import Amend
from bot.evaluation.signals import HeldBack
from bot.store import accounts, problems
from bot.why import why
from sandbox.posthog.stories import Story
from tests.databases import MovedClock
from tests.stage import Stage, near, stage, words

Play = Callable[..., Stage]
FLEET = [f"account{number:02}" for number in range(12)]


@pytest.fixture
def play(tmp_path: Path, sqlite_template: Path, clock: MovedClock) -> Iterator[Play]:
    file = copy(sqlite_template, tmp_path / "headroom.db")
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(f"sqlite:///{file}", clock, *stories))


def fleet(used: int = 600) -> list[Story]:
    """A dozen accounts that use some thirty calls on workdays; the first is near its limit."""
    return [near(FLEET[0], 880), *(near(key, used) for key in FLEET[1:])]


def told(it: Stage) -> list[tuple[str, str | None, str | None]]:
    """Problems of the data, as anybody finds them in the store."""
    with it.db.read() as tx:
        found = [one for one in problems.listing(tx) if one.source == "health"]
    return sorted((one.what, one.account, one.metric) for one in found)


def doubted(found: Evaluation) -> set[tuple[str, str | None]]:
    return {(one.reason, one.metric) for one in found.held_back}


def test_events_counted_twice_for_everybody_make_no_card_and_one_problem(play: Play) -> None:
    it = play(*fleet())
    it.evaluate()
    (card,) = it.cards()
    it.clock.move(days=1)  # a Tuesday
    for key in FLEET:
        it.calls(150, key, ago=timedelta(hours=1))
    found = it.evaluate()
    assert told(it) == [("fleet_shift", None, "api_calls")]
    assert ("fleet_shift", "api_calls") in doubted(found)
    assert [type(one) for one in found.decisions] == [Amend]
    assert len(it.cards()) == 1
    assert "880 of 1,000" in words(it.card())
    (line,) = [check.what for check in doctor.open_problems(it.db)() if "API calls" in check.what]
    assert "12 of 12 accounts looked at rose far above what they usually use, all on 24 Nov" in line
    assert "so events may be counted twice" in line
    assert "Its signals stay as they were until that is over, or until 02 Dec" in line
    assert card.ts == it.card().ts


def test_a_metric_that_vanished_is_one_problem_and_comes_back(play: Play) -> None:
    it = play(*fleet())
    it.evaluate()
    before = it.opportunity(FLEET[0])
    found = it.evaluate(days=3)
    assert told(it) == [("metric_vanished", None, "api_calls"), ("metric_vanished", None, "data_gb")]
    assert ("metric_vanished", "api_calls") in doubted(found)
    after = it.opportunity(FLEET[0])
    assert (after.state, after.signals) == (before.state, before.signals)
    for key in FLEET:
        it.calls(20, key)
    it.evaluate(hours=1)
    assert told(it) == [("metric_vanished", None, "data_gb")]


def test_one_account_that_falls_silent_is_a_problem_where_it_has_signals(play: Play) -> None:
    it = play(near("acme"), near("bluefin", 300), near("cobalt", 300))
    it.evaluate()
    for _ in range(6):
        it.clock.move(days=1)
        it.calls(30, "cobalt")
    found = it.evaluate()
    assert HeldBack("acme", "stale_data", "api_calls") in found.held_back
    assert HeldBack("bluefin", "stale_data", "api_calls") in found.held_back
    assert told(it) == [("tracking_silent", "acme", None)]
    it.calls(1, "acme")
    it.evaluate(hours=1)
    assert told(it) == []


def test_a_long_weekend_is_no_silence(play: Play) -> None:
    it = play(near("acme"))
    it.evaluate()
    it.evaluate(days=4)
    assert told(it) == []


def test_a_customer_that_goes_on_under_another_key(play: Play) -> None:
    it = play(near("acme"), near("other", 300))
    it.evaluate()
    it.tell("acme-2026", name="ACME ", plan="starter", domain="acme-two.example", api_calls_limit=1000)
    for _ in range(5):
        it.clock.move(days=1)
        it.calls(40, "acme-2026")
        it.calls(30, "other")
    found = it.evaluate()
    assert told(it) == [("key_changed", "acme", None)]
    assert HeldBack("acme", "key_changed", "api_calls") in found.held_back
    assert it.state("acme") == "open"
    (line,) = [check.what for check in doctor.open_problems(it.db)() if "key_changed" in check.what]
    assert "'acme' any more, and 'acme-2026', with the same name or domain, began" in line


def test_a_limit_far_below_that_of_others_is_told_as_that(play: Play) -> None:
    config = play(near(FLEET[0])).headroom.config
    (little,) = faults.absurd_limits(config, "api_calls", {"acme": (0.9, 0.0)})
    assert "which cannot be meant: others on its plan have more than a thousand times as much" in little.detail


def test_limits_that_cannot_be_meant_make_no_card(play: Play) -> None:
    mates = [near(key, 600) for key in FLEET[1:6]]
    thousands = near("thousands", 880, properties={"api_calls_limit": 0.9})  # written in thousands
    it = play(near(FLEET[0], 880), thousands, near("nothing", 880, properties={"api_calls_limit": 0}), *mates)
    found = it.evaluate()
    assert {card.text.split()[0] for card in it.cards()} == {"Account00"}
    assert told(it) == [("limit_absurd", "thousands", "api_calls"), ("limit_invalid", "nothing", "api_calls")]
    assert HeldBack("thousands", "limit_absurd", "api_calls") in found.held_back
    assert HeldBack("nothing", "limit_invalid", "api_calls") in found.held_back
    lines = {check.what for check in doctor.open_problems(it.db)()}
    assert any(
        "Its limit of API calls is 0.9, which cannot be meant: it uses 880. Set the right" in line for line in lines
    )
    assert any("api_calls_limit is '0', which is no limit" in line for line in lines)
    it.tell("thousands", api_calls_limit=900)
    it.evaluate(hours=1)
    assert told(it) == [("limit_invalid", "nothing", "api_calls")]
    assert it.state("thousands") == "open"


def test_why_tells_the_doubt_and_the_levels_of_an_account(play: Play) -> None:
    it = play(near("acme", properties={"api_calls_limit": 0.9}))
    it.evaluate()
    with it.db.read() as tx:
        (account,) = accounts.find(tx, "acme")
        told = why(tx, it.headroom.config, account)
    (step,) = [step for step in told.parts[0].steps if step.rule == "figures can be trusted"]
    assert (step.met, "its limit cannot be meant" in step.value) == (False, True)


def test_the_same_fault_of_many_accounts_is_one_problem(play: Play) -> None:
    many = [near(f"account{number:02}", 300, properties={"api_calls_limit": "none"}) for number in range(21)]
    it = play(*many, near("renamed", 300, plan="scale"))
    it.evaluate()
    assert told(it) == [("limit_invalid", None, "api_calls"), ("unknown_plan", None, None)]
    lines = " ".join(check.what for check in doctor.open_problems(it.db)())
    assert "21 accounts have a api_calls_limit that is no limit, such as 'account00', 'account01'" in lines
    assert "plans that headroom.toml does not know: 'scale' (1)" in lines
