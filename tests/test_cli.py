"""The command line as people and machines use it: each command in a process of its own, the vendors on this machine."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any

import httpx
import pytest

from bot.config.startup import EXAMPLE
from bot.slack import ids
from bot.store import Database
from bot.store.tables import metadata
from sandbox import faults
from sandbox.pipedrive.records import Records as PipedriveRecords
from sandbox.posthog.stories import STORIES, Sight, lock, rejected
from sandbox.world import World, eventually
from tests.processes import ROOT, Launcher, Process
from tests.stage import REP, near, quiet, words

SECRETS = re.compile(r"xoxb-sandbox|phx_sandbox|sandbox-signing|sandbox-pipedrive|hunter2")
QUERIES = "POST /api/projects/1/query/"


@dataclass
class Shell:
    """Where a person types: a world, an empty database, and an environment that a test may change."""

    world: World
    launcher: Launcher
    folder: Path

    def environment(self, **changes: str) -> dict[str, str]:
        return self.world.environment(**{"DATABASE_URL": f"sqlite:///{self.folder / 'headroom.db'}", **changes})

    def start(self, *arguments: str, **changes: str) -> Process:
        return self.launcher.start(*arguments, env=self.environment(**changes))

    def run(self, *arguments: str, **changes: str) -> Process:
        """To its end. Whatever it says, it says plainly, and tells no secret."""
        done = self.start(*arguments, **changes)
        done.wait()
        said = done.out + done.err
        assert not SECRETS.search(said), said
        assert "\x1b" not in said, "no colours in a file"
        assert "Traceback" not in said, said
        return done

    def json(self, *arguments: str, **changes: str) -> Any:
        done = self.run(*arguments, **changes)
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    def rows(self) -> int:
        """How many rows there are in all tables."""
        database = Database(f"sqlite:///{self.folder / 'headroom.db'}", lambda: datetime.now(UTC))
        with closing(database), database.read() as tx:
            return sum(len(tx.execute(table.select()).all()) for table in metadata.sorted_tables)

    def config(self, *changes: tuple[str, str]) -> str:
        """The path of a changed headroom.toml."""
        told = EXAMPLE.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in told, old
            told = told.replace(old, new)
        file = self.folder / "changed.toml"
        file.write_text(told, encoding="utf-8")
        return str(file)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    lumen = next(story for story in STORIES if story.key == "lumen")
    rare = (lock("sso", 20), rejected(20, times=1), Sight("quota_exceeded", (20,)))
    stories = (near("acme", 990), near("acme-two", name="Acme Two"), quiet(), replace(lumen, used=500, sights=rare))
    with World(stories=stories) as world:
        yield world


@pytest.fixture
def shell(world: World, launcher: Launcher, tmp_path: Path, sqlite_template: Path) -> Iterator[Shell]:
    copy(sqlite_template, tmp_path / "headroom.db")
    yield Shell(world, launcher, tmp_path)
    slack = world.slack.workspace
    for server in (world.posthog, world.slack, world.pipedrive):
        assert server.errors == []
        server.faults.clear()
        server.forget_calls()
    slack.channels["C0SALES"].messages.clear()
    slack.channels["C0SALES"].is_archived = False


@pytest.fixture(scope="module")
def unreachable(world: World, launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Process:
    """An evaluation that finds nobody where PostHog should be; it tries for a while, so it starts early."""
    database = f"sqlite:///{tmp_path_factory.mktemp('unreachable') / 'headroom.db'}"
    env = world.environment(DATABASE_URL=database, POSTHOG_HOST=f"http://127.0.0.1:{free_port()}")
    return launcher.start("evaluate", env=env)


@pytest.fixture(autouse=True)
def _early(unreachable: Process) -> None:
    """Started before the first test, looked at by the last."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


OPPORTUNITY = {"account", "name", "state", "polarity", "score", "points", "plan", "recommended_plan", "delta_arr"}
FIGURES = {"level", "used", "limit", "ratio", "probability"}
SIGNAL = {"kind", "metric", *FIGURES, "crosses_on", "crosses_between", "as_of"}


def test_replay_asks_nobody_and_tells_what_the_rules_would_have_done(shell: Shell) -> None:
    nothing = shell.run("replay")
    assert (nothing.code, nothing.out) == (1, "")
    assert "There is no history yet. Run `headroom evaluate` first" in " ".join(nothing.err.split())
    shell.json("evaluate", "--json")
    shell.world.posthog.forget_calls()
    told = shell.json("replay", "--days", "30", "--set", "approaching=60,99", "--json")
    assert shell.world.posthog.calls == []
    assert (told["accounts"], told["today"]["thresholds"]["approaching"]) == (4, [80, 90, 100, 120])
    assert told["proposed"]["thresholds"] == {"approaching": [60, 99], "growth_probability": 0.8}
    (card,), (sooner,) = told["today"]["cards"], told["proposed"]["cards"]
    assert card["account"] == sooner["account"] == "acme-two"
    assert (card["signals"], card["outcome"]) == (
        [{"kind": "approaching_limit", "metric": "api_calls", "level": 80}],
        "undecided",
    )
    assert sooner["day"] < card["day"]
    assert told["not_replayed"] == ["billing_page_visits", "feature_lockout", "invited_seats"]
    shown = shell.run("replay", "--days", "30")
    assert shown.code == 0
    assert "lock-outs and invitations are not stored day by day" in " ".join(shown.out.split())
    assert re.search(r"precision, of those decided +(\d+%|-)", shown.out)


def test_replay_names_each_mistake_of_what_is_proposed(shell: Shell) -> None:
    wrong = shell.run("replay", "--set", "aproaching=75", "--set", "growth_probability=seven")
    assert (wrong.code, wrong.out) == (2, "")
    assert '--set aproaching=75: is no threshold. Did you mean "approaching"?' in wrong.err
    assert '--set growth_probability=seven: "seven" is not a number. Write growth_probability=0.7.' in wrong.err
    assert shell.run("replay", "--days", "0").code == 2


def test_evaluate_prints_one_json_object_with_every_signal(shell: Shell) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    told = shell.json("evaluate", "--json")
    assert list(told) == ["at", "accounts", "posthog_calls", "opportunities", "held_back", "problems"]
    assert before <= datetime.fromisoformat(told["at"]) <= datetime.now(UTC)
    assert told["at"].endswith("Z")
    assert (told["accounts"], told["posthog_calls"]) == (4, 5)
    assert [problem["what"] for problem in told["problems"]] == ["unknown_plan"]
    assert {"account": "lumen", "reason": "limit_unknown", "metric": "seats"} in told["held_back"]
    assert [one["account"] for one in told["opportunities"]] == ["acme", "acme-two"]
    for one in told["opportunities"]:
        assert one.keys() >= OPPORTUNITY
        assert (one["state"], one["polarity"]) == ("open", "upsell")
        assert (one["plan"], one["recommended_plan"], one["delta_arr"]) == ("starter", "growth", 4800)
        assert sum(one["points"].values()) == pytest.approx(one["score"])
        signal = next(signal for signal in one["signals"] if signal["kind"] == "approaching_limit")
        assert signal.keys() >= SIGNAL
        assert (signal["metric"], signal["limit"]) == ("api_calls", 1000)
        used = 990 if one["account"] == "acme" else 880
        assert (signal["level"], signal["used"], signal["ratio"]) == (used // 100 * 10, used, used / 1000)
        assert datetime.fromisoformat(signal["as_of"]) <= datetime.fromisoformat(told["at"])
    assert shell.world.slack.workspace.messages() == [], "posting is the worker's"


def test_evaluate_shows_people_a_table(shell: Shell) -> None:
    done = shell.run("evaluate")
    assert done.code == 0
    assert "Acme Two" in done.out
    assert "approaching limit (api_calls 88 %)" in " ".join(done.out.split())
    assert "2 opportunities in 4 accounts" in done.out


def test_a_dry_run_writes_and_posts_nothing(shell: Shell) -> None:
    told = shell.json("evaluate", "--dry-run", "--json")
    assert len(told["opportunities"]) == 2
    assert shell.rows() == 0
    assert shell.world.slack.calls == shell.world.pipedrive.calls == []
    again = shell.json("evaluate", "--json")
    assert [one["account"] for one in again["opportunities"]] == [one["account"] for one in told["opportunities"]]


@pytest.mark.parametrize("given", ["{:%Y-%m-%d}", "{:%Y-%m-%dT05:30:00+05:30}"])
def test_evaluate_as_of_an_earlier_moment(shell: Shell, given: str) -> None:
    day = datetime.now(UTC) - timedelta(days=2)
    told = shell.json("evaluate", "--dry-run", "--json", "--at", given.format(day))
    assert told["at"] == f"{day:%Y-%m-%d}T00:00:00Z"
    used = [signal["used"] for one in told["opportunities"] for signal in one["signals"] if signal["used"]]
    assert used
    assert max(used) < 990


def test_an_earlier_moment_means_the_same_whatever_was_evaluated_before(shell: Shell) -> None:
    day = f"{datetime.now(UTC) - timedelta(days=93):%Y-%m-%d}"  # before all that the first evaluation reads
    fresh = shell.json("evaluate", "--dry-run", "--json", "--at", day)
    assert "acme" in [one["account"] for one in fresh["opportunities"]]
    shell.run("evaluate")
    later = shell.json("evaluate", "--dry-run", "--json", "--at", day)
    assert [one["signals"] for one in later["opportunities"]] == [one["signals"] for one in fresh["opportunities"]]


def test_work_posts_what_is_due_and_ends(shell: Shell) -> None:
    for _ in range(2):
        assert shell.run("evaluate").code == 0
        assert shell.run("work", "--until-idle").code == 0
        cards = shell.world.slack.workspace.messages()
        assert sorted(card.text.split()[0] for card in cards) == ["Acme", "Acme"]
    assert [card.versions for card in cards] == [1, 1]


def test_account_says_how_it_stands(shell: Shell) -> None:
    shell.run("evaluate")
    one = shell.run("account", "acme two")
    assert one.code == 0
    assert "API calls: 880 of 1,000 (88 %)" in one.out
    assert "opportunity" in one.out
    several = shell.run("account", "acme")
    assert several.code == 0
    assert ("Acme (acme)" in several.out, "Acme Two (acme-two)" in several.out) == (True, False), "its very name"
    assert {"(acme)", "(acme-two)"} <= set(shell.run("account", "acm").out.replace(",", "").split())
    unknown = shell.run("account", "lumen")
    assert "no limit is known" in " ".join(unknown.out.split())
    nobody = shell.run("account", "nobody of that name")
    assert (nobody.code, nobody.out) == (1, "")
    assert "No account matches" in nobody.err


def test_account_tells_why_rule_by_rule(shell: Shell) -> None:
    shell.run("evaluate")
    told = shell.run("account", "acme two", "--why")
    assert told.code == 0
    (rule,) = {line for line in told.out.splitlines() if line.startswith("80 % of the limit") and "yes" in line}
    assert re.split(r"\s{3,}", rule)[1:4] == ["88 %", "80 %; over below 75 %", "yes"]
    (one,) = shell.json("account", "acme two", "--why", "--json")
    assert (one["account"], one["parts"][0]["title"]) == ("acme-two", "API calls")
    steps = {step["rule"]: step for step in one["parts"][0]["steps"]}
    assert (steps["80 % of the limit"]["met"], steps["90 % of the limit"]["met"]) == (True, False)
    assert steps["80 % of the limit"]["since"].endswith("Z")
    (lumen,) = shell.json("account", "lumen", "--json")
    assert "no limit is known" in lumen["verdict"][0]


def test_follow_looks_at_the_crm_once_and_says_what_it_found(shell: Shell) -> None:
    records = shell.world.pipedrive.records
    shell.run("evaluate")
    org = records.add_organization({"name": "Acme [red]Two[/]"})["id"]
    records.add_deal({"title": "By hand", "org_id": org, "stage_id": 2})
    done = shell.run("follow")
    assert (done.code, done.err) == (0, "")
    assert done.out == "0 deals followed: nothing new; 1 open in the pipeline, 0 of known accounts\n"
    shell.world.pipedrive.faults.add("GET /api/v1/users", faults.status(401), times=None)
    refused = shell.run("follow")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("The CRM could not be read: Pipedrive")


def test_follow_says_where_there_is_no_crm(shell: Shell) -> None:
    done = shell.run("follow", HEADROOM_CONFIG=shell.config(('kind = "pipedrive"', "")))
    assert done.code == 2
    assert "crm.kind: is missing in headroom.toml" in done.err


def test_jobs_are_listed_explained_and_retried(shell: Shell) -> None:
    refusal = faults.body('{"ok": false, "error": "msg_too_long"}')
    shell.world.slack.faults.add("POST /api/chat.postMessage", refusal)
    shell.run("evaluate")
    shell.run("work", "--until-idle")
    assert len(shell.world.slack.workspace.messages()) == 1
    listed = shell.run("jobs", "list", "--state", "failed")
    number = listed.out.split()[0]
    assert "card" in listed.out
    assert "1 done, 1 failed" in listed.out
    explained = shell.run("jobs", "explain", number)
    assert (explained.code, "Slack refused the message" in explained.out) == (0, True)
    assert shell.run("jobs", "retry", number).code == 0
    assert shell.run("work", "--until-idle").code == 0
    assert len(shell.world.slack.workspace.messages()) == 2
    assert shell.run("jobs", "retry", number).code == 1, "it is done"
    assert shell.run("jobs", "explain", "999").code == 1


def test_a_retry_is_tried_at_once_by_the_bot_that_runs(shell: Shell) -> None:
    channel = shell.world.slack.workspace.channels["C0SALES"]
    channel.is_archived = True
    bot = shell.start("run", HEADROOM_PORT=str(free_port()))
    assert eventually(lambda: "The channel is archived. Unarchive it" in shell.run("jobs", "list").out)
    channel.is_archived = False
    shell.run("jobs", "retry", "1")
    assert eventually(lambda: len(channel.messages) == 2, 10)
    bot.terminate()
    assert bot.wait() == 0


WRONG = (
    ('measure = "sum"', 'measure = "total"'),
    ("approaching = [80, 90, 100, 120]", 'approaching = [80, "many"]'),
    ('channel = "C0SALES"', 'channel = "#sales"'),
    ('every = "1h"', 'every = "hourly"'),
    ("limits = { api_calls = 1000000", "limits = { apicalls = 1000000"),
)


@pytest.mark.parametrize("command", ["run", "evaluate", "work", "account acme", "jobs list"])
def test_every_mistake_of_the_configuration_is_told_before_anything_starts(shell: Shell, command: str) -> None:
    done = shell.run(*command.split(), HEADROOM_CONFIG=shell.config(*WRONG))
    assert (done.code, done.out) == (2, "")
    for place in ("metrics.data_gb.measure", "thresholds.approaching", "slack.channel", "schedule.every", "apicalls"):
        assert place in done.err
    assert shell.rows() == 0
    assert shell.world.slack.calls == shell.world.posthog.calls == []


def test_every_mistake_of_the_settings_is_told_at_once(shell: Shell) -> None:
    wrong = {
        "SLACK_BOT_TOKEN": "hunter2-token",
        "PIPEDRIVE_URL": "http://pipedrive.example",
        "HEADROOM_PORT": "99999",
        "DATABASE_URL": "mysql://root:hunter2@db/headroom",
        "POSTHOG_PROJECT_ID": "twelve",
    }
    for command in ("run", "evaluate"):
        done = shell.run(command, **wrong)
        assert (done.code, done.out) == (2, "")
        assert [name for name in wrong if name not in done.err] == []
    assert shell.world.slack.calls == shell.world.posthog.calls == []


def test_what_is_missing_is_named_with_where_to_get_it(shell: Shell) -> None:
    done = shell.launcher.run("run", env={"HEADROOM_CONFIG": str(EXAMPLE)})
    assert done.code == 2
    needed = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "POSTHOG_PROJECT_ID", "POSTHOG_API_KEY", "PIPEDRIVE_API_TOKEN")
    assert [name for name in needed if name not in done.err] == []


def test_no_configuration_is_said(shell: Shell) -> None:
    done = shell.run("evaluate", HEADROOM_CONFIG="nowhere.toml")
    assert (done.code, "nowhere.toml" in done.err) == (2, True)


def test_wrong_use_is_told_apart_from_failure(shell: Shell) -> None:
    assert shell.run("evaluate", "--at", "yesterday").code == 2
    assert shell.run("evaluate", "--nonsense").code == 2
    assert shell.run("jobs", "retry", "seven").code == 2


@pytest.mark.parametrize(
    ("status", "said"), [(401, "POSTHOG_API_KEY"), (402, "billing limit"), (404, "POSTHOG_PROJECT_ID")]
)
def test_a_posthog_that_refuses_is_said_in_plain_words(shell: Shell, status: int, said: str) -> None:
    shell.world.posthog.faults.add(QUERIES, faults.status(status), times=None)
    done = shell.run("evaluate", "--json")
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert shell.rows() == 1, "the problem, and nothing else"


def test_a_database_that_is_away_is_said_in_plain_words(shell: Shell) -> None:
    url = f"postgresql+psycopg://headroom:hunter2@127.0.0.1:{free_port()}/headroom"
    for command in (("evaluate",), ("work", "--until-idle"), ("account", "acme")):
        done = shell.run(*command, DATABASE_URL=url)
        assert (done.code, done.out) == (1, "")
        assert "database" in done.err.lower()
        assert len(done.err.splitlines()) <= 3


def test_doctor_finds_nothing_wrong(shell: Shell) -> None:
    done = shell.run("doctor")
    assert done.code == 0, done.out
    assert "FAIL" not in done.out
    told = shell.json("doctor", "--json")
    assert told["ok"] is True
    assert {check["name"] for check in told["checks"]} >= {"configuration", "settings", "database", "clock", "slack"}


def test_doctor_names_all_that_is_wrong(shell: Shell) -> None:
    slack = shell.world.slack.workspace
    slack.channels["C0SALES"].is_archived = True
    slack.scopes.discard("chat:write")
    config = shell.config(
        ('event = "data_ingested"', 'event = "data_digested"'), ('stage = "Usage signal"', 'stage = "Mood"')
    )
    try:
        done = shell.run("doctor", HEADROOM_CONFIG=config)
    finally:
        slack.scopes.add("chat:write")
    assert done.code == 1
    wrong = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    for said in ("data_digested", "chat:write", "archived", "Mood"):
        assert any(said in line for line in wrong), (said, wrong)


def test_doctor_makes_what_is_missing_and_pushes_a_trial_that_leaves_nothing(shell: Shell) -> None:
    shell.world.pipedrive.limits.burst = 1000  # other tests have called it just now
    done = shell.run("doctor", "--fix", "--test-push")
    assert done.code == 0, done.out
    assert "deal with all its fields" in done.out
    assert "all of it is removed again" in done.out
    assert alive(shell.world.pipedrive.records) == []


@pytest.mark.parametrize("call", ["organizations", "deals", "notes", "activities"])
def test_a_trial_that_fails_in_the_middle_says_so_and_leaves_nothing(shell: Shell, call: str) -> None:
    shell.world.pipedrive.limits.burst = 1000  # trials in quick succession are nobody's
    shell.world.pipedrive.faults.add(f"POST /api/v*/{call}", faults.apply_then_drop(), times=1)
    done = shell.run("doctor", "--fix", "--test-push")
    assert done.code == 1, done.out
    assert "all of it is removed again" in done.out
    assert alive(shell.world.pipedrive.records) == []


def alive(pipedrive: PipedriveRecords) -> list[Any]:
    """What people find there with our name on it."""
    kept = (pipedrive.organizations, pipedrive.deals, pipedrive.notes, pipedrive.activities)
    rows = [row for table in kept for row in table.values() if not row.get("is_deleted")]
    return [row for row in rows if "Headroom trial" in str(row) or "headroom:trial" in str(row)]


def healthy(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_run_evaluates_posts_takes_clicks_and_stops_when_told(shell: Shell) -> None:
    port = free_port()
    bot = shell.start("run", HEADROOM_PORT=str(port))
    shell.world.slack.people.bot_url = f"http://127.0.0.1:{port}/slack/events"
    assert eventually(lambda: healthy(port, "/healthz"))
    assert eventually(lambda: healthy(port, "/readyz"))
    assert eventually(lambda: len(shell.world.slack.workspace.messages()) == 2)
    card = shell.world.slack.workspace.messages()[0]
    assert shell.world.slack.people.click(REP, card.ts, ids.CLAIM).ok
    assert eventually(lambda: f"<@{REP}>" in words(card))
    began = time.monotonic()
    bot.terminate()
    assert bot.wait() == 0
    assert time.monotonic() - began < 8
    assert not SECRETS.search(bot.err)
    assert "Traceback" not in bot.err
    for line in bot.err.splitlines():
        json.loads(line)  # where nobody watches, the log is for machines
    assert not healthy(port, "/healthz")


def test_run_over_socket_mode(shell: Shell) -> None:
    slack = shell.world.slack
    bot = shell.start("run", HEADROOM_PORT=str(free_port()), SLACK_APP_TOKEN=slack.workspace.app_token)
    assert eventually(lambda: slack.people.links.number)
    assert eventually(lambda: len(slack.workspace.messages()) == 2)
    card = slack.workspace.messages()[0]
    assert slack.people.click(REP, card.ts, ids.CLAIM).ok
    assert eventually(lambda: f"<@{REP}>" in words(card))
    bot.terminate()
    assert bot.wait() == 0
    assert eventually(lambda: not slack.people.links.number)


def test_run_stops_even_while_posthog_says_nothing(shell: Shell) -> None:
    shell.world.posthog.faults.add(QUERIES, faults.slow(30), times=None)
    bot = shell.start("run", HEADROOM_PORT=str(free_port()))
    assert eventually(lambda: "started" if shell.world.slack.calls else None)
    time.sleep(1)
    began = time.monotonic()
    bot.terminate()
    assert bot.wait() == 0
    assert time.monotonic() - began < 8


def test_run_says_that_its_port_is_taken(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = shell.run("run", HEADROOM_PORT=str(server.getsockname()[1]))
    assert done.code in (1, 2)
    assert "HEADROOM_PORT" in done.err


def test_python_m_bot_is_the_same_command() -> None:
    command = [sys.executable, "-m", "bot", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("run", "evaluate", "work", "account", "doctor", "demo", "jobs"))


def test_a_posthog_that_is_away_is_said_in_plain_words(unreachable: Process) -> None:
    assert unreachable.wait() == 1
    assert unreachable.out == ""
    assert "PostHog cannot be reached" in unreachable.err
    assert "Traceback" not in unreachable.err
