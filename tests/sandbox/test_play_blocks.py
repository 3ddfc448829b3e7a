"""Slack's blocks and mrkdwn, as the page draws them: everything appears, and nothing that was written is markup."""

from collections.abc import Mapping
from typing import Any

import pytest
from jinja2 import Environment

from sandbox.play import mrkdwn
from sandbox.play.mrkdwn import Names
from sandbox.play.page import environment
from sandbox.play.view import View
from sandbox.slack.elements import ACTIONS, INPUTS

NAMES = Names({"U0REP1": "rep.one"}, {"C0SALES": "sales"}, {"S0REVOPS": "revops"}, me="U0REP1", zone="Europe/Berlin")
MINE, THEIRS = '<span class="mention mine">', '<span class="mention">'
AWAY = 'target="_blank" rel="noreferrer"'
THEN = 'datetime="2025-11-22T09:26:40+01:00"'
ALERT = "<script>alert(1)</script>"


class Shown:
    """What of the Slack pane the templates of blocks look at."""

    names, users, channels = NAMES, (), ()


def drawn(*blocks: Mapping[str, Any]) -> str:
    pages: Environment = environment()
    text = '{% from "blocks.html.j2" import blocks with context %}{{ blocks(all, "m:1.1") }}'
    return pages.from_string(text).render(all=blocks, slack=Shown(), view=View())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*bold* _it_ ~gone~ `a*b*`", "<b>bold</b> <i>it</i> <s>gone</s> <code>a*b*</code>"),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
        ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
        (ALERT, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<@U0REP1> in <#C0SALES>", f"{MINE}@rep.one</span> in {THEIRS}#sales</span>"),
        ("<@U0REP2> of <!subteam^S0REVOPS>", f"{THEIRS}@U0REP2</span> of {THEIRS}@revops</span>"),
        ("<!channel>", f"{MINE}@channel</span>"),
        ("<https://a.example/&amp;|a &lt;deal&gt;>", f'<a href="https://a.example/&amp;" {AWAY}>a &lt;deal&gt;</a>'),
        ("<javascript:alert(1)|here>", "&lt;javascript:alert(1)|here&gt;"),
        ("<!date^1763800000^{date_short} at {time}|once>", f"<time {THEN}>Nov 22, 2025 at 09:26</time>"),
        ("<!date^soon^{date}|once>", "once"),
        ("> said\nthen", "<blockquote>said</blockquote>then"),
        ("one\ntwo", "one<br>two"),
        ("```x < y\n*z*```", "<pre>x &lt; y\n*z*</pre>"),
        ("\ue0000\ue001", "0"),
    ],
)  # fmt: skip
def test_mrkdwn(written: str, shown: str) -> None:
    assert mrkdwn.html(written, NAMES) == shown


def text(words: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": words}


def plain(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


def test_every_block_of_the_reference_appears() -> None:
    picture = {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "a curve"}
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": "rich", "style": {"bold": True}}]}
    page = drawn(
        {"type": "header", "text": plain("Title")},
        {"type": "section", "text": text("*words*"), "fields": [text("left"), text("right")], "accessory": picture},
        {"type": "divider"},
        {"type": "context", "elements": [picture, text("small")]},
        {**picture, "title": plain("Usage")},
        {"type": "rich_text", "elements": [rich, {"type": "rich_text_list", "style": "ordered", "elements": [rich]}]},
    )
    for piece in ("<h3", "Title", "<b>words</b>", "left", "right", "<hr", "small", "Usage", 'alt="a curve"'):
        assert piece in page
    assert "<li><div><b>rich</b></div></li>" in page
    assert "does not know" not in page


def test_an_unknown_block_is_shown_as_such() -> None:
    page = drawn({"type": "hologram", "payload": ALERT})
    assert "a kind that this page does not know: hologram" in page
    assert ALERT not in page
    assert "alert(1)" in page


OPTIONS = [{"text": plain("One"), "value": "1"}, {"text": plain("Two"), "value": "2"}]


def element(kind: str) -> dict[str, Any]:
    return {"type": kind, "action_id": "act", "text": plain("Press"), "options": OPTIONS, "is_decimal_allowed": True}


@pytest.mark.parametrize("kind", sorted(filter(None, ACTIONS)))
def test_every_element_can_be_used(kind: str) -> None:
    page = drawn({"type": "actions", "block_id": "b", "elements": [element(kind)]})
    assert "does not know" not in page
    assert any(control in page for control in ("<button", "<select", "<input"))
    assert "act" in page


@pytest.mark.parametrize("kind", sorted(filter(None, INPUTS)))
def test_every_field_can_be_filled_in_and_has_its_label(kind: str) -> None:
    page = drawn({"type": "input", "block_id": "b", "label": plain("How"), "element": element(kind)})
    assert "does not know" not in page
    assert 'name="in:b"' in page
    assert "How" in page
    assert 'for="f-b"' in page or 'aria-labelledby="f-b-label"' in page


def test_a_confirmation_is_asked_in_its_own_words() -> None:
    confirm = {"title": plain("Sure?"), "text": plain('It\'s "final"'), "confirm": plain("Do"), "deny": plain("Stay")}
    page = drawn({"type": "actions", "elements": [{**element("button"), "confirm": confirm}]})
    assert 'data-confirm="It&#39;s &#34;final&#34;" data-title="Sure?" data-yes="Do" data-no="Stay"' in page
