"""The ways in: signatures, health, limits, Socket Mode, and fifty clicks at once."""

import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from bot.slack import ids
from bot.slack.app import Access, SlackSide
from bot.slack.room import Room
from sandbox.faults import slow
from sandbox.slack import Ack, Message, SandboxSlack, signed_headers
from tests.bot.slack.conftest import eventually, post_card, running
from tests.bot.slack.small_desk import SmallDesk


def request(side: SlackSide, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> int:
    connection = HTTPConnection("127.0.0.1", side.port, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def command_body(slack: SandboxSlack) -> str:
    who = {"team_id": slack.workspace.team, "user_id": "U0REP1", "trigger_id": "1"}
    return urlencode({"command": "/upsell", "text": "help", **who})


@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [("right", 0, 200), ("right", 299, 200), ("right", 302, 401), ("right", -302, 401), ("wrong", 0, 401)],
)
def test_only_fresh_signatures_come_in(
    slack: SandboxSlack, side: SlackSide, secret: str, age: int, status: int
) -> None:
    body = command_body(slack)
    key = slack.workspace.signing_secret if secret == "right" else "another"
    assert request(side, "POST", "/slack/events", body, signed_headers(key, body, time.time() - age)) == status


def test_a_changed_body_is_refused(slack: SandboxSlack, side: SlackSide) -> None:
    body = command_body(slack)
    headers = signed_headers(slack.workspace.signing_secret, body)
    assert request(side, "POST", "/slack/events", body.replace("help", "all"), headers) == 401
    assert request(side, "POST", "/slack/events", body, {}) == 401


def test_only_what_is_needed_is_served(side: SlackSide) -> None:
    assert request(side, "GET", "/healthz") == 200
    assert request(side, "GET", "/readyz") == 200
    assert request(side, "GET", "/slack/events") == 404
    assert request(side, "POST", "/metrics") == 404


def test_a_huge_body_is_refused(slack: SandboxSlack, side: SlackSide) -> None:
    headers = signed_headers(slack.workspace.signing_secret, "")
    assert request(side, "POST", "/slack/events", "", {**headers, "Content-Length": str(1024 * 1024 + 1)}) == 413


def test_http_without_a_signing_secret_does_not_start() -> None:
    with pytest.raises(ValueError, match="SLACK_SIGNING_SECRET"):
        SlackSide(Access("xoxb-1"), Room.__new__(Room))


def test_socket_mode(slack: SandboxSlack, desk: SmallDesk) -> None:
    card = post_card(slack, desk, 1)
    with running(slack, desk, socket_mode=True) as side:
        assert request(side, "POST", "/slack/events") == 404
        assert request(side, "GET", "/readyz") == 200
        assert slack.people.click("U0REP1", card.ts, ids.CLAIM).ok
        assert desk.done == ["claim 1 U0REP1"]
        assert "/upsell why" in slack.people.command("U0REP1", "/upsell", "help").body["text"]
        slack.people.click("U0REP1", card.ts, ids.DISMISS)
        view = slack.people.latest_view("U0REP1")
        slack.people.submit(view, "U0REP1", {})
        assert set(view.errors) == {ids.REASON_BLOCK}


def test_socket_mode_comes_back_after_a_disconnect(slack: SandboxSlack, desk: SmallDesk) -> None:
    card = post_card(slack, desk, 1)
    with running(slack, desk, socket_mode=True):
        opened = len([call for call in slack.calls if call.path.endswith("connections.open")])
        slack.links.disconnect()
        eventually(lambda: len([call for call in slack.calls if call.path.endswith("connections.open")]) > opened)
        eventually(lambda: slack.links.number > 0)
        assert slack.people.click("U0REP1", card.ts, ids.CLAIM).ok


@pytest.mark.usefixtures("side")
def test_fifty_clicks_at_once_while_slack_is_stalled(slack: SandboxSlack, desk: SmallDesk) -> None:
    cards = [post_card(slack, desk, number) for number in range(1, 26)]
    slack.faults.add("/api/*", slow(3.0), times=None)
    acks: list[Ack] = []

    def click(card: Message, action: str) -> None:
        acks.append(slack.people.click("U0REP1", card.ts, action))

    both = [(card, action) for card in cards for action in (ids.CLAIM, ids.SNOOZE)]
    clicks = [threading.Thread(target=click, args=one) for one in both]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert all(ack.ok for ack in acks)
    assert max(ack.seconds for ack in acks) < 1.0
    assert len(desk.done) == 25
