"""What a card asks, and the window and list in which a rep says who they are: within Slack's limits, inert, theirs."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import Deal, DealOwner, Opportunity, Question
from bot.slack import ids
from bot.slack.app import SlackSide
from bot.slack.cards import render_card
from bot.slack.questions import owner_options, owner_view
from sandbox.slack import Message, SandboxSlack, View
from sandbox.slack.blocks import message_faults, options_faults, view_faults
from tests.bot.slack.conftest import eventually, post_card
from tests.bot.slack.samples import LABELS, hostile_text, opportunity
from tests.bot.slack.small_desk import SmallDesk
from tests.bot.slack.test_cards import labels_of, words_of

URL = "https://acme.pipedrive.example/deal/57"
ONE = Question("deal", "U0REP1", (Deal("57", "Acme renewal", URL, "Dana Roy"),))
WHO = Question("owner", "U0REP1")
OWNERS = [DealOwner("7", "Dana Roy", "dana@vendor.example"), DealOwner("8", "Kim", "")]
LIVE_MARKUP = ("<!channel>", "<!here>", "<@U0BOSS>", "<https://evil")


def several(number: int) -> Question:
    return Question("deal", "U0REP1", tuple(Deal(str(n), f"Deal {n}", f"{URL}{n}") for n in range(number)))


def asking(question: Question | None, **changes: Any) -> Opportunity:
    return opportunity(**{"state": "claimed", "owner": "U0REP1", "question": question, **changes})


def elements(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


def test_a_deal_that_people_made_is_shown_and_asked_about() -> None:
    blocks, _ = render_card(asking(ONE), LABELS)
    assert f"Pipedrive already has an open deal for Acme Corp: <{URL}|Acme renewal> (Dana Roy)" in words_of(blocks)
    assert labels_of(blocks)[:3] == ["Use that deal", "Make a new one", "Push to CRM"]
    assert [one["value"] for one in elements(blocks)[:2]] == ["1:57", "1"]


def test_several_deals_are_a_list_to_choose_from() -> None:
    blocks, _ = render_card(asking(several(7)), LABELS)
    assert "7 open deals for Acme Corp" in words_of(blocks)
    assert "and 2 more" in words_of(blocks)
    select = elements(blocks)[0]
    assert (select["type"], len(select["options"]), select["options"][6]["value"]) == ("static_select", 7, "1:6")
    assert message_faults(render_card(asking(several(300)), LABELS)[0]) == []


def test_a_rep_whom_nobody_knows_is_asked() -> None:
    blocks, _ = render_card(asking(WHO), LABELS)
    assert "Nobody in Pipedrive has the e-mail address of <@U0REP1>" in words_of(blocks)
    assert labels_of(blocks)[0] == "Choose who you are in Pipedrive"


@pytest.mark.parametrize("state", ["snoozed", "dismissed", "won"])
def test_nothing_is_asked_of_what_rests(state: str) -> None:
    blocks, _ = render_card(asking(ONE, state=state), LABELS)
    assert labels_of(blocks) == ["Details"]
    assert "already has" not in words_of(blocks)


deals = st.builds(Deal, st.integers(1, 10**18).map(str), hostile_text, hostile_text, hostile_text)


@settings(max_examples=60, deadline=None)
@given(st.lists(deals, min_size=1, max_size=110), hostile_text)
def test_no_deal_acts_or_breaks_a_card(found: list[Deal], name: str) -> None:
    shown = asking(Question("deal", "U0REP1", tuple(found)), account=opportunity(name=name).account)
    blocks, _ = render_card(shown, LABELS)
    assert message_faults(blocks) == []
    assert not [words for words in LIVE_MARKUP if words in words_of(blocks)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(DealOwner, st.just("9"), hostile_text, hostile_text), max_size=120))
def test_no_user_of_the_crm_acts_or_breaks_a_list(found: list[DealOwner]) -> None:
    options = owner_options(found)
    assert options_faults(options) == []
    assert len(options) == min(len(found), 100)
    assert not [words for words in LIVE_MARKUP if words in str(options)]


def test_the_window_says_whom_it_is_about() -> None:
    view = owner_view(asking(WHO), WHO, LABELS)
    assert view_faults(view) == []
    assert view["private_metadata"] == "1:U0REP1"
    assert "<@U0REP1>" in words_of(view["blocks"])


@pytest.fixture
def card(slack: SandboxSlack, desk: SmallDesk, side: SlackSide) -> Message:  # noqa: ARG001  # it has to listen
    desk.owners = OWNERS
    return posted(slack, desk, WHO)


def posted(slack: SandboxSlack, desk: SmallDesk, question: Question) -> Message:
    post_card(slack, desk, 1)
    desk.add(asking(question))
    blocks, text = render_card(desk.opportunities[1], LABELS)
    message = slack.workspace.messages()[-1]
    message.blocks, message.text = blocks, text
    return message


def opened(slack: SandboxSlack, card: Message, user: str = "U0REP1") -> View:
    assert slack.people.click(user, card.ts, ids.CHOOSE_OWNER).ok
    return slack.people.latest_view(user)


def hears(slack: SandboxSlack, user: str, words: str) -> None:
    eventually(lambda: any(words in one.text for one in slack.workspace.ephemerals if one.only_for == user))


def test_a_rep_says_who_they_are(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    view = opened(slack, card)
    offered = slack.people.type_into(view, "U0REP1", ids.OWNER_BLOCK, "dan")
    assert [(one["text"]["text"], one["value"]) for one in offered] == [("Dana Roy (dana@vendor.example)", "7")]
    assert slack.people.submit(view, "U0REP1", {ids.OWNER_BLOCK: "7"}).ok
    assert not view.is_open
    assert desk.done == ["U0REP1: U0REP1 is 7"]


def test_all_are_offered_before_anything_is_typed(slack: SandboxSlack, card: Message) -> None:
    view = opened(slack, card)
    assert [one["value"] for one in slack.people.type_into(view, "U0REP1", ids.OWNER_BLOCK)] == ["7", "8"]
    assert slack.people.type_into(view, "U0REP1", ids.OWNER_BLOCK, "nobody") == []


def test_a_window_without_a_choice_stays_open(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    view = opened(slack, card)
    slack.people.submit(view, "U0REP1", {})
    assert view.errors == {ids.OWNER_BLOCK: "Choose a user."}
    assert desk.done == []


@pytest.mark.parametrize("manager", ["U0BOSS", "U0REVOPS"])
def test_a_manager_may_say_it_for_a_rep(slack: SandboxSlack, desk: SmallDesk, card: Message, manager: str) -> None:
    view = opened(slack, card, manager)
    slack.people.type_into(view, manager, ids.OWNER_BLOCK)
    slack.people.submit(view, manager, {ids.OWNER_BLOCK: "7"})
    assert desk.done == [f"{manager}: U0REP1 is 7"]


def test_nobody_else_may(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    assert slack.people.click("U0REP2", card.ts, ids.CHOOSE_OWNER).ok
    hears(slack, "U0REP2", "Only the one who is asked")
    view = opened(slack, card, "U0REVOPS")
    slack.people.type_into(view, "U0REVOPS", ids.OWNER_BLOCK)
    slack.workspace.groups["S0REVOPS"].clear()  # no manager any more, with the window open
    slack.people.submit(view, "U0REVOPS", {ids.OWNER_BLOCK: "7"})
    assert "Only the one who is asked" in view.errors[ids.OWNER_BLOCK]
    assert desk.done == []


def test_what_is_answered_already_opens_no_window(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    desk.add(asking(None))
    assert slack.people.click("U0REP1", card.ts, ids.CHOOSE_OWNER).ok
    hears(slack, "U0REP1", "answered already")


def test_a_list_is_empty_while_the_database_is_slow(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    view = opened(slack, card)
    desk.stall = 2.5
    assert slack.people.type_into(view, "U0REP1", ids.OWNER_BLOCK) == []


def test_the_buttons_of_a_deal_go_to_the_desk(slack: SandboxSlack, desk: SmallDesk, side: SlackSide) -> None:  # noqa: ARG001  # it has to listen
    card = posted(slack, desk, ONE)
    slack.people.click("U0REP1", card.ts, ids.USE_DEAL)
    slack.people.click("U0REP1", card.ts, ids.NEW_DEAL)
    chosen = posted(slack, desk, several(3))
    slack.people.choose("U0REP1", chosen.ts, ids.USE_DEAL, "1:2")
    assert desk.done == ["use 57 for 1", "new for 1", "use 2 for 1"]


@pytest.mark.parametrize("value", ["57", "1:", ":57", "x:57", "1.5:57"])
def test_a_forged_answer_gets_a_polite_one(slack: SandboxSlack, desk: SmallDesk, card: Message, value: str) -> None:
    assert slack.people.click("U0REP1", card.ts, ids.USE_DEAL, value).ok
    hears(slack, "U0REP1", "from an older card")
    assert desk.done == []
