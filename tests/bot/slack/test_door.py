"""What is refused at the door: the unsigned, the misshapen, and a redirect that would carry the token away."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.errors import SlackApiError

from bot.slack import ids
from bot.slack.app import SlackSide, web_client
from bot.slack.replies import Reply, send_reply, spoken
from sandbox.slack import Message, SandboxSlack, signed_headers
from tests.bot.slack.conftest import eventually
from tests.bot.slack.small_desk import SmallDesk
from tests.bot.slack.test_app import request
from tests.bot.slack.test_listeners import hears, opened

NO_SIGNATURE = "v0=" + "0" * 64
FORGED = {
    "type": "block_actions",
    "team": {"id": "ANY"},
    "user": {"id": "U0BOSS"},
    "channel": {"id": "C0SALES"},
    "actions": [{"action_id": "x"}],
}


def genuine(slack: SandboxSlack, **changes: Any) -> dict[str, Any]:
    """A click as Slack sends it, with some parts changed."""
    return {
        "type": "block_actions",
        "team": {"id": slack.workspace.team},
        "user": {"id": "U0REP1", "team_id": slack.workspace.team},
        "api_app_id": slack.workspace.app_id,
        "channel": {"id": "C0SALES"},
        "container": {"type": "message", "message_ts": "1.1", "channel_id": "C0SALES"},
        "trigger_id": "1.2",
        "actions": [{"type": "button", "action_id": ids.CLAIM, "value": "1", "action_ts": "1.3"}],
        **changes,
    }


def send(slack: SandboxSlack, side: SlackSide, payload: object) -> int:
    """Signed, whatever it is."""
    body = urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)})
    return request(side, "POST", "/slack/events", body, signed_headers(slack.workspace.signing_secret, body))


@pytest.mark.parametrize("stamp", ["nan", "inf", "", "1e9", "-1", "1_000", "\u0663", "1" * 13, "1 "])
@pytest.mark.parametrize("signature", ["v0=0", NO_SIGNATURE])
def test_an_unsigned_request_makes_the_bot_say_nothing(
    slack: SandboxSlack, side: SlackSide, stamp: str, signature: str
) -> None:
    slack.forget_calls()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp.encode().decode("latin-1"),
        "X-Slack-Signature": signature,
    }
    assert request(side, "POST", "/slack/events", urlencode({"payload": json.dumps(FORGED)}), headers) == 401
    side.stop()  # finishes what a click would have left for later
    assert slack.calls == []


@pytest.mark.parametrize(
    "signature", ["", "v0=", "v0=é" + "0" * 63, "v1=" + "0" * 64, "v0=" + "0" * 63, "v0=" + "A" * 64]
)
def test_what_is_no_signature_is_refused(side: SlackSide, signature: str) -> None:
    stamp = str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature.encode().decode("latin-1")}
    assert request(side, "POST", "/slack/events", "payload={}", headers) == 401


def test_a_failure_before_the_guard_is_not_told_to_whom_the_request_names(slack: SandboxSlack, side: SlackSide) -> None:
    slack.forget_calls()
    assert side.guard.failed(ValueError("nan"), FORGED, {}).status == 500
    assert side.guard.failed(ValueError("nan"), {"command": "/upsell", **FORGED}, {}).body == ""
    side.stop()
    assert slack.calls == []


MISSHAPEN: list[object] = [
    "[]",
    "5",
    "null",
    '"text"',
    "[" * 100_000,
    "no json",
    {"enterprise": 5},
    {"authorizations": {"a": 1}},
    {"actions": "claim"},
    {"actions": []},
    {"actions": ["claim"]},
    {"actions": [{"action_id": 5}]},
    {"actions": None},
    {"container": "message"},
    {"container": ["message"]},
    {"channel": ["C0SALES"]},
    {"team": ["T"]},
    {"view": "window"},
    {"type": "view_submission", "actions": None, "view": None},
    {"user": None},
    {"user": ""},
    {"user": {}},
    {"user": {"id": None}},
    {"user": {"id": ""}},
    {"user": {"id": " "}},
    {"user": {"id": ["U0REP1"]}},
    {"user": "U0REP1"},
]


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("payload", MISSHAPEN, ids=lambda payload: str(payload)[:40])
def test_what_slack_would_not_send_is_refused_at_once(
    slack: SandboxSlack, side: SlackSide, desk: SmallDesk, caplog: pytest.LogCaptureFixture, payload: Any
) -> None:
    whole = genuine(slack, **payload) if isinstance(payload, dict) else payload
    started = time.monotonic()
    assert send(slack, side, whole) == 400
    assert time.monotonic() - started < 1.0
    assert desk.done == []
    assert not any(record.exc_info for record in caplog.records)
    assert not any(record.levelno >= logging.ERROR for record in caplog.records)


def test_a_command_of_nobody_is_refused(slack: SandboxSlack, side: SlackSide) -> None:
    form = {"command": "/upsell", "text": "all", "team_id": slack.workspace.team, "user_id": "", "trigger_id": "1"}
    for given in (form, {**form, "user_id": "U0REP1", "trigger_id": ""}):
        body = urlencode(given)
        headers = signed_headers(slack.workspace.signing_secret, body)
        assert request(side, "POST", "/slack/events", body, headers) == 400


@pytest.mark.usefixtures("card")
def test_a_genuine_click_still_comes_in(slack: SandboxSlack, side: SlackSide, desk: SmallDesk) -> None:
    assert send(slack, side, genuine(slack)) == 200
    assert desk.done == ["claim 1 U0REP1"]


@pytest.mark.parametrize("value", ["[" * 2000, "\u0661", "1" * 20, "9" * 19, "1e0", " 1", "-1", "true", ""])
@pytest.mark.usefixtures("side")
def test_a_number_that_is_none_gets_a_polite_answer(
    slack: SandboxSlack, desk: SmallDesk, card: Message, value: str
) -> None:
    assert slack.people.click("U0REP1", card.ts, ids.CLAIM, value).ok
    hears(slack, "U0REP1", "from an older card")
    view = opened(slack, card, ids.DISMISS)
    view.content["private_metadata"] = value
    slack.people.submit(view, "U0REP1", {ids.REASON_BLOCK: "wrong_time"})
    assert "older release" in view.errors[ids.REASON_BLOCK]
    assert desk.done == []


@pytest.mark.parametrize("day", ["x", "2026-13-01", "2026-02-30", "", 5])
@pytest.mark.usefixtures("side")
def test_a_date_that_is_none_counts_as_missing(
    slack: SandboxSlack, desk: SmallDesk, card: Message, day: object
) -> None:
    view = opened(slack, card, ids.SNOOZE)
    assert slack.people.submit(view, "U0REP1", {ids.UNTIL_BLOCK: "date", ids.DATE_BLOCK: day}).ok
    assert view.errors == {ids.DATE_BLOCK: "Choose a day."}
    assert desk.done == []


class Elsewhere(BaseHTTPRequestHandler):
    """Sends everyone on to a second address, and keeps what arrives there."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]  # ours
        away = not self.path.startswith("/stolen")
        self.send_response(self.server.code if away else 200)  # type: ignore[attr-defined]  # set by the fixture
        if away:
            self.send_header("Location", "/stolen")
        body = b'{"ok": true}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the standard library's names

    def log_message(self, *about: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture(params=[301, 302, 303, 307, 308])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.code, server.seen = request.param, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_redirect_does_not_get_the_token(elsewhere: Any) -> None:
    client = web_client("xoxb-secret", f"http://127.0.0.1:{elsewhere.server_port}/api/")
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel="C0SALES", text="hello")
    assert [path for path, _ in elsewhere.seen] == ["/api/chat.postMessage"]


def test_a_redirect_of_a_response_url_is_not_followed(elsewhere: Any) -> None:
    base = f"http://127.0.0.1:{elsewhere.server_port}"
    reply = Reply(None, "U0REP1", spoken("hello"), f"{base}/hooks/1")
    assert not send_reply(web_client("xoxb-secret", f"{base}/api/"), reply)
    assert [path for path, _ in elsewhere.seen] == ["/hooks/1"]


@pytest.mark.usefixtures("side")
def test_every_waiting_click_is_acknowledged_in_time(slack: SandboxSlack, desk: SmallDesk, card: Message) -> None:
    """Fifty at once while the database is locked: the time at the desk counts from a click's arrival."""
    desk.stall = 2.5
    acks: list[Any] = []

    def click() -> None:
        acks.append(slack.people.click("U0REP1", card.ts, ids.CLAIM))

    clicks = [threading.Thread(target=click) for _ in range(50)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert all(ack.ok for ack in acks), sorted(ack.seconds for ack in acks)[-5:]
    eventually(lambda: len(desk.replies) == 49)
