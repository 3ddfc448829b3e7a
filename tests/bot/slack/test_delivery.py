"""Cards on their way: posted once, updated in place, found again after contact was lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import Card
from bot.outbox import Ambiguous, AuthFailed, Handler, Job, JobContext, Permanent, Retry, Throttled
from bot.slack.app import web_client
from bot.slack.delivery import CardHandler, Channel, ReplyHandler
from bot.slack.replies import may_post_to
from bot.store import Database, jobs, leases
from sandbox.faults import Fault, apply_then_drop, body, drop, status, truncate
from sandbox.slack import Message, SandboxSlack
from sandbox.slack.workspace import Channel as SlackChannel
from tests.bot.slack.samples import LABELS, opportunity
from tests.bot.slack.small_desk import SmallDesk

LEASE = timedelta(seconds=60)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'headroom.db'}", lambda: datetime.now(UTC))
    database.migrate()
    yield database
    database.close()


class Outbox:
    """One job, tried as the worker would try it: claimed, run, and put back where it failed."""

    def __init__(self, db: Database, handler: Handler, kind: str, payload: dict[str, Any]) -> None:
        self.db, self.handler, self.kind = db, handler, kind
        with db.transaction() as tx:
            jobs.enqueue(tx, kind, payload, ukey="one", subject="one")

    def attempt(self) -> dict[str, Any] | None:
        (job,) = leases.claim(self.db, [self.kind], "worker", 1, LEASE)
        try:
            return self._run(job)
        finally:
            with self.db.transaction() as tx:
                leases.retry_later(tx, job, leases.Setback("again", "again", timedelta()))

    def _run(self, job: Job) -> dict[str, Any] | None:
        return self.handler(job, JobContext(self.db, job, LEASE, lambda _: None))


def cards(slack: SandboxSlack, desk: SmallDesk, db: Database, channel: str = "C0SALES") -> Outbox:
    client = web_client(slack.workspace.bot_token, slack.api_url, 2)
    handler = CardHandler(client, desk, Channel(channel, lambda: LABELS))
    return Outbox(db, handler, "card", {"opportunity": 1})


def texts(slack: SandboxSlack) -> list[str]:
    return [message.text for message in slack.workspace.messages()]


def calls(slack: SandboxSlack, method: str) -> int:
    return len([call for call in slack.calls if call.path == f"/api/{method}"])


def test_a_card_is_posted_once_and_updated_in_place(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    outbox.attempt()
    (message,) = slack.workspace.messages()
    assert desk.opportunities[1].card == Card("C0SALES", message.ts, 1)
    assert outbox.attempt() == {"skipped": "shown already"}
    desk.opportunities[1] = replace(desk.opportunities[1], version=5, state="claimed", owner="U0REP1")
    outbox.attempt()
    assert slack.workspace.messages() == [message]
    assert message.versions == 2
    assert "Claimed by <@U0REP1>" in str(message.blocks)


def test_a_post_brings_no_previews_and_names_nobody(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    desk.add(opportunity(name="Acme @channel"))
    cards(slack, desk, db).attempt()
    sent = str(next(call.request.body for call in slack.calls if call.path.endswith("postMessage")))
    assert '"unfurl_links": false' in sent
    assert '"unfurl_media": false' in sent
    assert '"link_names": false' in sent
    assert slack.workspace.messages()[0].metadata == {"event_type": "headroom_card", "event_payload": {"key": "key-1"}}


@pytest.mark.parametrize("fault", [apply_then_drop(), truncate()])
def test_a_card_that_arrived_without_an_answer_is_found(
    slack: SandboxSlack, desk: SmallDesk, db: Database, fault: Fault
) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", fault)
    with pytest.raises(Ambiguous):
        outbox.attempt()
    for number in range(150):  # the channel is busy: the card stands on another page
        chatter = Message(f"99999999999.{number:06}", "C0SALES", "chatter", [])
        slack.workspace.channels["C0SALES"].messages[chatter.ts] = chatter
    outbox.attempt()
    assert len([text for text in texts(slack) if text.startswith("Acme")]) == 1
    assert desk.opportunities[1].card is not None
    assert desk.opportunities[1].card.version == 1


@pytest.mark.parametrize(
    "fault",
    [drop(), status(500), body("<html>proxy</html>", 502), status(200, body={"ok": False, "error": "fatal_error"})],
)
def test_a_card_that_did_not_arrive_is_posted_again(
    slack: SandboxSlack, desk: SmallDesk, db: Database, fault: Fault
) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", fault)
    with pytest.raises(Ambiguous):
        outbox.attempt()
    outbox.attempt()
    assert len(texts(slack)) == 1


def test_without_the_right_to_look_the_card_is_posted_again(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", drop())
    slack.workspace.scopes.remove("channels:history")
    with pytest.raises(Ambiguous):
        outbox.attempt()
    outbox.attempt()
    assert len(texts(slack)) == 1


def test_too_many_messages_wait_and_look_for_nothing(slack: SandboxSlack, desk: SmallDesk, db: Database) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    slack.faults.add("/api/chat.postMessage", status(429, retry_after=7))
    with pytest.raises(Throttled) as caught:
        outbox.attempt()
    assert (caught.value.scope, caught.value.after) == ("slack:chat.postMessage:C0SALES", 7)
    outbox.attempt()
    assert calls(slack, "conversations.history") == 0


@pytest.mark.parametrize(("given", "after"), [(None, 30), (90000, 900)])
def test_odd_waits_are_bounded(
    slack: SandboxSlack, desk: SmallDesk, db: Database, given: float | None, after: float
) -> None:
    desk.add(opportunity())
    slack.faults.add("/api/chat.postMessage", status(429, retry_after=given))
    with pytest.raises(Throttled) as caught:
        cards(slack, desk, db).attempt()
    assert caught.value.after == after


@pytest.mark.parametrize("fault", [drop(), apply_then_drop(), status(503), truncate()])
def test_an_update_is_simply_tried_again(slack: SandboxSlack, desk: SmallDesk, db: Database, fault: Fault) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    outbox.attempt()
    desk.opportunities[1] = replace(desk.opportunities[1], version=2)
    slack.faults.add("/api/chat.update", fault)
    with pytest.raises(Retry):
        outbox.attempt()
    outbox.attempt()
    assert len(texts(slack)) == 1


@pytest.mark.parametrize(("state", "messages"), [("open", 1), ("dismissed", 0)])
def test_a_deleted_card_comes_back_only_while_it_is_live(
    slack: SandboxSlack, desk: SmallDesk, db: Database, state: Any, messages: int
) -> None:
    desk.add(opportunity())
    outbox = cards(slack, desk, db)
    outbox.attempt()
    slack.workspace.channels["C0SALES"].messages.clear()
    desk.opportunities[1] = replace(desk.opportunities[1], version=2, state=state)
    outbox.attempt()
    assert len(texts(slack)) == messages


@pytest.mark.parametrize(
    ("change", "words"),
    [({"is_archived": True}, "archived"), ({"is_member": False}, "Invite it with /invite"), (None, "no such channel")],
)
def test_a_card_waits_for_a_channel_that_people_mend(
    slack: SandboxSlack, desk: SmallDesk, db: Database, change: dict[str, bool] | None, words: str
) -> None:
    desk.add(opportunity())
    channel = slack.workspace.channels["C0SALES"]
    for name, value in (change or {}).items():
        setattr(channel, name, value)
    outbox = cards(slack, desk, db, "C0SALES" if change else "C0GONE")
    with pytest.raises(AuthFailed, match=words) as caught:
        outbox.attempt()
    assert caught.value.provider == f"slack:chat.postMessage:{'C0SALES' if change else 'C0GONE'}"
    assert words in desk.problems[1]
    for name, value in (change or {}).items():
        setattr(channel, name, not value)
    slack.workspace.channels["C0GONE"] = SlackChannel("C0GONE", "found")
    outbox.attempt()
    assert desk.problems == {}
    assert desk.opportunities[1].card is not None


def test_an_answer_into_a_closed_channel_is_given_up(slack: SandboxSlack, db: Database) -> None:
    slack.workspace.channels["C0SALES"].is_archived = True
    with pytest.raises(Permanent, match="archived"):
        replies(slack, db, channel="C0SALES").attempt()


@pytest.mark.parametrize("name", ["token_revoked", "invalid_auth", "account_inactive", "missing_scope"])
def test_a_refused_token_pauses_slack(slack: SandboxSlack, desk: SmallDesk, db: Database, name: str) -> None:
    desk.add(opportunity())
    slack.faults.add("/api/chat.postMessage", status(200, body={"ok": False, "error": name}))
    with pytest.raises(AuthFailed) as caught:
        cards(slack, desk, db).attempt()
    assert caught.value.provider == "slack"
    assert "xoxb-sandbox" not in str(caught.value)


def test_slack_out_of_reach_is_no_ambiguity(desk: SmallDesk, db: Database) -> None:
    desk.add(opportunity())
    handler = CardHandler(web_client("xoxb-1", "http://127.0.0.1:9/api/", 2), desk, Channel("C0SALES", lambda: LABELS))
    with pytest.raises(Retry):
        Outbox(db, handler, "card", {"opportunity": 1}).attempt()


def replies(slack: SandboxSlack, db: Database, **payload: Any) -> Outbox:
    handler = ReplyHandler(web_client(slack.workspace.bot_token, slack.api_url, 2))
    words = {"text": "{by} was first at <Acme>.", "by": "U0REP1"}
    return Outbox(db, handler, "reply", {"user": "U0REP2", **words, **payload})


def test_an_answer_goes_to_the_response_url(slack: SandboxSlack, db: Database) -> None:
    url = f"{slack.url}/hooks/{slack.workspace.new_hook('C0SALES', 'U0REP2', None)}"
    replies(slack, db, response_url=url).attempt()
    (message,) = slack.workspace.ephemerals
    assert (message.only_for, message.text) == ("U0REP2", "<@U0REP1> was first at &lt;Acme&gt;.")


@pytest.mark.parametrize("url", ["/hooks/spent", None])
def test_a_spent_url_sends_the_answer_to_the_channel(slack: SandboxSlack, db: Database, url: str | None) -> None:
    replies(slack, db, response_url=url and slack.url + url, channel="C0SALES").attempt()
    assert [message.only_for for message in slack.workspace.ephemerals] == ["U0REP2"]


def test_an_answer_that_reaches_nobody_is_given_up(slack: SandboxSlack, db: Database) -> None:
    with pytest.raises(Permanent):
        replies(slack, db, response_url="https://evil.example/hook").attempt()


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.slack.com/actions/T1/2/3", True),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://user@hooks.slack.com/x", False),
        ("http://hooks.slack.com/x", False),
        ("http://127.0.0.1:1/x", False),
        ("http://169.254.169.254/x", False),
        ("https://[", False),
    ],
)
def test_answers_leave_only_to_slack(url: str, allowed: bool) -> None:
    assert may_post_to(url, "https://slack.com/api/") is allowed
