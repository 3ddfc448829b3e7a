"""News in the thread of a card: posted once, in words that act as nothing, wherever contact is lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from bot.model import Card, Opportunity
from bot.outbox import Ambiguous, AuthFailed, Permanent, Retry, Throttled
from bot.signal_json import to_json
from bot.slack.app import web_client
from bot.slack.limits import fit_blocks
from bot.slack.news import told
from bot.slack.threads import ThreadHandler
from bot.slack.words import render
from bot.store import Database
from sandbox.faults import Fault, apply_then_drop, body, drop, status, truncate
from sandbox.slack import Message, SandboxSlack
from sandbox.slack.blocks import message_faults
from tests.bot.slack.samples import APPROACHING, LABELS, LOCKOUT, hostile_text, opportunity
from tests.bot.slack.small_desk import SmallDesk
from tests.bot.slack.test_delivery import Outbox, calls

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
OVER = replace(APPROACHING, level=100, used=101200.0, ratio=1.012)
BEFORE = {"ratio": 0.921, "at": "2026-11-22T23:58:00Z"}
VISITS = replace(
    LOCKOUT,
    kind="billing_page_visits",
    subject=None,
    evidence={"saves": True, "save_sessions": 3, "within_days": 14, "people": 2, "days": 2, "falling": False},
)
RISE = {"rises": [{"what": "level", "signal": to_json(OVER), "before": BEFORE}], "returned": False}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'headroom.db'}", lambda: datetime.now(UTC))
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def card(slack: SandboxSlack, desk: SmallDesk) -> Message:
    return post_card(slack, desk)


def post_card(slack: SandboxSlack, desk: SmallDesk, **changes: Any) -> Message:
    ts = slack.workspace.next_ts()
    message = Message(ts, "C0SALES", "Acme", [])
    slack.workspace.channels["C0SALES"].messages[ts] = message
    desk.add(opportunity(card=Card("C0SALES", ts, 1), owner="U0REP1", state="claimed", **changes))
    return message


def thread(slack: SandboxSlack, desk: SmallDesk, db: Database, **news: Any) -> Outbox:
    handler = ThreadHandler(web_client(slack.workspace.bot_token, slack.api_url, 2), desk, lambda: LABELS)
    return Outbox(db, handler, "thread", {"opportunity": 1, "key": "level:100", "news": news or RISE})


def texts(slack: SandboxSlack, card: Message) -> list[str]:
    return [message.text for message in slack.workspace.replies(card.ts)]


def words(news: dict[str, Any], one: Opportunity) -> str:
    return "\n".join(told(news, one, LABELS, NOW))


def test_a_rise_is_told_in_the_thread_to_the_owner(
    slack: SandboxSlack, desk: SmallDesk, db: Database, card: Message
) -> None:
    thread(slack, desk, db).attempt()
    (answer,) = slack.workspace.replies(card.ts)
    assert answer.text == (
        "<@U0REP1> Acme Corp: API calls passed the limit: 101,200 of 100,000 used; on Sun 22 Nov it was 92 %."
    )
    assert slack.workspace.messages() == [card], "nothing new in the channel itself"
    assert message_faults(answer.blocks) == []
    assert answer.metadata is not None
    assert "level" not in str(answer.metadata), "what happened is told to those who may read the channel"
    sent = str(next(call.request.body for call in slack.calls if call.path.endswith("postMessage")))
    assert '"link_names": false' in sent
    assert '"unfurl_links": false' in sent


@pytest.mark.parametrize("fault", [apply_then_drop(), truncate()])
def test_what_arrived_without_an_answer_is_found_in_the_thread(
    slack: SandboxSlack, desk: SmallDesk, db: Database, card: Message, fault: Fault
) -> None:
    outbox = thread(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", fault)
    with pytest.raises(Ambiguous):
        outbox.attempt()
    (arrived,) = slack.workspace.replies(card.ts)
    channel = slack.workspace.channels["C0SALES"]
    for number in range(250):  # people talk: the message stands on the third page
        chatter = Message(f"0000000000.{number:06}" if number % 2 else f"99999999999.{number:06}", "C0SALES", "-", [])
        chatter.thread = card.ts
        channel.messages[chatter.ts] = chatter
    channel.messages[arrived.ts] = arrived
    assert outbox.attempt() == {"found": arrived.ts}
    assert texts(slack, card).count(arrived.text) == 1


def test_every_page_of_a_thread_is_read(slack: SandboxSlack, desk: SmallDesk, db: Database, card: Message) -> None:
    outbox = thread(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", apply_then_drop())
    with pytest.raises(Ambiguous):
        outbox.attempt()
    (arrived,) = slack.workspace.replies(card.ts)
    held = slack.workspace.channels["C0SALES"].messages
    del held[arrived.ts]
    seconds = float(arrived.ts) - 60
    for number in range(250):  # written after the intent, before ours
        earlier = Message(f"{seconds:.0f}.{number:06}", "C0SALES", "chatter", [], thread=card.ts)
        held[earlier.ts] = earlier
    held[arrived.ts] = arrived
    assert outbox.attempt() == {"found": arrived.ts}
    assert calls(slack, "conversations.replies") == 3


@pytest.mark.parametrize(
    "fault",
    [drop(), status(500), body("<html>proxy</html>", 502), status(200, body={"ok": False, "error": "fatal_error"})],
)
def test_what_did_not_arrive_is_posted_again(
    slack: SandboxSlack, desk: SmallDesk, db: Database, card: Message, fault: Fault
) -> None:
    outbox = thread(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", fault)
    with pytest.raises(Ambiguous):
        outbox.attempt()
    outbox.attempt()
    assert len(texts(slack, card)) == 1


def test_without_the_right_to_look_it_is_posted_again(
    slack: SandboxSlack, desk: SmallDesk, db: Database, card: Message
) -> None:
    outbox = thread(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", apply_then_drop())
    slack.workspace.scopes.remove("channels:history")
    with pytest.raises(Ambiguous):
        outbox.attempt()
    outbox.attempt()
    assert len(texts(slack, card)) == 2, "twice rather than never"


def test_it_waits_for_its_card(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    desk.add(opportunity(state="claimed", owner="U0REP1"))
    outbox = thread(slack, desk, db)
    with pytest.raises(Retry, match="not posted yet") as caught:
        outbox.attempt()
    assert caught.value.after == 15
    card = post_card(slack, desk)
    outbox.attempt()
    assert len(texts(slack, card)) == 1


@pytest.mark.usefixtures("card")
def test_a_deleted_card_is_lost_once_and_its_news_go_below_the_next(
    slack: SandboxSlack, desk: SmallDesk, db: Database
) -> None:
    outbox = thread(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", drop())
    with pytest.raises(Ambiguous):
        outbox.attempt()
    slack.workspace.channels["C0SALES"].messages.clear()
    with pytest.raises(Retry, match="not posted yet"):
        outbox.attempt()
    assert desk.opportunities[1].card is None
    following = post_card(slack, desk)
    outbox.attempt()
    assert len(texts(slack, following)) == 1
    assert desk.opportunities[1].card == Card("C0SALES", following.ts, 1)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("deleted", [True, False])
def test_what_rose_in_a_case_that_is_over_is_no_news(
    slack: SandboxSlack, desk: SmallDesk, db: Database, deleted: bool
) -> None:
    desk.opportunities[1] = replace(desk.opportunities[1], state="dismissed")
    if deleted:
        slack.workspace.channels["C0SALES"].messages.clear()
    assert "skipped" in (thread(slack, desk, db).attempt() or {})
    assert calls(slack, "chat.postMessage") == 0


@pytest.mark.usefixtures("card")
def test_the_end_of_a_case_whose_card_was_deleted_is_not_posted(
    slack: SandboxSlack, desk: SmallDesk, db: Database
) -> None:
    desk.opportunities[1] = replace(desk.opportunities[1], state="won")
    slack.workspace.channels["C0SALES"].messages.clear()
    outbox = thread(slack, desk, db, text="The deal was won.")
    assert outbox.attempt() == {"skipped": "the card is deleted, and at rest"}


@pytest.mark.parametrize(
    ("change", "match"), [({"is_archived": True}, "archived"), ({"is_member": False}, "Invite it with /invite")]
)
def test_it_waits_for_a_channel_that_people_mend(
    slack: SandboxSlack, desk: SmallDesk, db: Database, card: Message, change: dict[str, bool], match: str
) -> None:
    channel = slack.workspace.channels["C0SALES"]
    outbox = thread(slack, desk, db)
    for name, value in change.items():
        setattr(channel, name, value)
    with pytest.raises(AuthFailed, match=match) as caught:
        outbox.attempt()
    assert caught.value.provider == "slack:chat.postMessage:C0SALES"
    for name, value in change.items():
        setattr(channel, name, not value)
    outbox.attempt()
    assert len(texts(slack, card)) == 1


@pytest.mark.usefixtures("card")
def test_a_throttled_message_waits_and_looks_for_nothing(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    outbox = thread(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", status(429, retry_after=7))
    with pytest.raises(Throttled):
        outbox.attempt()
    outbox.attempt()
    assert calls(slack, "conversations.replies") == 0


@pytest.mark.usefixtures("card")
def test_a_thread_that_is_locked_is_given_up(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    locked = {"ok": False, "error": "restricted_action_thread_locked"}
    slack.faults.add("/api/chat.postMessage", status(200, body=locked))
    with pytest.raises(Permanent):
        thread(slack, desk, db).attempt()


def test_words_for_every_kind_of_news() -> None:
    one = opportunity()
    over_before = {"what": "level", "signal": to_json(replace(OVER, level=120, ratio=1.23, used=123000.0))}
    assert words({"rises": [{**over_before, "before": {"ratio": 1.01, "at": "2026-11-24T09:30:00Z"}}]}, one) == (
        "Acme Corp: API calls rose to 123 % of the limit: 123,000 of 100,000 used; at 09:30 it was 101 %."
    )
    near = {"what": "level", "signal": to_json(APPROACHING), "before": None}
    assert words({"rises": [near]}, one) == "Acme Corp: API calls rose to 92 % of the limit: 92,100 of 100,000 used."
    both = {"rises": [near, {"what": "kind", "signal": to_json(LOCKOUT)}], "returned": True}
    assert words(both, one).splitlines()[1:] == [
        "3 people met the lock on sso, in 5 sessions. That is new.",
        "It is back from its snooze.",
    ]
    assert words({"rises": [{"what": "save", "signal": to_json(VISITS)}]}, one) == (
        "Acme Corp: the account may leave. 3 visits to the cancel or downgrade page in the last 14 days."
        " Keep it first, and offer no upgrade."
    )
    upgraded = replace(one, state="upgraded", account=replace(one.account, plan="growth"), owner="U0REP1")
    assert words({"upgraded": True}, upgraded) == (
        "<@U0REP1> Acme Corp upgraded from Starter to Growth. This case is closed."
    )


def test_who_put_a_case_off_is_not_disturbed() -> None:
    snoozed = opportunity(state="snoozed", owner="U0REP1")
    assert "<@" not in words(RISE, snoozed)


@given(hostile_text, hostile_text, hostile_text)
def test_no_name_acts_as_markup_and_no_message_is_refused(name: str, subject: str, text: str) -> None:
    one = opportunity(name=name, plan=subject, state="upgraded")
    rises = [
        {"what": "level", "signal": to_json(replace(OVER, metric=text or "x")), "before": BEFORE},
        {"what": "kind", "signal": to_json(replace(LOCKOUT, subject=subject))},
        {"what": "save", "signal": to_json(replace(VISITS, kind=text or "x"))},
    ]
    lines = told({"text": text, "upgraded": True, "rises": rises, "returned": True}, one, LABELS, NOW)
    assert not any(mark in line for line in lines for mark in ("<", "`", "*", "\n"))
    assert message_faults(fit_blocks(render("said.json.j2", lines=lines))) == []


def test_a_metric_that_rises_within_a_minute_says_the_time() -> None:
    before = {"ratio": 0.9, "at": (NOW - timedelta(minutes=1)).isoformat()}
    assert "at 14:59 it was 90 %" in words({"rises": [{**RISE["rises"][0], "before": before}]}, opportunity())  # type: ignore[index]
