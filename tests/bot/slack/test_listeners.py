"""Every listener, over signed HTTP, as the sandbox's Slack sends it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.config import Thresholds
from bot.slack import ids
from bot.slack.app import SlackSide
from bot.slack.desk import ThresholdView
from sandbox.faults import slow, status
from sandbox.slack import Message, SandboxSlack, View
from tests.bot.slack.conftest import eventually, post_card
from tests.bot.slack.samples import opportunity
from tests.bot.slack.small_desk import SmallDesk

pytestmark = pytest.mark.usefixtures("side")


def whispers(slack: SandboxSlack, user: str) -> list[str]:
    return [message.text for message in slack.workspace.ephemerals if message.only_for == user]


def hears(slack: SandboxSlack, user: str, words: str) -> None:
    eventually(lambda: any(words in text for text in whispers(slack, user)))


def opened(slack: SandboxSlack, card: Message, action: str, user: str = "U0REP1") -> View:
    assert slack.people.click(user, card.ts, action).ok
    return slack.people.latest_view(user)


def test_a_rep_claims(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    assert slack.people.click("U0REP1", card.ts, ids.CLAIM).ok
    assert desk.opportunities[1].owner == "U0REP1"


def test_the_same_click_delivered_twice_counts_once(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    first = slack.people.click("U0REP1", card.ts, ids.CLAIM)
    assert slack.people.send(first.delivery).ok
    assert desk.done == ["claim 1 U0REP1"]
    assert desk.replies == []


def test_the_second_rep_is_told_who_was_first(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    slack.people.click("U0REP1", card.ts, ids.CLAIM)
    assert slack.people.click("U0REP2", card.ts, ids.CLAIM).ok
    assert desk.opportunities[1].owner == "U0REP1"
    assert [(reply["user"], reply["text"], reply["by"]) for reply in desk.replies] == [
        ("U0REP2", "{by} was first.", "U0REP1")
    ]


def test_push_is_one_transaction_and_no_call_outside(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    slack.forget_calls()
    assert slack.people.click("U0REP1", card.ts, ids.PUSH).ok
    assert desk.done == ["push 1"]
    assert slack.calls == []


def test_snoozing(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    view = opened(slack, card, ids.SNOOZE)
    assert slack.people.submit(view, "U0REP1", {ids.UNTIL_BLOCK: "3_days"}).ok
    assert not view.is_open
    until = desk.opportunities[1].snoozed_until
    assert until is not None
    assert until.date() == (datetime.now(UTC) + timedelta(days=3)).date()


@pytest.mark.parametrize(
    ("values", "block"),
    [
        ({}, ids.UNTIL_BLOCK),
        ({ids.UNTIL_BLOCK: "date"}, ids.DATE_BLOCK),
        ({ids.UNTIL_BLOCK: "date", ids.DATE_BLOCK: "2020-01-01"}, ids.DATE_BLOCK),
        ({ids.UNTIL_BLOCK: "date", ids.DATE_BLOCK: "2999-01-01"}, ids.DATE_BLOCK),
    ],
)
def test_a_snooze_without_a_day_stays_open(
    slack: SandboxSlack, desk: SmallDesk, card: Message, values: dict[str, Any], block: str
) -> None:
    view = opened(slack, card, ids.SNOOZE)
    slack.people.submit(view, "U0REP1", values)
    assert view.is_open
    assert set(view.errors) == {block}
    assert desk.done == []


def test_dismissing_with_a_reason(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    view = opened(slack, card, ids.DISMISS)
    slack.people.submit(view, "U0REP1", {ids.REASON_BLOCK: "other"})
    assert set(view.errors) == {ids.NOTE_BLOCK}
    slack.people.submit(view, "U0REP1", {ids.REASON_BLOCK: "other", ids.NOTE_BLOCK: "they <!here> merged"})
    assert not view.is_open
    assert desk.opportunities[1].dismissed_reason == "other:they <!here> merged"


def test_a_modal_sent_after_a_colleague_dismissed_says_so(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    mine, theirs = opened(slack, card, ids.DISMISS), opened(slack, card, ids.DISMISS, "U0REP2")
    slack.people.submit(theirs, "U0REP2", {ids.REASON_BLOCK: "wrong_time"})
    slack.people.submit(mine, "U0REP1", {ids.REASON_BLOCK: "wrong_data"})
    assert mine.errors == {ids.REASON_BLOCK: "It is dismissed already."}
    assert desk.opportunities[1].dismissed_reason == "wrong_time"


def test_details(slack: SandboxSlack, card: Message) -> None:
    view = opened(slack, card, ids.DETAILS)
    assert "Score 83 of 100" in str(view.content)


def test_no_window_for_what_is_not_open(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    desk.opportunities[1] = opportunity(state="won")
    assert slack.people.click("U0REP1", card.ts, ids.SNOOZE).ok
    hears(slack, "U0REP1", "not open any more")


def test_an_expired_trigger_asks_for_another_click(slack: SandboxSlack, card: Message) -> None:
    slack.faults.add("/api/views.open", status(200, body={"ok": False, "error": "expired_trigger_id"}))
    assert slack.people.click("U0REP1", card.ts, ids.DETAILS).ok
    hears(slack, "U0REP1", "click again")


@pytest.mark.parametrize(
    ("action", "value"), [("claim_v0", "1"), (ids.CLAIM, "acct_1"), (ids.DETAILS, "99"), (ids.PUSH, "1.5")]
)
def test_old_and_forged_buttons_get_a_polite_answer(
    slack: SandboxSlack, desk: SmallDesk, card: Message, action: str, value: str
) -> None:
    assert slack.people.click("U0REP1", card.ts, action, value).ok
    hears(slack, "U0REP1", "from an older card")
    assert desk.done == []


def test_an_unknown_window_gets_a_polite_answer(slack: SandboxSlack, card: Message) -> None:
    view = opened(slack, card, ids.DISMISS)
    view.content["callback_id"] = "dismiss_v0"
    slack.people.submit(view, "U0REP1", {ids.REASON_BLOCK: "wrong_time"})
    assert "older release" in str(view.content)


def test_an_account_is_found_by_name(slack: SandboxSlack, desk: SmallDesk) -> None:
    desk.add(opportunity(1, "Acme <!channel>"))
    ack = slack.people.command("U0REP1", "/account", " acme ")
    assert ack.ok
    assert "92,100 of 100,000 (92 %)" in str(ack.body)
    assert "limit unknown" in str(ack.body)
    assert "<!" not in str(ack.body)


def test_several_matches_are_offered(slack: SandboxSlack, desk: SmallDesk) -> None:
    desk.add(opportunity(1, "Acme East"))
    desk.add(opportunity(2, "Acme West"))
    ack = slack.people.command("U0REP1", "/account", "acme")
    assert "2 accounts match" in str(ack.body)
    offer = slack.workspace.ephemerals[-1]
    assert slack.people.click("U0REP1", offer.ts, ids.SHOW_ACCOUNT).ok
    eventually(lambda: "Acme East" in slack.workspace.ephemerals[-1].text and len(slack.workspace.ephemerals) == 2)


@pytest.mark.parametrize(
    ("command", "text", "says"),
    [
        ("/account", "", "Name an account"),
        ("/account", "nobody <@U0BOSS>", "No account matches “nobody &lt;@U0BOSS&gt;”"),
        ("/upsell", "help", "/upsell thresholds"),
        ("/upsell", "nonsense", "/upsell thresholds"),
        ("/upsell", "", "You have claimed nothing yet"),
        ("/upsell", "all", "No opportunity is open"),
        ("/upsell", "why", "Name an account"),
        ("/upsell", "why nobody", "No account matches"),
    ],
)
def test_commands_answer_in_the_ack(slack: SandboxSlack, command: str, text: str, says: str) -> None:
    ack = slack.people.command("U0REP1", command, text)
    assert ack.ok
    assert ack.body["response_type"] == "ephemeral"
    assert says in ack.body["text"]


def test_the_inbox_shows_mine_and_everybodys(slack: SandboxSlack, desk: SmallDesk) -> None:
    for number in (1, 2):
        post_card(slack, desk, number)
    slack.people.click("U0REP1", slack.workspace.messages()[0].ts, ids.CLAIM)
    assert "Your opportunities: 1" in slack.people.command("U0REP1", "/upsell").body["text"]
    assert "Open opportunities: 2" in slack.people.command("U0REP1", "/upsell", "ALL").body["text"]


def thresholds_window(slack: SandboxSlack, user: str = "U0BOSS") -> View:
    assert slack.people.command(user, "/upsell", "thresholds").ok
    return slack.people.latest_view(user)


def test_a_manager_sets_thresholds(slack: SandboxSlack, desk: SmallDesk) -> None:
    view = thresholds_window(slack)
    assert view.content["private_metadata"] == "1"
    values = {ids.APPROACHING_BLOCK: "95, 70 85%", ids.GROWTH_BLOCK: "70"}
    assert slack.people.submit(view, "U0BOSS", values).ok
    assert "Saved." in str(view.content)
    assert desk.current.values == Thresholds(approaching=(70, 85, 95), growth_probability=0.7)


def test_a_group_member_is_a_manager_and_a_rep_is_not(slack: SandboxSlack) -> None:
    assert thresholds_window(slack, "U0REVOPS").is_open
    assert slack.people.command("U0REP1", "/upsell", "thresholds").ok
    hears(slack, "U0REP1", "set by managers")
    assert not any(view.user == "U0REP1" for view in slack.workspace.views.values())


def test_who_leaves_the_group_before_sending_is_refused(slack: SandboxSlack, desk: SmallDesk) -> None:
    view = thresholds_window(slack, "U0REVOPS")
    slack.workspace.groups["S0REVOPS"] = []
    slack.people.submit(view, "U0REVOPS", {ids.GROWTH_BLOCK: "70"})
    assert "set by managers" in view.errors[ids.APPROACHING_BLOCK]
    assert desk.current.version == 1


@pytest.mark.parametrize("fault", [status(500), slow(2.0)])
def test_when_slack_does_not_say_who_is_a_manager_nobody_is(slack: SandboxSlack, desk: SmallDesk, fault: Any) -> None:
    view = thresholds_window(slack, "U0REVOPS")
    slack.faults.add("/api/usergroups.users.list", fault)
    ack = slack.people.submit(view, "U0REVOPS", {ids.GROWTH_BLOCK: "70"})
    assert ack.seconds < 1.5
    assert "did not say" in view.errors[ids.APPROACHING_BLOCK]
    assert desk.current.version == 1


@pytest.mark.parametrize(
    ("levels", "growth", "blocks"),
    [
        ("", "80", {ids.APPROACHING_BLOCK}),
        ("eighty", "80", {ids.APPROACHING_BLOCK}),
        ("80, -5", "80", {ids.APPROACHING_BLOCK}),
        ("0, 2000", "nan", {ids.APPROACHING_BLOCK, ids.GROWTH_BLOCK}),
        ("80", "30", {ids.GROWTH_BLOCK}),
        ("80", "100", {ids.GROWTH_BLOCK}),
    ],
)
def test_mistakes_are_named_at_their_place(
    slack: SandboxSlack, desk: SmallDesk, levels: str, growth: str, blocks: set[str]
) -> None:
    view = thresholds_window(slack)
    slack.people.submit(view, "U0BOSS", {ids.APPROACHING_BLOCK: levels, ids.GROWTH_BLOCK: growth})
    assert set(view.errors) == blocks
    assert desk.current.version == 1


def test_the_second_manager_is_told_what_the_first_changed(slack: SandboxSlack, desk: SmallDesk) -> None:
    first, second = thresholds_window(slack), thresholds_window(slack, "U0REVOPS")
    slack.people.submit(first, "U0BOSS", {ids.APPROACHING_BLOCK: "75", ids.GROWTH_BLOCK: "0.9"})
    slack.people.submit(second, "U0REVOPS", {ids.APPROACHING_BLOCK: "60"})
    assert second.errors == {ids.APPROACHING_BLOCK: "manager set the levels to 75 meanwhile."}
    assert desk.current.values == Thresholds(approaching=(75,), growth_probability=0.9)


def test_a_window_shows_who_changed_the_thresholds_last(slack: SandboxSlack, desk: SmallDesk) -> None:
    desk.current = ThresholdView(4, Thresholds(), "U0REVOPS", datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert "Set by <@U0REVOPS>, 20 Nov 09:00 UTC" in str(thresholds_window(slack).content)


def test_a_window_names_what_has_levels_of_its_own(slack: SandboxSlack, desk: SmallDesk) -> None:
    desk.current = ThresholdView(1, Thresholds(), exceptions=("metric seats", "plan <b>"))
    words = "Levels that headroom.toml sets for metric seats, plan &lt;b&gt; stay as they are."
    assert words in str(thresholds_window(slack).content)


def test_people_of_another_company_are_refused(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    assert slack.people.click("U0GUEST", card.ts, ids.CLAIM).ok
    hears(slack, "U0GUEST", "only members of its own workspace")
    assert slack.people.command("U0GUEST", "/upsell", "all").body is None
    assert desk.done == []


@pytest.mark.parametrize(("field", "value"), [("team", "T0ELSE"), ("app_id", "A0ELSE")])
def test_another_workspace_or_app_is_refused(
    slack: SandboxSlack, desk: SmallDesk, card: Message, field: str, value: str
) -> None:
    setattr(slack.workspace, field, value)
    assert slack.people.click("U0REP1", card.ts, ids.CLAIM).ok
    assert desk.done == []


def test_a_stalled_desk_is_acknowledged_in_time_and_said(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    desk.stall = 2.3
    ack = slack.people.click("U0REP1", card.ts, ids.CLAIM)
    assert ack.ok
    hears(slack, "U0REP1", "longer than it should")


def test_a_broken_desk_says_sorry_and_no_more(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    desk.opportunities.clear()
    assert slack.people.click("U0REP1", card.ts, ids.CLAIM).ok
    hears(slack, "U0REP1", "nothing was changed")
    assert not any("KeyError" in text for text in whispers(slack, "U0REP1"))


def test_a_whole_release_of_ids_has_its_listener(side: SlackSide) -> None:
    assert side.is_ready()
