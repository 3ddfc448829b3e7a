"""Slack's rich_text block as HTML: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block"""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from sandbox.play import mrkdwn
from sandbox.play.mrkdwn import Names

Json = Mapping[str, Any]
STYLES = {"bold": "b", "italic": "i", "strike": "s", "code": "code", "underline": "u"}


def html(block: Json, names: Names) -> Markup:
    return Markup("").join(_part(part, names) for part in block.get("elements", ()))


def _part(part: Json, names: Names) -> Markup:
    inside = Markup("").join(_inline(one, names) for one in part.get("elements", ()))
    match part.get("type"):
        case "rich_text_section":
            return Markup("<div>{}</div>").format(inside)
        case "rich_text_quote":
            return Markup("<blockquote>{}</blockquote>").format(inside)
        case "rich_text_preformatted":
            return Markup("<pre>{}</pre>").format(inside)
        case "rich_text_list":
            tag = Markup("ol") if part.get("style") == "ordered" else Markup("ul")
            items = Markup("").join(Markup("<li>{}</li>").format(_part(one, names)) for one in part.get("elements", ()))
            return Markup("<{0}>{1}</{0}>").format(tag, items)
        case kind:
            return Markup('<span class="unknown">{}</span>').format(f"unknown part: {kind}")


def _inline(one: Json, names: Names) -> Markup:
    match one.get("type"):
        case "text":
            words = Markup("<br>").join(escape(line) for line in str(one.get("text", "")).split("\n"))
        case "link":
            words = _link(str(one.get("url", "")), one.get("text"))
        case "user":
            words = mrkdwn.html(f"<@{one.get('user_id', '')}>", names)
        case "usergroup":
            words = mrkdwn.html(f"<!subteam^{one.get('usergroup_id', '')}>", names)
        case "channel":
            words = mrkdwn.html(f"<#{one.get('channel_id', '')}>", names)
        case "broadcast":
            words = mrkdwn.html(f"<!{one.get('range', '')}>", names)
        case "date":
            words = mrkdwn.html(
                f"<!date^{one.get('timestamp', 0)}^{one.get('format', '')}|{one.get('fallback', '')}>", names
            )
        case "emoji":
            words = mrkdwn.plain(f":{one.get('name', '')}:")
        case "rich_text_section":
            return Markup("").join(_inline(inner, names) for inner in one.get("elements", ()))
        case kind:
            return Markup('<span class="unknown">{}</span>').format(f"unknown part: {kind}")
    for style, tag in STYLES.items():
        if (one.get("style") or {}).get(style):
            words = Markup("<{0}>{1}</{0}>").format(Markup(tag), words)  # noqa: S704 - a tag of the table above
    return words


def _link(address: str, words: str | None) -> Markup:
    if not re.match(r"(?:https?|mailto):", address):
        return escape(words or address)
    return Markup('<a href="{}" target="_blank" rel="noreferrer">{}</a>').format(address, words or address)
