"""Block Kit as Slack checks it: every fault of a message or view, with its place."""

from collections import Counter
from collections.abc import Iterator

from sandbox.slack.elements import ACCESSORIES, ACTIONS, INPUTS, element, options_faults, picture
from sandbox.slack.texts import Check, Json, count, keys, plain, string, text

__all__ = ["message_faults", "options_faults", "view_faults"]
VIEW_KEYS = {
    "modal": {"submit", "close", "clear_on_close", "notify_on_close", "private_metadata", "callback_id", "external_id"},
    "home": {"private_metadata", "callback_id", "external_id"},
}
RICH = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}


def message_faults(blocks: Json) -> list[str]:
    if not isinstance(blocks, list):
        return ["blocks: must be a list"]
    return [*count(blocks, 1, 50, "blocks"), *_blocks(blocks, "message"), *_repeated_ids(blocks)]


def view_faults(view: Json, kind: str = "modal") -> list[str]:
    """`kind` is modal or home: each method of Slack takes one of them."""
    if not isinstance(view, dict):
        return ["view: must be an object"]
    return list(_view(view, kind))


def _view(view: Json, kind: str) -> Iterator[str]:
    yield from keys(view, "view", {"type", "blocks"} | ({"title"} if kind == "modal" else set()), VIEW_KEYS[kind])
    if view.get("type") != kind:
        yield f"view.type: must be {kind}"
    for key in ("title", "submit", "close"):
        if key in view:
            yield from plain(view[key], f"view.{key}", 24)
    blocks = view.get("blocks", [])
    has_input = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
    if kind == "modal" and has_input and "submit" not in view:
        yield "view.submit: required with an input block"
    yield from string(view.get("private_metadata", ""), "view.private_metadata", 0, 3000)
    yield from string(view.get("callback_id", "-"), "view.callback_id", 1, 255)
    yield from count(blocks, 1, 100, "view.blocks")
    yield from _blocks(blocks, kind)
    yield from _repeated_ids(blocks)


def _blocks(blocks: list[Json], surface: str) -> Iterator[str]:
    for index, block in enumerate(blocks):
        at = f"blocks[{index}]"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in BLOCKS or (kind == "input" and surface == "message"):
            yield f"{at}: unsupported type {kind!r}"
            continue
        yield from string(block.get("block_id", "-"), f"{at}.block_id", 1, 255)
        yield from BLOCKS[kind](block, at)


def _repeated_ids(blocks: list[Json]) -> Iterator[str]:
    ids = Counter(block.get("block_id") for block in blocks if isinstance(block, dict))
    yield from (f"block_id {name!r} stands {n} times" for name, n in ids.items() if name is not None and n > 1)


def _section(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type"}, {"text", "fields", "accessory", "block_id", "expand"})
    if "text" not in block and "fields" not in block:
        yield f"{at}: text or fields required"
    if "text" in block:
        yield from text(block["text"], f"{at}.text", 3000)
    if "fields" in block:
        yield from count(block["fields"], 1, 10, f"{at}.fields")
        for field in block["fields"]:
            yield from text(field, f"{at}.fields", 2000)
    if "accessory" in block:
        yield from element(block["accessory"], f"{at}.accessory", ACCESSORIES)


def _header(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type", "text"}, {"block_id"})
    yield from plain(block.get("text"), f"{at}.text", 150)


def _divider(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type"}, {"block_id"})


def _context(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type", "elements"}, {"block_id"})
    elements = block.get("elements")
    yield from count(elements, 1, 10, f"{at}.elements")
    for part in elements or []:
        if isinstance(part, dict) and part.get("type") == "image":
            yield from element(part, f"{at}.elements", ACCESSORIES)
        else:
            yield from text(part, f"{at}.elements", 3000)


def _actions(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type", "elements"}, {"block_id"})
    elements = block.get("elements")
    yield from count(elements, 1, 25, f"{at}.elements")
    ids = Counter(one.get("action_id") for one in elements or [])
    yield from (f"{at}: action_id {name!r} stands {n} times" for name, n in ids.items() if n > 1)
    for one in elements or []:
        yield from element(one, f"{at}.elements", ACTIONS)


def _image(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type", "alt_text"}, {"image_url", "slack_file", "title", "block_id"})
    yield from picture(block, at)
    if "title" in block:
        yield from plain(block["title"], f"{at}.title", 2000)


def _rich_text(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type", "elements"}, {"block_id"})
    for part in block.get("elements") or []:
        if not isinstance(part, dict) or part.get("type") not in RICH or not isinstance(part.get("elements"), list):
            yield f"{at}.elements: unsupported"


def _input(block: Json, at: str) -> Iterator[str]:
    yield from keys(block, at, {"type", "label", "element"}, {"block_id", "hint", "optional", "dispatch_action"})
    yield from plain(block.get("label"), f"{at}.label", 2000)
    if "hint" in block:
        yield from plain(block["hint"], f"{at}.hint", 2000)
    yield from element(block.get("element"), f"{at}.element", INPUTS)


BLOCKS: dict[str | None, Check] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "rich_text": _rich_text,
    "input": _input,
}
