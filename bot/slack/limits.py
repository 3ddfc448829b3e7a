"""The last pass over any message or view: within Block Kit's limits whatever comes in.

Figures: https://docs.slack.dev/reference/block-kit/blocks and the models of slack_sdk.
"""

from collections.abc import Callable
from typing import Any

from bot.slack.text import shorten

Json = dict[str, Any]
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
TEXT = 3000
NOTIFICATION = 3000  # chat.update refuses more than 4,000
NOTHING = "-"  # Slack refuses an empty text


def fit_blocks(blocks: list[Json], most: int = MESSAGE_BLOCKS) -> list[Json]:
    """The same blocks, texts shortened; what does not fit is counted in a last line."""
    kept = blocks if len(blocks) <= most else [*blocks[: most - 1], _left_out(len(blocks) - most + 1)]
    return _unique([_fit_block(block) for block in kept])


def fit_text(text: str) -> str:
    return shorten(text, NOTIFICATION) if text.strip() else NOTHING


def fit_view(view: Json) -> Json:
    """A modal: titles of 24 characters, at most 100 blocks."""
    titles: Json = {key: _text(view[key], 24) for key in ("title", "submit", "close") if key in view}
    return {**view, **titles, "blocks": fit_blocks(view["blocks"], VIEW_BLOCKS)}


def fit_options(options: list[Json]) -> list[Json]:
    """What a list offers while somebody types in it."""
    return [_option(option) for option in options[:100]]


def _left_out(number: int) -> Json:
    words = f"… and {number:,} more that do not fit here"
    return {"type": "context", "elements": [{"type": "plain_text", "text": words}]}


def _fit_block(block: Json) -> Json:
    fit = _BLOCKS.get(block["type"])
    return fit(block) if fit else block


def _section(block: Json) -> Json:
    fitted = dict(block)
    if "text" in block:
        fitted["text"] = _text(block["text"], TEXT)
    if "fields" in block:
        fitted["fields"] = [_text(field, 2000) for field in block["fields"][:10]]
    if "accessory" in block:
        fitted["accessory"] = _element(block["accessory"])
    return fitted


def _header(block: Json) -> Json:
    return {**block, "text": _text(block["text"], 150)}


def _context(block: Json) -> Json:
    return {**block, "elements": [_text(element, TEXT) for element in block["elements"][:10]]}


def _actions(block: Json) -> Json:
    return {**block, "elements": [_element(element) for element in block["elements"][:25]]}


def _input(block: Json) -> Json:
    fitted = {**block, "label": _text(block["label"], 2000), "element": _element(block["element"])}
    return {**fitted, "hint": _text(block["hint"], 2000)} if "hint" in block else fitted


_BLOCKS: dict[str, Callable[[Json], Json]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
}


def _element(element: Json) -> Json:
    fitted = dict(element)
    if "text" in element:
        fitted["text"] = _text(element["text"], 75)
    if "accessibility_label" in element:
        fitted["accessibility_label"] = shorten(element["accessibility_label"], 75)
    if "placeholder" in element:
        fitted["placeholder"] = _text(element["placeholder"], 150)
    if "options" in element:
        fitted["options"] = [_option(option) for option in element["options"][:100]]
    if "initial_value" in element:
        fitted["initial_value"] = shorten(element["initial_value"], element.get("max_length", TEXT))
    return fitted


def _option(option: Json) -> Json:
    fitted = {**option, "text": _text(option["text"], 75)}
    return {**fitted, "description": _text(option["description"], 75)} if "description" in option else fitted


def _text(text: Json, most: int) -> Json:
    words = text["text"]
    return {**text, "text": shorten(words, most) if words.strip() else NOTHING}


def _unique(blocks: list[Json]) -> list[Json]:
    """A block id may stand once in a message: the later ones get one from Slack."""
    seen: set[str] = set()
    return [_without_id(block) if _is_repeated(block, seen) else block for block in blocks]


def _is_repeated(block: Json, seen: set[str]) -> bool:
    block_id = block.get("block_id")
    if block_id is None or block_id not in seen:
        seen.update([block_id] if block_id else [])
        return False
    return True


def _without_id(block: Json) -> Json:
    return {key: value for key, value in block.items() if key != "block_id"}
