"""The sandbox's Slack takes what the reference allows, refuses the rest, and tells the app what people chose."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.slack import SandboxSlack
from sandbox.slack.blocks import message_faults, view_faults
from sandbox.slack.states import action_of, state_of
from sandbox.slack.workspace import SlackError
from tests.databases import MovedClock

OPTIONS = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("one", "two", "three")]


def plain(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


def acting(**element: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": [{"action_id": "a", **element}]}


@pytest.mark.parametrize(
    "block",
    [
        acting(type="overflow", options=OPTIONS),
        acting(type="static_select", option_groups=[{"label": plain("All"), "options": OPTIONS}]),
        acting(type="multi_static_select", options=OPTIONS, initial_options=OPTIONS[:2]),
        acting(type="users_select", placeholder=plain("Who"), initial_user="U0REP1"),
        acting(type="checkboxes", options=OPTIONS),
        acting(type="button", text=plain("Go"), confirm={"title": plain("Sure?"), "text": plain("Really")}),
        {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "a curve"},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]},
    ],
)
def test_what_the_reference_allows_is_taken(block: dict[str, Any]) -> None:
    assert message_faults([block]) == []


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        (acting(type="overflow", options=OPTIONS * 2), "1 to 5 items"),
        (acting(type="multi_static_select", options=OPTIONS[:1], initial_options=OPTIONS[1:]), "must be one of"),
        (acting(type="button", text=plain("Go"), confirm={"title": plain("x" * 101), "text": plain("y")}), "1 to 100"),
        (acting(type="button", text=plain("Go"), confirm={"title": plain("Sure?")}), "text is required"),
        (acting(type="users_select", options=OPTIONS), "additional property options"),
        (acting(type="number_input", is_decimal_allowed=True), "unsupported element"),
        ({"type": "image", "image_url": "https://a.example/x.png"}, "alt_text"),
        ({"type": "image", "alt_text": "a curve"}, "image_url or slack_file"),
        ({"type": "rich_text", "elements": [{"type": "section"}]}, "unsupported"),
        ({"type": "hologram"}, "unsupported type 'hologram'"),
    ],
)
def test_what_slack_would_refuse_is_refused(block: dict[str, Any], fault: str) -> None:
    assert fault in str(message_faults([block]))


def test_a_home_tab_is_no_modal() -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    assert view_faults(home, "home") == []
    assert "must be modal" in str(view_faults(home))
    assert "additional property submit" in str(view_faults({**home, "submit": plain("Go")}, "home"))


@pytest.mark.parametrize(
    ("element", "given", "told"),
    [
        ({"type": "checkboxes", "options": OPTIONS}, ["one", "three"], {"selected_options": [OPTIONS[0], OPTIONS[2]]}),
        ({"type": "checkboxes", "options": OPTIONS, "initial_options": OPTIONS[:1]}, [], {"selected_options": []}),
        ({"type": "checkboxes", "options": OPTIONS}, None, {"selected_options": []}),
        ({"type": "users_select"}, "U0REP1", {"selected_user": "U0REP1"}),
        ({"type": "datepicker", "initial_date": "2026-11-23"}, None, {"selected_date": "2026-11-23"}),
        ({"type": "datepicker", "initial_date": "2026-11-23"}, "", {"selected_date": None}),
        ({"type": "number_input"}, "7", {"value": "7"}),
        ({"type": "plain_text_input"}, "", {"value": None}),
        ({"type": "overflow", "options": OPTIONS}, "two", {"selected_option": OPTIONS[1]}),
        ({"type": "button", "text": plain("Go"), "value": "7"}, None, {"value": "7", "text": plain("Go")}),
    ],
)
def test_the_app_hears_what_people_chose(element: dict[str, Any], given: Any, told: dict[str, Any]) -> None:
    assert action_of(element, given) == told
    if element["type"] != "button":
        assert state_of(element, given) == told


@pytest.fixture
def slack(clock: MovedClock) -> Iterator[SandboxSlack]:
    with SandboxSlack(clock) as slack:
        yield slack


def test_what_is_published_stands_on_the_home_tab_of_one_person(slack: SandboxSlack) -> None:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

    client = WebClient(slack.workspace.bot_token, base_url=slack.api_url)
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    first = client.views_publish(user_id="U0REP1", view=view)["view"]
    again = client.views_publish(user_id="U0REP1", view=view, hash=first["hash"])["view"]
    assert (again["id"], set(slack.workspace.homes)) == (first["id"], {"U0REP1"})
    with pytest.raises(SlackApiError, match="hash_conflict"):
        client.views_publish(user_id="U0REP1", view=view, hash=first["hash"])
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        client.views_publish(user_id="U0REP1", view={**view, "type": "modal"})


def test_nobody_is_an_unknown_person(slack: SandboxSlack) -> None:
    with pytest.raises(SlackError, match="user_not_found"):
        slack.people.open_home("U0NOBODY")
    assert json.dumps(slack.workspace.homes) == "{}"
