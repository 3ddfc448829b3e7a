"""The sandbox's Slack refuses what Slack refuses, by Slack's own names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from sandbox.slack import SandboxSlack
from sandbox.slack.blocks import message_faults, options_faults, view_faults

TEXT = {"type": "mrkdwn", "text": "hello"}
PLAIN = {"type": "plain_text", "text": "Save"}
SECTION = {"type": "section", "text": TEXT}
INPUT = {
    "type": "input",
    "block_id": "note",
    "label": PLAIN,
    "element": {"type": "plain_text_input", "action_id": "value"},
}
VIEW = {"type": "modal", "title": PLAIN, "submit": PLAIN, "callback_id": "note", "blocks": [INPUT]}


class Now:
    at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def slack(now: Now) -> Iterator[SandboxSlack]:
    with SandboxSlack(now) as server:
        yield server
    assert server.errors == []


@pytest.fixture
def client(slack: SandboxSlack) -> WebClient:
    return WebClient(slack.workspace.bot_token, base_url=slack.api_url, retry_handlers=[])


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def test_a_message_is_kept_updated_and_read_back(slack: SandboxSlack, client: WebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {"key": "k"}}
    posted = client.chat_postMessage(channel="C0SALES", text="hello", blocks=[SECTION], metadata=metadata)
    client.chat_update(channel="C0SALES", ts=posted["ts"], text="bye", blocks=[SECTION])
    (read,) = client.conversations_history(channel="C0SALES", include_all_metadata=True)["messages"]
    assert (read["text"], read["metadata"]) == ("bye", metadata)
    (bare,) = client.conversations_history(channel="C0SALES")["messages"]
    assert "metadata" not in bare
    assert slack.workspace.messages()[0].versions == 2


def test_history_has_pages_and_a_beginning(slack: SandboxSlack, client: WebClient, now: Now) -> None:
    for number in range(5):
        now.at += timedelta(seconds=10)
        client.chat_postMessage(channel="C0SALES", text=f"{number}")
    since = slack.workspace.messages()[1].ts
    first = client.conversations_history(channel="C0SALES", oldest=since, limit=2)
    assert [message["text"] for message in first["messages"]] == ["4", "3"]
    cursor = first["response_metadata"]["next_cursor"]
    last = client.conversations_history(channel="C0SALES", oldest=since, limit=2, cursor=cursor)
    assert [message["text"] for message in last["messages"]] == ["2"]
    assert not last["has_more"]


@pytest.mark.parametrize(
    ("change", "error"),
    [({"is_archived": True}, "is_archived"), ({"is_member": False}, "not_in_channel")],
)
def test_channels_refuse(slack: SandboxSlack, client: WebClient, change: dict[str, bool], error: str) -> None:
    for name, value in change.items():
        setattr(slack.workspace.channels["C0SALES"], name, value)
    assert refusal(client.chat_postMessage, channel="C0SALES", text="hello") == error


def test_calls_are_refused_by_name(slack: SandboxSlack, client: WebClient) -> None:
    assert refusal(client.chat_postMessage, channel="C0GONE", text="hello") == "channel_not_found"
    assert refusal(client.chat_update, channel="C0SALES", ts="1.0", text="hello") == "message_not_found"
    assert refusal(client.chat_postMessage, channel="C0SALES", text="x" * 4001) == "msg_too_long"
    assert refusal(client.api_call, api_method="chat.postMessage", json={"channel": "C0SALES"}) == "no_text"
    assert refusal(client.users_lookupByEmail, email="nobody@sales.example") == "users_not_found"
    assert refusal(client.usergroups_users_list, usergroup="S0GONE") == "no_such_subteam"
    slack.workspace.scopes.remove("chat:write")
    assert refusal(client.chat_postMessage, channel="C0SALES", text="hello") == "missing_scope"
    assert refusal(WebClient("xoxb-other", base_url=slack.api_url).auth_test) == "invalid_auth"


def test_a_message_a_second(slack: SandboxSlack, client: WebClient, now: Now) -> None:
    slack.workspace.one_message_a_second = True
    client.chat_postMessage(channel="C0SALES", text="one")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C0SALES", text="two")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
    client.chat_postMessage(channel="C0OTHER", text="elsewhere")
    now.at += timedelta(seconds=1)
    client.chat_postMessage(channel="C0SALES", text="three")


def test_a_trigger_lives_three_seconds_and_once(slack: SandboxSlack, client: WebClient, now: Now) -> None:
    trigger = slack.workspace.new_trigger("U0REP1")
    client.views_open(trigger_id=trigger, view=VIEW)
    assert refusal(client.views_open, trigger_id=trigger, view=VIEW) == "exchanged_trigger_id"
    assert refusal(client.views_open, trigger_id="made.up", view=VIEW) == "invalid_trigger_id"
    late = slack.workspace.new_trigger("U0REP1")
    now.at += timedelta(seconds=3.1)
    assert refusal(client.views_open, trigger_id=late, view=VIEW) == "expired_trigger_id"


def test_a_response_url_lives_for_five_uses_or_half_an_hour(slack: SandboxSlack, now: Now) -> None:
    def post(name: str) -> int:
        return WebhookClient(f"{slack.url}/hooks/{name}", retry_handlers=[]).send(text="hi").status_code

    hook = slack.workspace.new_hook("C0SALES", "U0REP1", None)
    assert [post(hook) for _ in range(6)] == [200] * 5 + [404]
    late = slack.workspace.new_hook("C0SALES", "U0REP1", None)
    now.at += timedelta(minutes=31)
    assert post(late) == 404


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section"},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
        {"type": "section", "text": TEXT, "colour": "red"},
        {"type": "section", "fields": [TEXT] * 11},
        {"type": "header", "text": TEXT},
        {"type": "context", "elements": [TEXT] * 11},
        {"type": "actions", "elements": []},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": PLAIN}] * 2},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": PLAIN, "style": "big"}]},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": PLAIN, "value": "v" * 2001}]},
        INPUT,
        {"type": "chart"},
        "text",
    ],
)
def test_blocks_that_slack_refuses(client: WebClient, block: Any) -> None:
    assert message_faults([block])
    assert refusal(client.chat_postMessage, channel="C0SALES", text="t", blocks=[block]) == "invalid_blocks"


@pytest.mark.parametrize(
    "change",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"submit": TEXT},
        {"private_metadata": "x" * 3001},
        {"blocks": [INPUT, INPUT]},
        {"blocks": []},
        {"blocks": [SECTION] * 101},
        {"type": "home"},
    ],
)
def test_views_that_slack_refuses(slack: SandboxSlack, client: WebClient, change: dict[str, Any]) -> None:
    view = {**VIEW, **change}
    assert view_faults(view)
    assert (
        refusal(client.views_open, trigger_id=slack.workspace.new_trigger("U0REP1"), view=view) == "invalid_arguments"
    )


def test_what_slack_takes_has_no_faults() -> None:
    button = {"type": "button", "action_id": "a", "text": PLAIN, "value": "1", "style": "primary"}
    assert message_faults([SECTION, {"type": "divider"}, {"type": "actions", "elements": [button]}]) == []
    assert view_faults(VIEW) == []
    assert view_faults({key: value for key, value in VIEW.items() if key != "submit"}) == [
        "view.submit: required with an input block"
    ]


def test_answers_stand_in_their_thread_alone_and_are_read_in_pages(
    slack: SandboxSlack, client: WebClient, now: Now
) -> None:
    parent = client.chat_postMessage(channel="C0SALES", text="card")["ts"]
    metadata = {"event_type": "news", "event_payload": {"key": "k"}}
    for number in range(3):
        now.at += timedelta(seconds=10)
        client.chat_postMessage(channel="C0SALES", text=f"{number}", thread_ts=parent, metadata=metadata)
    assert [one["text"] for one in client.conversations_history(channel="C0SALES")["messages"]] == ["card"]
    first = client.conversations_replies(channel="C0SALES", ts=parent, limit=2, include_all_metadata=True)
    assert [one["text"] for one in first["messages"]] == ["card", "0", "1"]
    assert first["messages"][1]["metadata"] == metadata
    assert first["messages"][1]["thread_ts"] == parent
    cursor = first["response_metadata"]["next_cursor"]
    last = client.conversations_replies(channel="C0SALES", ts=parent, limit=2, cursor=cursor)
    assert [one["text"] for one in last["messages"]] == ["2"]
    since = slack.workspace.replies(parent)[1].ts
    latest = client.conversations_replies(channel="C0SALES", ts=parent, oldest=since)
    assert [one["text"] for one in latest["messages"]] == ["card", "2"]


def test_a_thread_that_is_not_there_takes_no_answer(slack: SandboxSlack, client: WebClient) -> None:
    parent = client.chat_postMessage(channel="C0SALES", text="card")["ts"]
    answer = client.chat_postMessage(channel="C0SALES", text="answer", thread_ts=parent)["ts"]
    for ts in ("1.000001", answer):
        assert refusal(client.chat_postMessage, channel="C0SALES", text="x", thread_ts=ts) == "thread_not_found"
        assert refusal(client.conversations_replies, channel="C0SALES", ts=ts) == "thread_not_found"
    slack.workspace.scopes.remove("channels:history")
    assert refusal(client.conversations_replies, channel="C0SALES", ts=parent) == "missing_scope"


def test_a_direct_message_goes_to_one_person_and_is_theirs(slack: SandboxSlack, client: WebClient) -> None:
    channel = client.conversations_open(users=["U0BOSS"])["channel"]["id"]
    assert client.conversations_open(users=["U0BOSS"])["channel"]["id"] == channel
    client.chat_postMessage(channel=channel, text="hello")
    assert client.chat_postMessage(channel="U0BOSS", text="again")["channel"] == channel
    assert [one["text"] for one in client.conversations_history(channel=channel)["messages"]] == ["again", "hello"]
    assert slack.workspace.messages() == []
    assert refusal(client.conversations_open, users=[]) == "users_list_not_supplied"
    assert refusal(client.conversations_open, users=["U0NOBODY"]) == "user_not_found"
    slack.workspace.users["U0BOSS"].deleted = True
    assert refusal(client.conversations_open, users=["U0BOSS"]) == "user_disabled"
    slack.workspace.scopes -= {"im:history", "im:write"}
    assert refusal(client.conversations_history, channel=channel) == "missing_scope"
    assert refusal(client.conversations_open, users=["U0REP1"]) == "missing_scope"


EXTERNAL = {"type": "external_select", "action_id": "value", "min_query_length": 0, "placeholder": PLAIN}
OPTION = {"text": PLAIN, "value": "1"}


def test_a_list_that_is_asked_for_holds_no_options_itself() -> None:
    view = {**VIEW, "blocks": [{**INPUT, "element": EXTERNAL}]}
    assert view_faults(view) == []
    wrong = {**EXTERNAL, "options": [OPTION]}
    assert any("options" in fault for fault in view_faults({**view, "blocks": [{**INPUT, "element": wrong}]}))


@pytest.mark.parametrize(
    "options",
    [
        None,
        [OPTION] * 101,
        [{"text": PLAIN}],
        [{**OPTION, "text": TEXT}],
        [{**OPTION, "value": "v" * 76}],
        [{**OPTION, "text": {"type": "plain_text", "text": ""}}],
        [{**OPTION, "url": "https://evil.example"}],
        ["1"],
    ],
)
def test_options_are_refused_as_slack_refuses_them(options: Any) -> None:
    assert options_faults(options) != []
    assert options_faults([]) == options_faults([OPTION] * 100) == []
