"""What drives the usage: asked for new cards only, after they are on their way, and whether it grew in a burst."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest

from bot.evaluation.drivers import growth
from bot.report import as_json
from bot.slack import ids
from sandbox import faults
from tests.databases import MovedClock
from tests.stage import REP, Stage, near, quiet, stage, storing, words

TODAY = date(2026, 11, 22)
QUERIES = "POST /api/projects/1/query/"
FACTS = "API calls of the last 30 days: /v1/export makes 84 %; all 3 people take part"
WEEK = np.array([10.0, 11, 11, 10, 9, 3, 3])
Play = Callable[..., Stage]


def days(*weeks: float) -> Any:
    return np.concatenate([WEEK * week for week in weeks])


def spike(ago: int, height: float) -> Any:
    usage = days(*[1] * 8)
    usage[-ago] += height
    return usage


@pytest.mark.parametrize(
    ("usage", "burst", "share", "on"),
    [
        (days(*(1.09**week for week in range(8))), None, 0.36, None),
        (days(1, 1, 1, 1, 2, 2, 2, 2), None, 0.25, None),
        (days(1, 1, 1, 1, 1, 1, 1, 3), "week", 1.0, TODAY - timedelta(days=7)),
        (days(1, 1, 1, 1, 1, 3, 1, 1), "week", 1.0, TODAY - timedelta(days=21)),
        (spike(5, 50), "day", 1.0, TODAY - timedelta(days=5)),
        (spike(1, 50), "day", 1.0, TODAY - timedelta(days=1)),
        (spike(40, 50), None, None, None),
        (days(*[1] * 8), None, None, None),
        (days(*(1.02**week for week in range(8))), None, None, None),  # 8 % in four weeks
        (days(1, 1, 1), None, None, None),
        (np.where(np.arange(56) < 3, np.nan, days(*range(1, 9))), None, None, None),
        (np.zeros(56), None, None, None),
        (np.concatenate([np.zeros(28), days(1, 1, 1, 1)]), None, 0.25, None),
    ],
)
def test_whether_growth_is_steady_or_came_at_once(usage: Any, burst: Any, share: Any, on: Any) -> None:
    found = growth(usage, TODAY)

    assert (found.get("burst"), found.get("burst_on")) == (burst, on)
    assert found.get("burst_share") == (share and pytest.approx(share, abs=0.02))


@pytest.fixture
def play(tmp_path: Path, sqlite_template: Path, clock: MovedClock) -> Iterator[Play]:
    file = copy(sqlite_template, tmp_path / "headroom.db")
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(f"sqlite:///{file}", clock, *stories))


@pytest.fixture
def play_on_both(migrated_url: str, clock: MovedClock) -> Iterator[Play]:
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(migrated_url, clock, *stories))


def asked(it: Stage) -> int:
    return sum("headroom_drivers" in str(call.request.body) for call in it.world.posthog.calls)


def test_the_card_the_details_the_note_and_the_json_tell_what_drives_the_usage(play_on_both: Play) -> None:
    it = play_on_both(near(), quiet())
    found = it.evaluate()
    assert FACTS in words(it.card())
    assert (it.card().versions, it.opportunity().version) == (1, 1), "the card had not been drawn yet"
    assert asked(it) == 1
    (told,) = as_json(found)["opportunities"]
    (driver,) = told["drivers"]
    assert (driver["metric"], driver["people"], driver["property"]) == ("api_calls", 3, "endpoint")
    assert [value for value, _ in driver["values"]] == ["/v1/export", "/v1/search"]
    assert FACTS in str(it.window(REP, it.card(), ids.DETAILS).content)
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    (note,) = it.world.pipedrive.records.notes.values()
    assert f"{FACTS}." in note["content"]


def test_only_a_card_that_is_new_or_rises_asks(play: Play) -> None:
    it = play(near())
    first = it.evaluate()
    steady = it.evaluate(hours=1)
    assert (asked(it), first.calls - steady.calls) == (1, 1)  # the group types and the drivers, against late events
    it.calls(30)
    it.evaluate(hours=1)
    assert asked(it) == 2, "90 % is a higher level"
    (told,) = as_json(it.evaluate(hours=1))["opportunities"]
    assert asked(it) == 2
    assert told["drivers"][0]["people"] == 3, "known from before"


def test_a_card_of_a_level_or_of_people_asks_nothing(play: Play) -> None:
    it = play(storing())
    it.evaluate()
    assert asked(it) == 0
    assert it.opportunity().drivers == ()


def test_posthog_failing_on_it_costs_a_line_and_the_next_evaluation_has_it(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.world.posthog.faults.add(QUERIES, faults.status(400), skip=3)  # after facts, daily and windows
    found = it.evaluate()
    assert [type(decision).__name__ for decision in found.decisions] == ["Open"]
    assert it.card().text.startswith("Acme passes its limit")
    assert FACTS not in words(it.card())
    assert it.opportunity().drivers is None
    assert it.problems() == []
    it.evaluate(hours=1)
    assert FACTS in words(it.card())
    assert (it.card().versions, asked(it)) == (2, 2)


def test_a_dry_run_tells_it_and_stores_nothing(play: Play) -> None:
    it = play(near())
    found = it.headroom.evaluate(it.clock(), dry_run=True)
    assert [one.people for one in found.drivers["acme"]] == [3]
    assert it.opportunities() == []
