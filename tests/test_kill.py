"""Power cuts: processes that are killed at any moment, between any two steps, lose nothing and do nothing twice."""

import random
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url, select, update

from bot.config import load
from bot.config.startup import EXAMPLE
from bot.desk import Desk
from bot.model import Opportunity
from bot.slack import ids
from bot.slack.desk import Click
from bot.store import Database, jobs, opportunities
from bot.store.delivery_tables import external_ref, hold, job, run
from bot.store.tables import opportunity, series
from sandbox.faults import Fault, Faults, drop
from sandbox.posthog.project import Event as Usage
from sandbox.posthog.stories import lock
from sandbox.server import Server
from sandbox.slack import Message
from sandbox.world import World, eventually
from tests.processes import Launcher, Process
from tests.stage import REP, RIVAL, near, storing, words

QUERIES = "POST /api/projects/1/query/"
STORIES = (near("acme"), storing("bluefin", 47.5, lock("sso", 2, 4, 6, people=3)))
CHANCE = random.Random(20261123)  # noqa: S311 - the same moments each time, as far as a machine keeps time
AFTER_HOURS = {job: ("run_at", "lease_until"), run: ("lease_until",), hold: ("until",), external_ref: ("attempted_at",)}


class Gate(Faults):
    """Holds up the first call that matches until it is opened; then the work is done, or the wire cut before it."""

    def __init__(self, match: str, applied: bool = True) -> None:
        super().__init__()
        self._match, self._applied = match, applied
        self.reached, self.opened = Event(), Event()

    def take(self, method: str, path: str) -> Fault | None:
        if self.reached.is_set() or not fnmatchcase(f"{method} {path}", self._match):
            return None
        self.reached.set()
        self.opened.wait(30)
        return None if self._applied else drop()


def let_through(server: Server, gate: Gate) -> None:
    """Returns once the vendor is done with the call."""
    answered = len(server.calls)
    gate.opened.set()
    assert eventually(lambda: len(server.calls) > answered)


@dataclass
class Deployment:
    """A world, a database and the processes that work on it."""

    world: World
    launcher: Launcher
    db: Database
    url: str

    def environment(self, **changes: str) -> dict[str, str]:
        return self.world.environment(**{"DATABASE_URL": self.url, **changes})

    def start(self, *arguments: str, **changes: str) -> Process:
        return self.launcher.start(*arguments, env=self.environment(**changes))

    def run(self, *arguments: str) -> None:
        done = self.start(*arguments)
        assert done.wait() == 0, done.err

    def let_hours_pass(self) -> None:
        """For leases, waiting times and doubts of those who died; the clocks of processes cannot be moved."""
        with self.db.transaction() as tx:
            for table, names in AFTER_HOURS.items():
                key = list(table.primary_key.columns)
                for row in tx.execute(select(table)).mappings().all():
                    past = {name: row[name] - timedelta(hours=2) for name in names if row[name]}
                    its_row = [column == row[column.name] for column in key]
                    tx.execute(update(table).where(*its_row).values(past))

    def recover(self) -> None:
        """Another process does what is left, for as long as there is something."""
        for _ in range(5):
            self.let_hours_pass()
            self.run("work", "--until-idle")
            if not self.waiting():
                return
        raise AssertionError(self.waiting())

    def waiting(self) -> list[Any]:
        with self.db.read() as tx:
            found = jobs.list_jobs(tx, states=("ready", "running", "failed", "dead"))
        return [(one.kind, one.state, one.error_class, one.last_error) for one in found]

    def stall(self, server: Server, match: str, applied: bool = True) -> Gate:
        gate = Gate(match, applied)
        server.faults = gate
        return gate

    def killed_within(self, process: Process, server: Server, gate: Gate) -> None:
        """Killed while it waits for an answer; the vendor goes on with what it was told."""
        assert gate.reached.wait(30), process.err
        process.kill()
        let_through(server, gate)

    def cards(self) -> list[Message]:
        return self.world.slack.workspace.messages()

    def opportunities(self) -> dict[str, Opportunity]:
        with self.db.read() as tx:
            made = [opportunities.get(tx, number) for number in tx.scalars(select(opportunity.c.id))]
        by_account = {one.account.key: one for one in made if one is not None}
        assert len(by_account) == len(made), "one opportunity an account"
        return by_account

    def known(self) -> dict[str, Any]:
        """What an evaluation leaves behind, but for moments and what follows from them."""
        told = {
            key: (one.state, one.polarity, one.plan, one.recommended_plan, one.delta_arr, one.version > 0)
            for key, one in self.opportunities().items()
        }
        signals = {
            (key, signal.kind, signal.metric, signal.subject, signal.level, signal.used, signal.limit)
            for key, one in self.opportunities().items()
            for signal in one.signals
        }
        with self.db.read() as tx:
            columns = (series.c.account_key, series.c.stream, series.c.first_day, series.c["values"])
            stored = {tuple(row) for row in tx.execute(select(*columns))}
        return {"opportunities": told, "signals": signals, "series": stored}

    def records(self) -> tuple[int, int, int]:
        held = self.world.pipedrive.records
        return len(held.organizations), len(held.deals), len(held.notes)

    def assert_one_card_each(self) -> None:
        made = self.opportunities()
        marked = [(card.metadata or {})["event_payload"]["key"] for card in self.cards()]
        assert sorted(marked) == sorted(one.key for one in made.values())
        shown = {one.card.ts: one for one in made.values() if one.card}
        assert shown.keys() == {card.ts for card in self.cards()}


@contextmanager
def deployed(url: str, launcher: Launcher) -> Iterator[Deployment]:
    with World(stories=STORIES) as world:
        db = Database(url, lambda: datetime.now(UTC))
        try:
            yield Deployment(world, launcher, db, url)
            for server in (world.posthog, world.slack, world.pipedrive):
                assert server.errors == []
        finally:
            db.close()


@pytest.fixture
def deployment(migrated_url: str, launcher: Launcher) -> Iterator[Deployment]:
    """On each database."""
    with deployed(migrated_url, launcher) as deployment:
        yield deployment


@pytest.fixture
def undisturbed(deployment: Deployment, sqlite_template: Path, tmp_path: Path) -> tuple[Mapping[str, Any], float]:
    """What an evaluation that nobody kills leaves behind, and how long it takes."""
    file = tmp_path / "undisturbed.db"
    file.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{file}"
    began = time.monotonic()
    assert deployment.launcher.run("evaluate", env=deployment.environment(DATABASE_URL=url)).code == 0
    took = time.monotonic() - began
    db = Database(url, lambda: datetime.now(UTC))
    known = Deployment(deployment.world, deployment.launcher, db, url).known()
    db.close()
    assert known["opportunities"].keys() == {"acme", "bluefin"}
    return known, took


def kill_at_random(deployment: Deployment, longest: float, *command: str) -> None:
    process = deployment.start(*command)
    time.sleep(CHANCE.uniform(0, longest))
    process.kill()


def test_evaluations_and_workers_killed_at_any_moment(
    deployment: Deployment, undisturbed: tuple[Mapping[str, Any], float]
) -> None:
    known, took = undisturbed
    for _ in range(5):
        kill_at_random(deployment, min(took, 2.0), "evaluate")
    deployment.run("evaluate")
    assert deployment.known() == known
    for _ in range(5):
        kill_at_random(deployment, 0.5, "work", "--until-idle")
        deployment.let_hours_pass()
    deployment.recover()
    deployment.assert_one_card_each()
    deployment.run("evaluate")
    deployment.run("work", "--until-idle")
    assert deployment.known() == known
    deployment.assert_one_card_each()


@contextmanager
def locked(url: str, table: str) -> Iterator[psycopg.Connection]:
    """Nobody else can write to the table."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
        yield connection
        connection.rollback()


def kill_before_writing(deployment: Deployment, table: str, *command: str, **changes: str) -> None:
    with locked(deployment.url, table) as connection:
        process = deployment.start(*command, **changes)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        assert eventually(lambda: connection.execute(waiting).fetchone()), (table, process.err)
        process.kill()


TABLES = ("memory", "account", "series", "signal_state", "opportunity", "job", "standing")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_an_evaluation_killed_before_each_of_its_writes(
    deployment: Deployment, undisturbed: tuple[Mapping[str, Any], float]
) -> None:
    known, _ = undisturbed
    for table in TABLES:
        kill_before_writing(deployment, table, "evaluate")
    deployment.run("evaluate")
    assert deployment.known() == known
    deployment.run("work", "--until-idle")
    deployment.assert_one_card_each()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_new_configuration_that_is_killed_halfway_and_taken_back_spoils_nothing(
    deployment: Deployment, tmp_path: Path
) -> None:
    deployment.run("evaluate")
    known = deployment.known()
    changed = EXAMPLE.read_text(encoding="utf-8")
    for before, after in (
        ('event = "data_ingested"', 'event = "data_digested"'),
        ("storage_gb = 50 ", "storage_gb = 47 "),
    ):
        assert before in changed
        changed = changed.replace(before, after)  # a stream to fill anew, and a signal to raise: both tables are due
    (tmp_path / "changed.toml").write_text(changed, encoding="utf-8")
    for table in ("memory", "signal_state"):
        kill_before_writing(deployment, table, "evaluate", HEADROOM_CONFIG=str(tmp_path / "changed.toml"))
        deployment.run("evaluate")
        assert deployment.known() == known


CALLS = {  # in the order of an opportunity's life: what is about to be written when the process dies
    "card": ("slack", "POST /api/chat.postMessage"),
    "organisation": ("pipedrive", "POST /api/v2/organizations"),
    "deal": ("pipedrive", "POST /api/v2/deals"),
    "note": ("pipedrive", "POST /api/v1/notes"),
    "card again": ("slack", "POST /api/chat.update"),
    "note again": ("pipedrive", "PUT /api/v1/notes/*"),
}


@pytest.mark.parametrize(
    ("database_kind", "applied"), [("sqlite", True), ("postgresql", False)], indirect=["database_kind"]
)
def test_a_worker_killed_within_each_of_its_calls(deployment: Deployment, applied: bool) -> None:
    desk = Desk(deployment.db, load(EXAMPLE))
    deployment.run("evaluate")
    for what, (vendor, match) in CALLS.items():
        match what:
            case "organisation":
                assert desk.push(Click("first push", REP), deployment.opportunities()["acme"].id).ok
            case "card again":
                deployment.recover()
                use_more(deployment, 150)
                deployment.run("evaluate")
            case "note again":
                deployment.recover()
                use_more(deployment, 150)
                deployment.run("evaluate")
                assert desk.push(Click("second push", REP), deployment.opportunities()["acme"].id).ok
        server: Server = getattr(deployment.world, vendor)
        gate = deployment.stall(server, match, applied)
        deployment.killed_within(deployment.start("work", "--until-idle"), server, gate)
        deployment.let_hours_pass()
    deployment.recover()
    deployment.assert_one_card_each()
    assert deployment.records() == (1, 1, 1)
    (note,) = deployment.world.pipedrive.records.notes.values()
    assert "1,180 of 1,000" in note["content"]
    assert deal_is_shown(deployment)


@pytest.mark.parametrize(
    ("database_kind", "applied"), [("sqlite", False), ("postgresql", True)], indirect=["database_kind"]
)
def test_a_worker_killed_while_it_tells_a_thread(deployment: Deployment, applied: bool) -> None:
    deployment.run("evaluate")
    deployment.run("work", "--until-idle")
    use_more(deployment, 150)
    deployment.run("evaluate")
    gate = deployment.stall(deployment.world.slack, "POST /api/chat.postMessage", applied)
    deployment.killed_within(deployment.start("work", "--until-idle"), deployment.world.slack, gate)
    deployment.recover()
    deployment.assert_one_card_each()
    (told,) = deployment.world.slack.workspace.replies(card_of(deployment, "Acme").ts)
    assert told.text.startswith("Acme: API calls passed the limit: 1,030 of 1,000 used")


def deal_is_shown(deployment: Deployment) -> bool:
    acme = deployment.opportunities()["acme"]
    if acme.deal is None or acme.deal_state is not None or acme.card is None:
        return False
    return acme.deal.url in words(deployment.world.slack.workspace.find_message(acme.card.ts))


def use_more(deployment: Deployment, calls: int) -> None:
    moment = datetime.now(UTC) - timedelta(seconds=1)
    event = Usage("api_request", "p-acme-1", moment, {}, {"company": "acme"})
    deployment.world.posthog.project.capture([event] * calls)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Replica:
    """`headroom run`, which Slack's clicks can reach."""

    def __init__(self, deployment: Deployment) -> None:
        self._port = free_port()
        self._world = deployment.world
        self.process = deployment.start("run", HEADROOM_PORT=str(self._port))

    def is_ready(self) -> bool:
        assert self.process.runs, self.process.err
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def click(self, user: str, card: Message, action: str) -> bool:
        """Whether it was acknowledged."""
        self._world.slack.people.bot_url = f"http://127.0.0.1:{self._port}/slack/events"
        return self._world.slack.people.click(user, card.ts, action).ok


def card_of(deployment: Deployment, name: str) -> Message:
    return next(card for card in deployment.cards() if card.text.startswith(name))


def slots(deployment: Deployment) -> dict[datetime, str]:
    """How the evaluation of each slot stands."""
    with deployment.db.read() as tx:
        return {row.scheduled_for: row.state for row in tx.execute(select(run.c.scheduled_for, run.c.state))}


def test_the_whole_bot_killed_again_and_again_loses_no_click(deployment: Deployment) -> None:
    posthog = deployment.world.posthog
    gate = deployment.stall(posthog, QUERIES)
    deployment.killed_within(Replica(deployment).process, posthog, gate)
    deployment.let_hours_pass()
    replica = Replica(deployment)
    assert eventually(lambda: len(deployment.cards()) == 2)
    card = card_of(deployment, "Acme")
    for action in (ids.CLAIM, ids.PUSH):
        assert eventually(replica.is_ready)
        assert replica.click(REP, card, action)
        replica.process.kill()
        deployment.let_hours_pass()
        kill_at_random(deployment, 1.0, "run")
        deployment.let_hours_pass()
        replica = Replica(deployment)
    assert eventually(replica.is_ready)
    while deployment.waiting():
        time.sleep(0.5)
        deployment.let_hours_pass()
    replica.process.terminate()
    assert replica.process.wait() == 0
    acme = deployment.opportunities()["acme"]
    assert (acme.state, acme.owner) == ("claimed", REP)
    assert deployment.records() == (1, 1, 1)
    assert deal_is_shown(deployment)
    deployment.assert_one_card_each()
    assert set(slots(deployment).values()) == {"done"}


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_two_replicas_share_the_work_and_a_third_takes_over(deployment: Deployment) -> None:
    first, second = Replica(deployment), Replica(deployment)
    assert eventually(lambda: first.is_ready() and second.is_ready())
    assert eventually(lambda: len(deployment.cards()) == 2)
    assert eventually(lambda: set(slots(deployment).values()) == {"done"})
    queries = [call for call in deployment.world.posthog.calls if call.method == "POST"]
    assert len(queries) <= 4 * len(slots(deployment)), "one evaluation a slot"
    card = card_of(deployment, "Bluefin")
    with ThreadPoolExecutor(2) as people:
        clicks = [people.submit(first.click, REP, card, ids.CLAIM), people.submit(second.click, RIVAL, card, ids.CLAIM)]
        assert all(click.result() for click in clicks)
    assert deployment.opportunities()["bluefin"].owner in (REP, RIVAL)
    gate = deployment.stall(deployment.world.pipedrive, "POST /api/v2/deals")
    assert first.click(REP, card_of(deployment, "Acme"), ids.PUSH)
    assert gate.reached.wait(30)
    first.process.kill()
    second.process.kill()  # whichever of them was at it
    let_through(deployment.world.pipedrive, gate)
    deployment.let_hours_pass()
    third = Replica(deployment)
    assert eventually(third.is_ready)
    assert eventually(lambda: deal_is_shown(deployment))
    assert eventually(lambda: not deployment.waiting())
    third.process.terminate()
    assert third.process.wait() == 0
    deployment.assert_one_card_each()
    assert deployment.records() == (1, 1, 1)
