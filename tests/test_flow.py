"""From usage to cards, clicks and deals, with nothing left out: real servers, a real database, signed clicks."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from shutil import copy
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from bot.config.startup import EXAMPLE
from bot.evaluation import Evaluation
from bot.evaluation.signals import HeldBack
from bot.model import Opportunity
from bot.posthog.errors import PostHogError
from bot.report import as_json
from bot.slack import ids
from bot.store import jobs
from sandbox import faults
from sandbox.posthog.stories import STORIES, Story, invited, lock
from sandbox.slack.people import Delivery, signed_headers
from tests.databases import MovedClock, elapse
from tests.stage import BOSS, LIMIT, REP, REVOPS, RIVAL, Stage, near, quiet, stage, storing, words

QUERIES = "POST /api/projects/1/query/"
Play = Callable[..., Stage]


@pytest.fixture
def play(tmp_path: Path, sqlite_template: Path, clock: MovedClock) -> Iterator[Play]:
    """A stage for the given stories, on SQLite."""
    file = copy(sqlite_template, tmp_path / "headroom.db")
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(f"sqlite:///{file}", clock, *stories))


@pytest.fixture
def play_on_both(migrated_url: str, clock: MovedClock) -> Iterator[Play]:
    """A stage for the given stories, on each database."""
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(migrated_url, clock, *stories))


def level(opportunity: Opportunity) -> float | None:
    return next(signal.level for signal in opportunity.signals if signal.kind == "approaching_limit")


def kinds(found: Evaluation) -> list[str]:
    return [type(decision).__name__ for decision in found.decisions]


def test_usage_becomes_a_card_and_a_click_becomes_a_deal(play_on_both: Play) -> None:
    it = play_on_both(near(), quiet())
    assert kinds(it.evaluate()) == ["Open"]
    card = it.card()
    assert card.text.startswith("Acme passes its limit for API calls around Thu 26 Nov")
    assert "880 of 1,000 used on day 28 of 31" in words(card)
    it.click(REP, card, ids.CLAIM)
    it.click(REP, card, ids.PUSH)
    it.work()
    assert it.records() == (1, 1, 1)
    (deal,) = it.world.pipedrive.records.deals.values()
    owner = next(user for user in it.world.pipedrive.records.users if user["id"] == deal["owner_id"])
    assert (owner["email"], deal["value"], deal["currency"]) == ("rep.one@sales.example", 4800, "EUR")
    assert (deal["pipeline_id"], deal["stage_id"], deal["expected_close_date"]) == (2, 2, "2026-12-23")
    (note,) = it.world.pipedrive.records.notes.values()
    assert (note["deal_id"], "880 of 1,000" in note["content"]) == (deal["id"], True)
    shown = it.opportunity().deal
    assert shown is not None
    assert shown.url in words(it.card())
    assert f"Claimed by <@{REP}>" in words(it.card())


def test_later_usage_moves_the_same_card_the_same_deal_and_the_same_note(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.evaluate()
    first = it.card()
    it.click(REP, first, ids.PUSH)
    it.work()
    edits, note = it.card().versions, next(iter(it.world.pipedrive.records.notes.values()))["content"]
    assert kinds(it.evaluate(minutes=30)) == ["Amend"]
    assert it.card().versions == edits, "nothing has changed, so nothing is edited"
    it.calls(150)
    it.evaluate(days=1)
    assert it.card().ts == first.ts
    assert it.card().text == "Acme is over its limit for API calls: 103 % used"
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    assert it.records() == (1, 1, 1)
    (deal,), (after,) = it.world.pipedrive.records.deals.values(), it.world.pipedrive.records.notes.values()
    assert deal["expected_close_date"] == "2026-12-23", "set when it was made, and the team's from then on"
    assert after["content"] != note
    assert "1,030 of 1,000" in after["content"]
    assert len(it.opportunities()) == 1


def test_the_deal_follows_usage_by_itself_but_not_where_a_person_wrote(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.evaluate()
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    (deal,) = it.world.pipedrive.records.deals.values()
    it.world.pipedrive.records.change_deal(deal, {"value": 1234})
    it.calls(150)
    it.evaluate(days=1)
    it.work()
    (note,) = it.world.pipedrive.records.notes.values()
    assert "1,030 of 1,000" in note["content"]
    assert deal["value"] == 1234
    assert it.records() == (1, 1, 1)


def test_a_deal_that_people_made_is_asked_about_on_the_card(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.evaluate()
    crm = it.world.pipedrive.records
    organisation = crm.add_organization({"name": "Acme"})["id"]
    theirs = crm.add_deal({"title": "By hand", "org_id": organisation, "pipeline_id": 2, "value": 10})
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    assert "already has an open deal for Acme" in words(it.card())
    assert it.records() == (1, 1, 0)
    it.click(RIVAL, it.card(), ids.USE_DEAL)
    it.click(REP, it.card(), ids.USE_DEAL)
    it.work()
    assert it.records() == (1, 1, 1)
    assert it.opportunity().key in theirs["custom_fields"].values()
    assert theirs["value"] == 10
    assert "already has" not in words(it.card())
    assert any(f"<@{REP}> has this one" in told for told in it.whispers(RIVAL))


def test_a_rep_whom_the_crm_does_not_know_says_who_they_are(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.evaluate()
    it.world.slack.workspace.users[REP].email = "elsewhere@sales.example"
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    assert it.records() == (0, 0, 0)
    view = it.window(REP, it.card(), ids.CHOOSE_OWNER)
    offered = it.world.slack.people.type_into(view, REP, ids.OWNER_BLOCK, "one")
    assert it.submit(view, REP, {ids.OWNER_BLOCK: offered[0]["value"]}) == {}
    it.work()
    (deal,) = it.world.pipedrive.records.deals.values()
    assert str(deal["owner_id"]) == offered[0]["value"]
    assert it.records() == (1, 1, 1)


def test_two_reps_race_for_every_card(play_on_both: Play) -> None:
    it = play_on_both(*(near(f"acme{number}") for number in range(4)))
    it.evaluate()
    cards = it.cards()
    assert len(cards) == 4
    with ThreadPoolExecutor(8) as people:
        acks = list(
            people.map(lambda of: it.click(of[0], of[1], ids.CLAIM), [(u, c) for c in cards for u in (REP, RIVAL)])
        )
    assert all(ack.seconds < 3 for ack in acks)
    it.work()
    owners = [one.owner for one in it.opportunities()]
    assert all(owner in (REP, RIVAL) for owner in owners)
    losers = [RIVAL if owner == REP else REP for owner in owners]
    told = [*it.whispers(REP), *it.whispers(RIVAL)]
    assert sorted(told) == sorted(f"<@{owner}> has this one." for owner in owners)
    assert len(it.whispers(REP)) == losers.count(REP)
    for opportunity in it.opportunities():
        assert opportunity.card is not None
        shown = it.world.slack.workspace.find_message(opportunity.card.ts)
        assert f"Claimed by <@{opportunity.owner}>" in words(shown)


def deliver(stage_: Stage, delivery: Delivery, times: int) -> list[int]:
    """The same bytes with the same signature, all at once."""
    address = urlsplit(stage_.world.slack.people.bot_url or "")
    body = urlencode(delivery.form)
    headers = signed_headers(stage_.world.slack.workspace.signing_secret, body)

    def once(_: int) -> int:
        connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
        connection.request("POST", address.path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(times) as wires:
        return list(wires.map(once, range(times)))


def test_one_click_delivered_five_times_has_one_effect(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.evaluate()
    first = it.click(REP, it.card(), ids.PUSH)
    assert deliver(it, first.delivery, 4) == [200] * 4
    it.work()
    assert deliver(it, first.delivery, 1) == [200]
    it.work()
    assert it.records() == (1, 1, 1)
    with it.db.read() as tx:
        assert len(jobs.list_jobs(tx, kinds=("push_deal",))) == 1
    assert it.whispers(REP) == []


def test_a_click_that_nobody_signed_does_nothing(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.world.slack.workspace.signing_secret = "another secret"
    assert it.world.slack.people.click(REP, it.card().ts, ids.CLAIM).status == 401
    assert it.state() == "open"


def test_what_a_rep_snoozed_returns_by_itself(play: Play) -> None:
    it = play(near())
    it.evaluate()
    window = it.window(REP, it.card(), ids.SNOOZE)
    assert it.submit(window, REP, {ids.UNTIL_BLOCK: "tomorrow"}) == {}
    it.work()
    assert it.state() == "snoozed"
    assert "Snoozed until Tue 24 Nov" in words(it.card())
    it.evaluate(hours=21, minutes=59)  # a minute before eight in the project's time zone
    it.headroom.tick()
    assert it.state() == "snoozed"
    it.clock.move(minutes=1)
    it.headroom.tick()
    it.work()
    assert it.state() == "open"
    assert "Snoozed" not in words(it.card())
    assert "opportunity.claim" in words(it.card())


def test_what_an_owner_snoozed_is_still_theirs(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.click(REP, it.card(), ids.CLAIM)
    it.work()
    it.submit(it.window(REP, it.card(), ids.SNOOZE), REP, {ids.UNTIL_BLOCK: "3_days"})
    it.tell("acme", api_calls_limit=5 * LIMIT)
    it.evaluate(hours=1)
    assert it.state() == "snoozed", "usage that falls takes no work away from a rep"
    it.clock.move(days=3)
    it.headroom.tick()
    assert (it.state(), it.opportunity().owner) == ("claimed", REP)


def test_a_dismissed_account_stays_silent_until_something_graver_happens(play_on_both: Play) -> None:
    it = play_on_both(near())
    it.evaluate()
    card = it.card()
    it.dismiss(REP, card, "wrong_time", "asked in spring")
    assert it.state() == "dismissed"
    assert "Dismissed: Wrong time, asked in spring" in words(it.card())
    found = it.evaluate(hours=1)
    assert kinds(found) == ["HoldBack"]
    assert HeldBack("acme", "dismissed_lately") in found.held_back
    assert "its last opportunity was dismissed, and nothing graver" in it.ask(REP, "/upsell", "why acme")
    it.calls(40)
    assert kinds(it.evaluate(hours=1)) == ["Open"]
    assert [message.ts == card.ts for message in it.cards()] == [True, False]
    assert [one.state for one in it.opportunities()] == ["dismissed", "open"]
    assert level(it.opportunity()) == 90


def test_only_the_owner_may_dismiss(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.click(REP, it.card(), ids.CLAIM)
    it.work()
    window = it.window(RIVAL, it.card(), ids.DISMISS)
    assert "has this one" in str(it.submit(window, RIVAL, {ids.REASON_BLOCK: "not_relevant"}))
    assert it.state() == "claimed"


def test_a_new_limit_resolves_what_nobody_has_claimed(play: Play) -> None:
    it = play(near("acme"), near("bluefin"))
    it.evaluate()
    claimed = next(card for card in it.cards() if card.text.startswith("Bluefin"))
    it.click(REP, claimed, ids.CLAIM)
    for key in ("acme", "bluefin"):
        it.tell(key, api_calls_limit=5 * LIMIT)
    it.evaluate(hours=1)
    assert (it.state("acme"), it.state("bluefin")) == ("resolved", "claimed")
    kept, resolved = sorted(it.cards(), key=lambda card: card.text)
    assert resolved.text.startswith("Closed: Acme")
    assert "Closed: no signal is on any more" in words(resolved)
    assert f"Claimed by <@{REP}>" in words(kept)


def test_a_new_billing_month_arms_the_levels_again(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.clock.move(days=4)
    it.calls(20)
    it.evaluate()
    assert it.state() == "resolved"
    it.calls(800)
    it.evaluate(days=1)
    assert [one.state for one in it.opportunities()] == ["resolved", "open"]
    assert len(it.cards()) == 2


@pytest.mark.parametrize("sights", [(), (lock("sso", 2, 4, 6, people=3),)], ids=["nothing else", "a lock-out too"])
def test_an_upgrade_closes_the_case(play: Play, sights: tuple[Any, ...]) -> None:
    it = play(storing("acme", 47.5, *sights))
    it.evaluate()
    it.click(REP, it.card(), ids.CLAIM)
    it.tell("acme", plan="growth")
    it.evaluate(hours=1)
    assert it.state() == "upgraded"
    assert "Upgraded" in words(it.card())
    it.evaluate(hours=1)
    assert len(it.opportunities()) == len(it.cards()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500),
        faults.truncate(),
        faults.status(402),
        faults.drop(),
        faults.body("<html>Sign in</html>"),
        faults.body('{"error": "Query was cancelled", "results": []}'),
    ],
    ids=["500", "truncated", "402", "cut", "web page", "error in a success"],
)
def test_a_failed_read_leaves_everything_as_it_was(play: Play, fault: faults.Fault) -> None:
    it = play(near())
    it.evaluate()
    it.evaluate(minutes=10)
    before, shown = it.rows("problem"), words(it.card())
    it.calls(150)
    for answered in range(4):  # facts, late events, daily usage, windows
        it.world.posthog.faults.add(QUERIES, fault, times=None, skip=answered)
        with pytest.raises(PostHogError) as failure:
            it.evaluate(minutes=10)
        assert "phx_sandbox" not in str(failure.value)
        assert it.rows("problem") == before
        assert words(it.card()) == shown
        assert it.problems() == ["posthog_not_read"]
        it.world.posthog.faults.clear()
    it.evaluate(minutes=10)
    assert it.problems() == []
    assert level(it.opportunity()) == 100
    assert len(it.cards()) == 1


def test_a_first_reading_that_fails_is_made_up_for(play: Play) -> None:
    it = play(near())
    it.world.posthog.faults.add(QUERIES, faults.status(503), times=None, skip=2)
    with pytest.raises(PostHogError):
        it.evaluate()
    assert not any(it.rows("problem").values())
    it.world.posthog.faults.clear()
    it.evaluate(minutes=1)
    assert it.opportunity().signals[0].used == 880
    assert it.card()


def with_a_broken_row(stage_: Stage, query: str, account: str) -> str:
    """The last answer to this query, but with a row that nobody can read."""
    call = next(
        call for call in reversed(stage_.world.posthog.calls) if f"headroom_{query}".encode() in call.request.body
    )
    answer = json.loads(json.dumps(call.response))
    row = next(row for row in answer["results"] if row[0] == account)
    row.pop()
    return json.dumps(answer)


@pytest.mark.parametrize(("query", "earlier"), [("facts", 0), ("daily", 2), ("windows", 3)])
def test_an_account_with_a_broken_row_is_set_aside_and_the_others_go_on(play: Play, query: str, earlier: int) -> None:
    it = play(near("acme"), near("bluefin", 700))
    it.evaluate()
    it.evaluate(minutes=5)
    before = it.opportunity("acme")
    it.calls(150, "bluefin")
    it.evaluate(minutes=5)
    broken = faults.body(with_a_broken_row(it, query, "acme"))
    it.world.posthog.faults.add(QUERIES, broken, skip=earlier)
    it.calls(150, "acme")
    found = it.evaluate(minutes=5)
    assert [(one.what, one.account) for one in found.problems] == [("malformed_row", "acme")]
    assert it.problems() == ["malformed_row"]
    after = it.opportunity("acme")
    assert (after.state, after.version, after.signals) == (before.state, before.version, before.signals)
    assert it.state("bluefin") == "open"
    it.evaluate(minutes=5)
    assert it.problems() == []
    assert level(it.opportunity("acme")) == 100
    assert len(it.cards()) == 2


def test_stale_data_freezes_what_is_known(play: Play) -> None:
    it = play(near("acme"), near("bluefin"))
    it.evaluate()
    before = it.opportunity("acme")
    it.clock.move(days=5)  # a new billing month has begun meanwhile
    it.calls(1, "bluefin")
    found = it.evaluate()
    assert HeldBack("acme", "stale_data", "api_calls") in found.held_back
    after = it.opportunity("acme")
    assert (after.state, after.signals) == (before.state, before.signals)
    card = next(card for card in it.cards() if card.text.startswith("Acme"))
    assert "880 of 1,000 used" in words(card)
    assert "on day 3 of" not in words(card), "the figure is not of that day"
    assert it.state("bluefin") == "resolved"
    it.calls(40, "acme")
    it.evaluate(hours=1)
    assert it.state("acme") == "resolved"
    assert "no event has come in" not in it.ask(REP, "/upsell", "why acme")


def test_an_account_that_posthog_does_not_name_keeps_its_case(play: Play) -> None:
    it = play(near("acme"), near("bluefin"))
    it.evaluate()
    answer = json.loads(with_a_broken_row(it, "facts", "acme"))
    answer["results"] = [row for row in answer["results"] if row[0] != "acme"]
    it.world.posthog.faults.add(QUERIES, faults.body(json.dumps(answer)))
    found = it.evaluate(hours=1)
    assert found.accounts == 1
    assert [one.what for one in found.problems] == ["unknown_account"]
    assert it.state("acme") == "open"
    it.evaluate(hours=1)
    assert it.state("acme") == "open"
    assert len(it.cards()) == 2


def test_events_that_come_in_late_count(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.calls(30, ago=timedelta(days=9))
    it.evaluate(hours=1)
    assert (it.opportunity().signals[0].used, level(it.opportunity())) == (910, 90)


def test_a_manager_sets_thresholds_that_count_from_the_next_evaluation(play: Play) -> None:
    it = play(near(used=700))
    assert kinds(it.evaluate()) == []
    assert it.world.slack.people.command(BOSS, "/upsell", "thresholds").ok
    window = it.world.slack.people.latest_view(BOSS)
    assert it.submit(window, BOSS, {ids.APPROACHING_BLOCK: "much", ids.GROWTH_BLOCK: "20"}).keys() == {
        ids.APPROACHING_BLOCK,
        ids.GROWTH_BLOCK,
    }
    assert it.submit(window, BOSS, {ids.APPROACHING_BLOCK: "65 %, 100", ids.GROWTH_BLOCK: "90 %"}) == {}
    assert it.cards() == []
    assert kinds(it.evaluate(hours=1)) == ["Open"]
    assert level(it.opportunity()) == 65


def test_levels_of_a_metric_and_a_plan_stay_when_a_manager_sets_the_defaults(
    tmp_path: Path, sqlite_template: Path, clock: MovedClock
) -> None:
    own = "[thresholds.metrics.storage_gb]\napproaching = [85, 95]\n[thresholds.plans.growth]\napproaching = [60]\n"
    (tmp_path / "headroom.toml").write_text(EXAMPLE.read_text(encoding="utf-8") + own, encoding="utf-8")
    url = f"sqlite:///{copy(sqlite_template, tmp_path / 'headroom.db')}"
    growing, storing_ = near("grown", 650, plan="growth"), storing("stored", 45.0)
    with stage(
        url, clock, growing, storing_, near("usual", 700), HEADROOM_CONFIG=str(tmp_path / "headroom.toml")
    ) as it:
        it.evaluate()
        found = {one.account.key: level(one) for one in it.opportunities()}
        assert found == {"grown": 60, "stored": 85}
        assert it.world.slack.people.command(BOSS, "/upsell", "thresholds").ok
        window = it.world.slack.people.latest_view(BOSS)
        assert "metric storage_gb, plan growth stay as they are" in str(window.content)
        assert it.submit(window, BOSS, {ids.APPROACHING_BLOCK: "65, 70", ids.GROWTH_BLOCK: "99"}) == {}
        it.evaluate(hours=1)
        found = {one.account.key: level(one) for one in it.opportunities()}
        assert found == {"grown": 60, "stored": 85, "usual": 70}


def test_a_rep_may_not_set_thresholds(play: Play) -> None:
    it = play(near(used=700))
    assert it.world.slack.people.command(REP, "/upsell", "thresholds").ok
    assert it.world.slack.people.command(REVOPS, "/upsell", "thresholds").ok
    window = it.world.slack.people.latest_view(REVOPS)
    it.world.slack.workspace.groups["S0REVOPS"].clear()  # checked again when it is sent
    values = {ids.APPROACHING_BLOCK: "10", ids.GROWTH_BLOCK: "90"}
    assert "you are not one of them" in str(it.submit(window, REVOPS, values))
    assert not [view for view in it.world.slack.workspace.views.values() if view.user == REP]
    assert "you are not one of them" in str(it.whispers(REP))
    assert kinds(it.evaluate()) == []


def test_two_managers_do_not_overwrite_each_other(play: Play) -> None:
    it = play(near(used=700))
    windows = []
    for user in (BOSS, REVOPS):
        assert it.world.slack.people.command(user, "/upsell", "thresholds").ok
        windows.append(it.world.slack.people.latest_view(user))
    values = {ids.APPROACHING_BLOCK: "65", ids.GROWTH_BLOCK: "90"}
    assert it.submit(windows[0], BOSS, values) == {}
    assert "changed the thresholds meanwhile" in str(it.submit(windows[1], REVOPS, values))


def test_the_card_waits_for_an_archived_channel(play_on_both: Play) -> None:
    it = play_on_both(near())
    channel = it.world.slack.workspace.channels["C0SALES"]
    channel.is_archived = True
    it.evaluate()
    assert it.cards() == []
    assert it.problems() == ["card_not_shown"]
    with it.db.read() as tx:
        (waiting,) = jobs.list_jobs(tx)
        (paused,) = jobs.counts(tx).paused
    assert waiting.state == "ready"
    assert "Unarchive it" in paused.detail
    channel.is_archived = False
    elapse(it.db, it.clock, minutes=6)
    it.work()
    assert it.card().text.startswith("Acme")
    assert it.problems() == []


def hostile() -> list[Story]:
    """Names that want to shout, run backwards or never end; and one that is empty."""
    named = [story for story in STORIES if story.about.startswith("A name")]
    stories = [replace(near(), key=story.key, name=story.name) for story in named]
    return [*stories, replace(near(), key="'; DROP TABLE account; --", name="  ")]


def test_no_name_breaks_or_hijacks_anything(play_on_both: Play) -> None:
    stories = hostile()
    it = play_on_both(*stories)
    found = as_json(it.evaluate())
    assert {one["account"] for one in found["opportunities"]} == {story.key for story in stories}
    assert len(it.cards()) == len(stories) == 4
    for card in it.cards():
        assert not any(live in words(card) for live in ("<!", "<script", "\u202e"))
        assert "*" not in card.text
        it.click(REP, card, ids.PUSH)
    it.work()
    assert it.records() == (4, 4, 4)
    for story in stories:
        told = it.ask(REP, "/account", story.name if story.name.strip() else story.key)
        assert "880 of 1,000" in told
        assert "<!channel>" not in told
    assert all(one.deal and one.deal_state is None for one in it.opportunities())


def test_people_on_their_way_need_a_plan_with_seats_for_them(play: Play) -> None:
    few, many = ([f"new{number}@x.example" for number in range(count)] for count in (8, 48))
    it = play(near("few", 200, sights=invited(*few)), near("many", 200, sights=invited(*many)))
    it.evaluate()
    assert [one.signals[0].kind for one in it.opportunities()] == ["invited_seats"] * 2
    assert it.opportunity("few").recommended_plan == "growth"
    assert it.opportunity("many").recommended_plan is None, "51 people, and 50 seats at most"


def test_accounts_may_be_email_domains(tmp_path: Path, sqlite_template: Path, clock: MovedClock) -> None:
    """Where groups are not used, what is known of an account is a property of its people."""
    told = EXAMPLE.read_text(encoding="utf-8").replace('group_type = "company"', 'by = "email_domain"')
    (tmp_path / "headroom.toml").write_text(told, encoding="utf-8")
    url = f"sqlite:///{copy(sqlite_template, tmp_path / 'headroom.db')}"
    with stage(url, clock, near(), HEADROOM_CONFIG=str(tmp_path / "headroom.toml")) as it:
        facts = {"plan": "starter", "api_calls_limit": LIMIT, "billing_anchor": "2026-10-27"}
        people = {f"p-acme-{number}": {"email": f"user{number}@acme.example", **facts} for number in (1, 2, 3)}
        it.world.posthog.project.set_persons(people)
        it.evaluate()
        (signal,) = it.opportunity("acme.example").signals
        assert (signal.used, signal.limit) == (880, LIMIT)
        it.click(REP, it.card(), ids.PUSH)
        it.work()
        assert it.records() == (1, 1, 1)


def test_an_evaluation_repeated_at_once_changes_nothing(play_on_both: Play) -> None:
    it = play_on_both(near(), storing("bluefin"), quiet())
    it.evaluate()
    it.evaluate()
    before = it.rows("memory"), [card.versions for card in it.cards()]
    it.evaluate()
    assert (it.rows("memory"), [card.versions for card in it.cards()]) == before
