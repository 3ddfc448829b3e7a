"""Doctor's look at Slack, against a Slack with one thing wrong at a time."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from slack_sdk import WebClient

from bot.config import Slack
from bot.doctor.checks import Check
from bot.slack.health import SCOPES, check
from sandbox.slack import SandboxSlack, Workspace

CONFIGURED = Slack(channel="C0SALES", managers=("U0BOSS", "S0REVOPS"))


@pytest.fixture
def slack() -> Iterator[SandboxSlack]:
    with SandboxSlack() as slack:
        yield slack


def looked_at(slack: SandboxSlack, configured: Slack = CONFIGURED, token: str | None = None) -> list[Check]:
    client = WebClient(token or slack.workspace.bot_token, base_url=slack.api_url)
    return list(check(client, configured, slack.workspace.app_token))


def test_a_slack_in_order_has_nothing_to_fix(slack: SandboxSlack) -> None:
    checks = looked_at(slack)
    assert {found.status for found in checks} == {"ok"}, checks
    assert "every scope is granted" in [found.what for found in checks]
    assert "the channel #sales can be posted to" in [found.what for found in checks]


def _archive(workspace: Workspace) -> None:
    workspace.channels["C0SALES"].is_archived = True


def _leave(workspace: Workspace) -> None:
    workspace.channels["C0SALES"].is_member = False


def _share(workspace: Workspace) -> None:
    workspace.channels["C0SALES"].is_ext_shared = True


def _empty_group(workspace: Workspace) -> None:
    workspace.groups["S0REVOPS"] = []


def _no_group(workspace: Workspace) -> None:
    del workspace.groups["S0REVOPS"]


def _no_user(workspace: Workspace) -> None:
    del workspace.users["U0BOSS"]


@pytest.mark.parametrize(
    ("breaks", "status", "what", "fix"),
    [
        (_archive, "fail", "the channel #sales is archived", "unarchive it"),
        (_leave, "fail", "the channel #sales does not have the app as a member", "/invite"),
        (_share, "warn", "the channel #sales is shared with another company", "one of your own"),
        (_empty_group, "warn", "the user group S0REVOPS has no members", "slack.managers"),
        (_no_group, "fail", "the manager S0REVOPS: Slack says no_such_subteam", "slack.managers"),
        (_no_user, "fail", "the manager U0BOSS: Slack says user_not_found", "slack.managers"),
    ],
)
def test_what_is_wrong_is_said_with_its_fix(
    slack: SandboxSlack, breaks: Callable[[Workspace], None], status: str, what: str, fix: str
) -> None:
    breaks(slack.workspace)
    (found,) = [found for found in looked_at(slack) if found.status != "ok"]
    assert (found.status, found.what) == (status, what)
    assert fix in (found.fix or "")


@pytest.mark.parametrize("scope", SCOPES)
def test_each_missing_scope_is_named_with_what_it_costs(slack: SandboxSlack, scope: str) -> None:
    slack.workspace.scopes.remove(scope)
    checks = looked_at(slack)
    assert f"the scope {scope} is missing: {SCOPES[scope]}" in [found.what for found in checks]
    assert "every scope is granted" not in [found.what for found in checks]


def test_the_manifest_asks_for_exactly_these_scopes() -> None:
    manifest = (Path(__file__).parents[3] / "manifest.yml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^ +bot:\n((?: +- .*\n)+)", manifest, re.MULTILINE)
    assert {line.split()[1] for line in listed.splitlines()} == set(SCOPES)


def test_the_channel_for_saves_is_looked_at_like_the_other(slack: SandboxSlack) -> None:
    both = Slack(channel="C0SALES", save_channel="C0SAVE", managers=("U0BOSS",))
    assert "the channel #save can be posted to" in [found.what for found in looked_at(slack, both)]
    slack.workspace.channels["C0SAVE"].is_archived = True
    (found,) = [found for found in looked_at(slack, both) if found.status != "ok"]
    assert (found.status, found.what) == ("fail", "the channel #save is archived")
    assert found.fix == "unarchive it, or set slack.save_channel to another"


def test_an_unknown_channel_has_a_fix(slack: SandboxSlack) -> None:
    checks = looked_at(slack, Slack(channel="C0NOWHERE"))
    assert [found.fix for found in checks if found.status == "fail"] == [
        "compare its id in headroom.toml; if the channel is private, type /invite @Headroom in it"
    ]


def test_a_refused_token_ends_the_look_at_slack(slack: SandboxSlack) -> None:
    (found,) = looked_at(slack, token="xoxb-other")
    assert found.what == "the bot token: Slack says invalid_auth"
    assert "SLACK_BOT_TOKEN" in (found.fix or "")
    assert "xoxb-other" not in str(found)


def test_a_slack_that_cannot_be_reached_is_a_finding() -> None:
    with SandboxSlack() as gone:
        pass
    (found,) = looked_at(gone)
    assert found.what.startswith("cannot be reached: ")
