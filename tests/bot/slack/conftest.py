"""The real listeners before the sandbox's Slack, with a small application behind them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bot.slack.app import Access, SlackSide, web_client
from bot.slack.cards import render_card
from bot.slack.managers import Managers
from bot.slack.room import Room, Tools
from sandbox.slack import Message, SandboxSlack
from tests.bot.slack.samples import LABELS, opportunity
from tests.bot.slack.small_desk import SmallDesk

MANAGERS = ("U0BOSS", "S0REVOPS")


@pytest.fixture
def slack() -> Iterator[SandboxSlack]:
    with SandboxSlack() as server:
        yield server
    assert server.errors == []
    assert server.people.refused == []


@pytest.fixture
def desk() -> SmallDesk:
    return SmallDesk()


@contextmanager
def running(slack: SandboxSlack, desk: SmallDesk, *, socket_mode: bool = False) -> Iterator[SlackSide]:
    workspace = slack.workspace
    secret, app_token = (None, workspace.app_token) if socket_mode else (workspace.signing_secret, None)
    client = web_client(workspace.bot_token, slack.api_url)
    managers = Managers(client, MANAGERS)
    room = Room(Tools(desk, client, managers, lambda: LABELS, lambda: datetime.now(UTC)))
    side = SlackSide(Access(workspace.bot_token, app_token, secret, slack.api_url, port=0), room)
    side.start()
    slack.people.bot_url = f"http://127.0.0.1:{side.port}/slack/events"
    eventually(lambda: side.guard.identity is not None and (slack.links.number > 0 or not socket_mode))
    try:
        yield side
    finally:
        side.stop()


@pytest.fixture
def side(slack: SandboxSlack, desk: SmallDesk) -> Iterator[SlackSide]:
    with running(slack, desk) as side:
        yield side


@pytest.fixture
def card(slack: SandboxSlack, desk: SmallDesk) -> Message:
    """The card of opportunity 1 in the channel."""
    return post_card(slack, desk, 1)


def post_card(slack: SandboxSlack, desk: SmallDesk, number: int) -> Message:
    blocks, text = render_card(desk.add(opportunity(number)), LABELS)
    client = web_client(slack.workspace.bot_token, slack.api_url)
    client.chat_postMessage(channel="C0SALES", blocks=blocks, text=text)
    return slack.workspace.messages()[-1]


def eventually(is_true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
