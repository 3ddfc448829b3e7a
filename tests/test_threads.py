"""What people hear in a card's thread: each rise once, whatever is evaluated again, and the end by an upgrade."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copy

import pytest

from bot.config.startup import EXAMPLE
from bot.evaluation.decisions import carry_out
from bot.slack import ids
from bot.store import jobs, opportunities
from sandbox import faults
from sandbox.posthog.project import Event
from sandbox.posthog.stories import Story, visits
from sandbox.slack import Message
from tests.databases import MovedClock, elapse
from tests.stage import LIMIT, REP, Stage, near, stage, storing, words

Play = Callable[..., Stage]
SAVE = 'channel = "C0SALES"\nsave_channel = "C0SAVE"'


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


def thread(it: Stage, card: Message | None = None) -> list[str]:
    found = card or it.card()
    return [message.text for message in it.world.slack.workspace.replies(found.ts, found.channel)]


def claim(it: Stage) -> None:
    it.click(REP, it.card(), ids.CLAIM)
    it.work()


def snooze(it: Stage) -> None:
    it.submit(it.window(REP, it.card(), ids.SNOOZE), REP, {ids.UNTIL_BLOCK: "a_week"})
    it.work()
    assert it.state() == "snoozed"


def leaving(it: Stage) -> None:
    """Somebody of acme opens the page to cancel, a moment ago."""
    moment = it.clock()
    path = {"$pathname": "/cancel"}
    event = Event("$pageview", "p-acme-1", moment, path, {"company": "acme"}, created_at=moment)
    it.world.posthog.project.capture([event] * 3)


def test_each_level_is_told_once_and_to_the_owner(play: Play) -> None:
    it = play(near())
    it.evaluate()
    claim(it)
    assert thread(it) == [], "the card itself tells what it was opened for"
    it.calls(40)
    it.evaluate(hours=1)
    (told,) = thread(it)
    assert told.startswith(f"<@{REP}> Acme: API calls rose to 92 % of the limit: 920 of 1,000 used; at 10:00 it was 88")
    assert told.endswith("API calls: 94 % likely to pass the limit. That is new.")
    it.evaluate(hours=1)
    it.calls(100)
    it.evaluate(days=1)
    assert thread(it)[1:] == [
        f"<@{REP}> Acme: API calls passed the limit: 1,020 of 1,000 used; on Mon 23 Nov it was 92 %."
    ]
    it.evaluate(hours=1)
    assert len(thread(it)) == 2
    assert len(it.cards()) == 1


def test_a_level_that_comes_and_goes_is_told_once(play_on_sqlite: Play) -> None:
    it = play_on_sqlite(near(used=930))
    it.evaluate()
    claim(it)
    it.calls(100)
    it.evaluate(hours=1)
    assert len(thread(it)) == 1
    for limit in (1200, LIMIT, 1200, LIMIT):
        it.tell("acme", api_calls_limit=limit)
        it.evaluate(hours=1)
    assert len(thread(it)) == 1, "1,030 of 1,200 is a fall to 85 %, and the rise after it no news"
    it.calls(200)
    it.evaluate(hours=1)
    assert "API calls rose to 123 % of the limit" in thread(it)[1]


def test_an_evaluation_that_is_carried_out_twice_tells_nothing_twice(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.calls(40)
    found = it.headroom.evaluate(it.clock())
    for _ in range(2):
        with it.db.transaction() as tx:
            carry_out(tx, found.decisions, found.at)
    it.work()
    assert len(thread(it)) == 1
    with it.db.read() as tx:
        assert len(jobs.list_jobs(tx, kinds=("thread",))) == 1
        assert len(opportunities.told(tx, [it.opportunity().id])[it.opportunity().id]) == 2


def test_nobody_is_mentioned_where_nobody_owns_the_case(play_on_sqlite: Play) -> None:
    it = play_on_sqlite(near())
    it.evaluate()
    it.calls(40)
    it.evaluate(hours=1)
    (told,) = thread(it)
    assert told.startswith("Acme: API calls rose to 92 %")


def test_a_snoozed_case_returns_when_its_limit_is_passed_and_not_before(play: Play) -> None:
    it = play(near())
    it.evaluate()
    claim(it)
    snooze(it)
    it.calls(40)
    it.evaluate(hours=1)
    assert it.state() == "snoozed"
    (quiet,) = thread(it)
    assert quiet.startswith("Acme: API calls rose to 92 %"), "for the record, without disturbing anybody"
    it.calls(100)
    it.evaluate(hours=1)
    assert (it.state(), it.opportunity().owner, it.opportunity().snoozed_until) == ("claimed", REP, None)
    assert thread(it)[1].startswith(f"<@{REP}> Acme: API calls passed the limit: 1,020 of 1,000 used")
    assert thread(it)[1].endswith("It is back from its snooze.")
    assert "Snoozed" not in words(it.card())
    snooze(it)
    it.evaluate(hours=1)
    assert it.state() == "snoozed", "what was known when it was put off again brings it back no more"


def test_a_new_kind_of_signal_is_told_and_a_visit_to_the_plans_is_not(play_on_sqlite: Play) -> None:
    it = play_on_sqlite(storing())
    it.evaluate()
    claim(it)
    for person in ("p-acme-1", "p-acme-2", "p-acme-3"):
        for event, properties in (("feature_gate_hit", {"feature": "<sso>"}), ("$pageview", {"$pathname": "/pricing"})):
            moment = it.clock()
            seen = {**properties, "$session_id": f"s-{person}"}
            it.world.posthog.project.capture(
                [Event(event, person, moment, seen, {"company": "acme"}, created_at=moment)] * 2
            )
    it.evaluate(hours=1)
    (told,) = thread(it)
    assert told.startswith(f"<@{REP}> Acme: 3 people met the lock on &lt;sso&gt;, in 3 sessions")


def test_a_case_that_turns_stays_where_it_is_and_says_so(play_on_sqlite: Play, tmp_path: Path) -> None:
    it = play_on_sqlite(near(), HEADROOM_CONFIG=str(configured(tmp_path)))
    it.evaluate()
    snooze(it)
    leaving(it)
    it.evaluate(hours=1)
    assert it.state() == "open", "an account that may leave does not wait for the end of a snooze"
    assert it.card().text.startswith("Acme may leave")
    (told,) = thread(it)
    assert told.startswith("Acme: the account may leave.")
    assert it.world.slack.workspace.messages("C0SAVE") == []


def test_a_case_that_begins_as_a_save_goes_to_its_own_channel(play_on_sqlite: Play, tmp_path: Path) -> None:
    going = Story("gone", "Gone", "", "save", used=300, day=28, people=3, sights=(visits("/cancel", 1, 2, 3),))
    it = play_on_sqlite(near(), going, HEADROOM_CONFIG=str(configured(tmp_path)))
    it.world.slack.faults.add("/api/chat.postMessage", faults.apply_then_drop(), times=2)
    it.evaluate()
    elapse(it.db, it.clock, seconds=60)
    it.work()
    (card,) = it.world.slack.workspace.messages("C0SAVE")
    assert card.text.startswith("Gone may leave")
    assert [one.text[:4] for one in it.cards()] == ["Acme"]
    it.click(REP, card, ids.CLAIM)
    it.work()
    assert f"Claimed by <@{REP}>" in words(card)


def configured(folder: Path) -> Path:
    """The example's configuration, with a channel for saves."""
    file = folder / "headroom.toml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8").replace('channel = "C0SALES"', SAVE), encoding="utf-8")
    return file


def test_an_upgrade_is_told_to_whoever_owns_the_case(play: Play) -> None:
    it = play(storing())
    it.evaluate()
    claim(it)
    it.tell("acme", plan="growth")
    it.evaluate(hours=1)
    assert it.state() == "upgraded"
    assert thread(it) == [f"<@{REP}> Acme upgraded from Starter to Growth. This case is closed."]
    it.evaluate(hours=1)
    assert len(thread(it)) == 1


def test_a_message_whose_card_was_deleted_stands_below_the_new_one(play: Play) -> None:
    it = play(near())
    it.evaluate()
    claim(it)
    it.calls(40)
    it.headroom.evaluate(it.clock())
    it.world.slack.workspace.channels["C0SALES"].messages.clear()
    it.work()
    elapse(it.db, it.clock, seconds=60)
    it.work()
    assert len(it.cards()) == 1
    assert len(thread(it)) == 1
