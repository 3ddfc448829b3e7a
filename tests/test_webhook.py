"""The CRM tells of changed deals: believed only if it knows the secret, and then only as a hint to look."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from shutil import copy

import pytest

from bot.deals.hints import Hints
from bot.deals.webhook import PATH, SOURCE, webhook
from bot.following import Following
from bot.slack import ids
from bot.slack.web import CRM_PATH, LARGEST_BODY, WebServer, web_app
from bot.store import memory
from sandbox import faults
from sandbox.pipedrive import TOKEN
from sandbox.world import eventually
from tests.databases import MovedClock
from tests.stage import REP, Stage, near, stage

Play = Callable[..., Stage]


@pytest.fixture
def play(tmp_path: Path, sqlite_template: Path, clock: MovedClock) -> Iterator[Play]:
    """A stage that the sandbox's CRM can reach, unless it is told that it cannot."""
    file = copy(sqlite_template, tmp_path / "headroom.db")
    with ExitStack() as stack:

        def play(reachable: bool = True) -> Stage:
            port = free_port()
            given = {"HEADROOM_PORT": str(port)}
            given |= {"HEADROOM_PUBLIC_URL": f"http://127.0.0.1:{port}"} if reachable else {}
            return stack.enter_context(stage(f"sqlite:///{file}", clock, near(), **given))

        yield play


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def following(it: Stage) -> Following:
    assert it.headroom.following is not None
    return it.headroom.following


def pushed(it: Stage) -> int:
    it.evaluate()
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    deal = it.opportunity().deal
    assert deal is not None
    return int(deal.id)


def post(it: Stage, body: bytes, headers: Mapping[str, str], method: str = "POST") -> int:
    connection = HTTPConnection("127.0.0.1", it.headroom.settings.headroom_port, timeout=10)
    try:
        connection.request(method, CRM_PATH, body, dict(headers))
        return connection.getresponse().status
    except BrokenPipeError:  # the server closed the door before all of it was through
        return connection.getresponse().status
    finally:
        connection.close()


def message(it: Stage, deal: int) -> tuple[bytes, dict[str, str]]:
    """What the CRM sends of a deal."""
    hooks = it.world.pipedrive.hooks
    (hook,) = hooks.held.values()
    row = it.world.pipedrive.records.deals[deal]
    return json.dumps(hooks.event(hook, "change", "deal", row, {"title": "before"})).encode(), hooks.headers(hook)


def test_a_deal_that_is_won_closes_the_card_without_waiting_for_the_poll(play: Play) -> None:
    it = play()
    deal = pushed(it)
    following(it).hook_slot()
    following(it).start()
    try:
        it.world.pipedrive.people.win(deal)
        assert eventually(lambda: it.state() == "won")
    finally:
        following(it).stop()
    it.work()
    assert it.card().text == "Won: Acme"


def test_only_who_knows_the_secret_is_heard_and_nobody_is_called_meanwhile(play: Play) -> None:
    it = play()
    deal = pushed(it)
    following(it).hook_slot()
    body, headers = message(it, deal)
    it.world.pipedrive.forget_calls()
    assert post(it, body, headers) == 200
    assert [post(it, body, other) for other in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "ä"})] == [
        401
    ] * 3
    assert it.world.pipedrive.calls == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"meta": 1}', b"\xff", b"[" * 100_000], ids=str)
def test_what_cannot_be_understood_does_no_harm(play: Play, body: bytes) -> None:
    it = play()
    deal = pushed(it)
    following(it).hook_slot()
    good, headers = message(it, deal)
    assert post(it, body, headers) in (200, 400, 401)
    assert post(it, good, headers) == 200


def test_what_is_too_large_is_refused(play: Play) -> None:
    it = play()
    deal = pushed(it)
    following(it).hook_slot()
    _, headers = message(it, deal)
    assert post(it, b" " * (LARGEST_BODY + 1), headers) == 413


def test_nothing_listens_where_nobody_was_asked_to_tell(play: Play) -> None:
    it = play(reachable=False)
    following(it).hook_slot()
    assert it.world.pipedrive.hooks.held == {}
    assert [post(it, b"{}", {}), post(it, b"", {}, "GET")] == [404, 404]


def test_the_crm_is_heard_in_socket_mode_too() -> None:
    heard: list[bytes] = []

    def crm(_: Mapping[str, str], body: bytes) -> bool:
        heard.append(body)
        return True

    server = WebServer(web_app(None, lambda: True, crm), "127.0.0.1", 0)
    server.start()
    try:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", CRM_PATH, b"hint")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        server.stop()
    assert heard == [b"hint"]


def test_hints_that_come_together_are_looked_at_together() -> None:
    looks: list[set[str]] = []
    first, go_on = threading.Event(), threading.Event()

    def look(deal_ids: object) -> None:
        assert isinstance(deal_ids, set)
        looks.append(deal_ids)
        first.set()
        assert go_on.wait(30)
        if len(looks) == 1:
            raise ValueError("whatever it is")

    hints = Hints(look, seconds=0)
    hints.start()
    hints.tell(["1"])
    assert first.wait(30)
    with ThreadPoolExecutor(8) as threads:
        for number in range(200):
            threads.submit(hints.tell, [str(number % 5)])
    go_on.set()
    assert eventually(lambda: len(looks) == 2)
    hints.stop()
    assert looks == [{"1"}, {"0", "1", "2", "3", "4"}]


def test_one_hook_is_kept_alive_and_another_address_counts_at_once(play: Play) -> None:
    it = play()
    for hours in (0, 1, 13):
        it.clock.move(hours=hours)
        following(it).hook_slot()
    assert [hook["subscription_url"] for hook in it.world.pipedrive.hooks.held.values()] == [
        f"http://127.0.0.1:{it.headroom.settings.headroom_port}{PATH}"
    ]
    it.world.pipedrive.hooks.held.clear()
    following(it).hook_slot()
    assert it.world.pipedrive.hooks.held == {}, "not asked at every tick"
    moved = webhook("https://elsewhere.example/base/", [TOKEN])
    assert moved.address == "https://elsewhere.example/base/crm/webhook"
    assert it.headroom.crm is not None
    Following(it.db, it.headroom.crm, "pipedrive", timedelta(minutes=15), moved).hook_slot()
    assert [hook["subscription_url"] for hook in it.world.pipedrive.hooks.held.values()] == [moved.address]


def test_a_hook_that_is_refused_is_a_problem_and_no_more(play: Play) -> None:
    it = play()
    it.world.pipedrive.faults.add("POST /api/v1/webhooks", faults.status(403))
    following(it).hook_slot()
    assert it.problems() == ["webhook_refused"]
    it.follow()
    assert it.problems() == ["webhook_refused"]
    it.clock.move(minutes=6)
    following(it).hook_slot()
    assert it.problems() == []
    with it.db.read() as tx:
        assert memory.get(tx, SOURCE)["address"].endswith(PATH)


def test_the_secret_follows_from_the_crms_own_and_is_kept_nowhere(play: Play) -> None:
    it = play()
    following(it).hook_slot()
    secret = webhook("https://headroom.example", [TOKEN]).secret
    (hook,) = it.world.pipedrive.hooks.held.values()
    assert hook["http_auth_password"] == secret
    assert (len(secret), TOKEN in secret) == (40, False)
    assert secret not in str(it.rows())
    assert webhook("https://headroom.example", ["another"]).secret != secret
    assert PATH == CRM_PATH
