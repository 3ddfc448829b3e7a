"""Slack's blocks as a person at a terminal can read them."""

import html
import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
MENTION = re.compile(r"<@([A-Z0-9]+)>")


def show(console: Console, message: str, blocks: list[dict[str, Any]], names: Mapping[str, str]) -> None:
    """One message in a frame. `names` are the users' by id."""
    lines = [_block(block, names) for block in blocks] or [Text(plain(message, names))]
    console.print(Panel(Group(*lines), width=min(console.width, 110), border_style="cyan"))


def plain(mrkdwn: str, names: Mapping[str, str]) -> str:
    """mrkdwn without its marks; entities are what they stand for."""
    text = LINK.sub(r"\2 (\1)", mrkdwn)
    text = MENTION.sub(lambda found: f"@{names.get(found[1], found[1])}", text)
    return html.unescape(text).replace("*", "")


def _block(block: Mapping[str, Any], names: Mapping[str, str]) -> Text:
    match block["type"]:
        case "section" | "header":
            words = block["text"]["text"]
            return Text(plain(words, names), style="bold" if words.startswith("*") else "")
        case "context":
            return Text(" ".join(plain(one["text"], names) for one in block["elements"]), style="dim")
        case "actions":
            return Text("  ".join(f"[ {one['text']['text']} ]" for one in block["elements"]), style="cyan")
        case "divider":
            return Text("-" * 20, style="dim")
        case kind:
            return Text(f"({kind})", style="dim")
