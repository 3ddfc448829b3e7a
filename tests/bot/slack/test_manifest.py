"""manifest.yml agrees with the code: commands, scopes, and a listener for each id that leaves us."""

import re
from pathlib import Path

from bot.slack import ids
from bot.slack.app import SlackSide
from bot.slack.health import SCOPES

MANIFEST = (Path(__file__).parents[3] / "manifest.yml").read_text()


def test_each_command_stands_in_the_manifest_with_a_hint() -> None:
    assert tuple(re.findall(r"- command: (\S+)", MANIFEST)) == ids.COMMANDS
    assert len(re.findall(r"usage_hint: \"\S", MANIFEST)) == len(ids.COMMANDS)


def test_the_scopes_are_those_that_the_doctor_asks_for() -> None:
    scopes = MANIFEST.partition("bot:\n")[2].partition("settings:")[0]
    assert set(re.findall(r"^ +- (\S+)", scopes, re.MULTILINE)) == set(SCOPES)


def test_every_scope_says_what_it_is_for() -> None:
    scopes = MANIFEST.partition("bot:\n")[2].partition("settings:")[0]
    told = dict(re.findall(r"^ +- (\S+)(?: +# (\S.*))?$", scopes, re.MULTILINE))
    assert set(told) == set(SCOPES)
    assert [name for name, why in told.items() if not why] == []


def test_managers_can_be_written_to() -> None:
    assert "messages_tab_enabled: true" in MANIFEST


def test_each_id_has_a_listener(side: SlackSide) -> None:
    registered = [listener.ack_function.__name__ for listener in side.app._listeners]
    own = [name for name in registered if name not in ("unknown", "no_options")]
    assert len(own) == len(ids.ACTIONS) + len(ids.SUBMISSIONS) + len(ids.COMMANDS) + len(ids.LISTS)
