"""Whatever comes in, what goes out is within Block Kit's limits."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.limits import fit_blocks, fit_text, fit_view
from sandbox.slack.blocks import message_faults, view_faults

words = st.sampled_from(["", " ", "x", "x" * 76, "y" * 151, "&amp;" * 700, "z" * 20_000])
plain = st.builds(lambda text: {"type": "plain_text", "text": text}, words)
mrkdwn = st.builds(lambda text: {"type": "mrkdwn", "text": text}, words)
option = st.builds(lambda text: {"text": text, "value": "v"}, plain)
LONG = {"type": "plain_text", "text": "x" * 90}
buttons = st.integers(1, 40).map(
    lambda number: [{"type": "button", "action_id": f"a{n}", "text": LONG} for n in range(number)]
)
block: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda text: {"type": "section", "block_id": "same", "text": text}, mrkdwn),
    st.builds(lambda fields: {"type": "section", "fields": fields}, st.lists(mrkdwn, min_size=1, max_size=15)),
    st.builds(lambda text: {"type": "header", "text": text}, plain),
    st.builds(lambda elements: {"type": "context", "elements": elements}, st.lists(mrkdwn, min_size=1, max_size=15)),
    st.builds(lambda elements: {"type": "actions", "elements": elements}, buttons),
)
question = st.builds(
    lambda label, options: {
        "type": "input",
        "label": label,
        "element": {"type": "static_select", "action_id": "value", "options": options},
    },
    plain,
    st.lists(option, min_size=1, max_size=120),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(block, min_size=1, max_size=80))
def test_any_message_fits(blocks: list[dict[str, Any]]) -> None:
    fitted = fit_blocks(blocks)
    assert message_faults(fitted) == []
    assert len(blocks) <= 50 or f"and {len(blocks) - 49} more" in str(fitted[-1])


@settings(max_examples=30, deadline=None)
@given(st.lists(block | question, min_size=1, max_size=20), plain)
def test_any_window_fits(blocks: list[dict[str, Any]], title: dict[str, Any]) -> None:
    view = {"type": "modal", "title": title, "submit": title, "blocks": [*blocks * 8]}
    assert view_faults(fit_view(view)) == []


@given(words)
def test_a_notification_is_neither_empty_nor_too_long(text: str) -> None:
    assert 0 < len(fit_text(text)) <= 3000
