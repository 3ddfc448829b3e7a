"""Block Kit as Slack checks it: every fault of a message or view, with its place."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

Json = Any
Check = Callable[[Json, str], Iterator[str]]


def message_faults(blocks: Json) -> list[str]:
    if not isinstance(blocks, list):
        return ["blocks: must be a list"]
    return [*_count(blocks, 1, 50, "blocks"), *_blocks(blocks, "message"), *_repeated_ids(blocks)]


def view_faults(view: Json) -> list[str]:
    if not isinstance(view, dict):
        return ["view: must be an object"]
    return list(_view(view))


def options_faults(options: Json) -> list[str]:
    """Of the answer to what somebody types in a list."""
    return [*_count(options, 0, 100, "options"), *(fault for option in options or [] for fault in _option(option, ""))]


def _view(view: Json) -> Iterator[str]:
    yield from _keys(view, "view", {"type", "title", "blocks"}, _VIEW_KEYS)
    if view.get("type") != "modal":
        yield "view.type: must be modal"
    for key in ("title", "submit", "close"):
        if key in view:
            yield from _plain(view[key], f"view.{key}", 24)
    blocks = view.get("blocks", [])
    if any(isinstance(block, dict) and block.get("type") == "input" for block in blocks) and "submit" not in view:
        yield "view.submit: required with an input block"
    yield from _string(view.get("private_metadata", ""), "view.private_metadata", 0, 3000)
    yield from _string(view.get("callback_id", "-"), "view.callback_id", 1, 255)
    yield from _count(blocks, 1, 100, "view.blocks")
    yield from _blocks(blocks, "modal")
    yield from _repeated_ids(blocks)


_VIEW_KEYS = {"submit", "close", "private_metadata", "callback_id", "clear_on_close", "notify_on_close", "external_id"}


def _blocks(blocks: list[Json], surface: str) -> Iterator[str]:
    for index, block in enumerate(blocks):
        at = f"blocks[{index}]"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in _BLOCKS or (kind == "input" and surface != "modal"):
            yield f"{at}: unsupported type {kind!r}"
            continue
        yield from _string(block.get("block_id", "-"), f"{at}.block_id", 1, 255)
        yield from _BLOCKS[kind](block, at)


def _repeated_ids(blocks: list[Json]) -> Iterator[str]:
    ids = Counter(block.get("block_id") for block in blocks if isinstance(block, dict))
    yield from (f"block_id {name!r} stands {n} times" for name, n in ids.items() if name is not None and n > 1)


def _section(block: Json, at: str) -> Iterator[str]:
    yield from _keys(block, at, {"type"}, {"text", "fields", "accessory", "block_id", "expand"})
    if "text" not in block and "fields" not in block:
        yield f"{at}: text or fields required"
    if "text" in block:
        yield from _text(block["text"], f"{at}.text", 3000)
    if "fields" in block:
        yield from _count(block["fields"], 1, 10, f"{at}.fields")
        for field in block["fields"]:
            yield from _text(field, f"{at}.fields", 2000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}.accessory", _ACTION_ELEMENTS)


def _header(block: Json, at: str) -> Iterator[str]:
    yield from _keys(block, at, {"type", "text"}, {"block_id"})
    yield from _plain(block.get("text"), f"{at}.text", 150)


def _divider(block: Json, at: str) -> Iterator[str]:
    yield from _keys(block, at, {"type"}, {"block_id"})


def _context(block: Json, at: str) -> Iterator[str]:
    yield from _keys(block, at, {"type", "elements"}, {"block_id"})
    elements = block.get("elements")
    yield from _count(elements, 1, 10, f"{at}.elements")
    for element in elements or []:
        yield from _text(element, f"{at}.elements", 3000)


def _actions(block: Json, at: str) -> Iterator[str]:
    yield from _keys(block, at, {"type", "elements"}, {"block_id"})
    elements = block.get("elements")
    yield from _count(elements, 1, 25, f"{at}.elements")
    ids = Counter(element.get("action_id") for element in elements or [])
    yield from (f"{at}: action_id {name!r} stands {n} times" for name, n in ids.items() if n > 1)
    for element in elements or []:
        yield from _element(element, f"{at}.elements", _ACTION_ELEMENTS)


def _input(block: Json, at: str) -> Iterator[str]:
    yield from _keys(block, at, {"type", "label", "element"}, {"block_id", "hint", "optional", "dispatch_action"})
    yield from _plain(block.get("label"), f"{at}.label", 2000)
    if "hint" in block:
        yield from _plain(block["hint"], f"{at}.hint", 2000)
    yield from _element(block.get("element"), f"{at}.element", _INPUT_ELEMENTS)


_BLOCKS: dict[str | None, Check] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "input": _input,
}


def _element(element: Json, at: str, allowed: dict[str | None, Check]) -> Iterator[str]:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in allowed:
        yield f"{at}: unsupported element {kind!r}"
        return
    yield from _string(element.get("action_id", "-"), f"{at}.action_id", 1, 255)
    yield from allowed[kind](element, at)


def _button(element: Json, at: str) -> Iterator[str]:
    yield from _keys(element, at, {"type", "text", "action_id"}, _BUTTON_KEYS)
    yield from _plain(element.get("text"), f"{at}.text", 75)
    yield from _string(element.get("value", "-"), f"{at}.value", 1, 2000)
    yield from _string(element.get("url", "-"), f"{at}.url", 1, 3000)
    yield from _string(element.get("accessibility_label", "-"), f"{at}.accessibility_label", 1, 75)
    if element.get("style", "primary") not in ("primary", "danger"):
        yield f"{at}.style: primary or danger"


_BUTTON_KEYS = {"value", "url", "style", "confirm", "accessibility_label"}


def _select(element: Json, at: str) -> Iterator[str]:
    yield from _keys(element, at, {"type", "action_id", "options"}, {"placeholder", "initial_option", "focus_on_load"})
    yield from _options(element, at, 100)
    if "placeholder" in element:
        yield from _plain(element["placeholder"], f"{at}.placeholder", 150)


def _external(element: Json, at: str) -> Iterator[str]:
    yield from _keys(element, at, {"type", "action_id"}, _EXTERNAL_KEYS)
    if "placeholder" in element:
        yield from _plain(element["placeholder"], f"{at}.placeholder", 150)
    if not isinstance(element.get("min_query_length", 0), int):
        yield f"{at}.min_query_length: a whole number"


_EXTERNAL_KEYS = {"placeholder", "initial_option", "min_query_length", "focus_on_load", "confirm"}


def _radio(element: Json, at: str) -> Iterator[str]:
    yield from _keys(element, at, {"type", "action_id", "options"}, {"initial_option", "focus_on_load"})
    yield from _options(element, at, 10)


def _options(element: Json, at: str, most: int) -> Iterator[str]:
    options = element.get("options")
    yield from _count(options, 1, most, f"{at}.options")
    for option in options or []:
        yield from _option(option, at)
    if "initial_option" in element and element["initial_option"] not in (options or []):
        yield f"{at}.initial_option: must be one of the options"


def _option(option: Json, at: str) -> Iterator[str]:
    yield from _keys(option, f"{at}.options", {"text", "value"}, {"description"})
    if isinstance(option, dict):
        yield from _plain(option.get("text"), f"{at}.options.text", 75)
        yield from _string(option.get("value"), f"{at}.options.value", 1, 75)  # older documents: 75, newer: 150


def _datepicker(element: Json, at: str) -> Iterator[str]:
    yield from _keys(element, at, {"type", "action_id"}, {"initial_date", "placeholder", "focus_on_load"})
    if "placeholder" in element:
        yield from _plain(element["placeholder"], f"{at}.placeholder", 150)


def _text_input(element: Json, at: str) -> Iterator[str]:
    yield from _keys(element, at, {"type", "action_id"}, _TEXT_INPUT_KEYS)
    most = element.get("max_length", 3000)
    if not 1 <= most <= 3000:
        yield f"{at}.max_length: 1 to 3000"
    yield from _string(element.get("initial_value", ""), f"{at}.initial_value", 0, most)
    if "placeholder" in element:
        yield from _plain(element["placeholder"], f"{at}.placeholder", 150)


_TEXT_INPUT_KEYS = {"initial_value", "multiline", "min_length", "max_length", "placeholder", "focus_on_load"}
_ACTION_ELEMENTS: dict[str | None, Check] = {
    "button": _button,
    "static_select": _select,
    "external_select": _external,
    "radio_buttons": _radio,
    "datepicker": _datepicker,
}
_INPUT_ELEMENTS: dict[str | None, Check] = {
    "plain_text_input": _text_input,
    "static_select": _select,
    "external_select": _external,
    "radio_buttons": _radio,
    "datepicker": _datepicker,
}


def _text(text: Json, at: str, most: int) -> Iterator[str]:
    if isinstance(text, dict) and text.get("type") == "mrkdwn":
        yield from _keys(text, at, {"type", "text"}, {"verbatim"})
        yield from _string(text.get("text"), f"{at}.text", 1, most)
    else:
        yield from _plain(text, at, most)


def _plain(text: Json, at: str, most: int) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        yield f"{at}: a plain_text object is required"
        return
    yield from _keys(text, at, {"type", "text"}, {"emoji"})
    yield from _string(text.get("text"), f"{at}.text", 1, most)


def _string(value: Json, at: str, least: int, most: int) -> Iterator[str]:
    if not isinstance(value, str) or not least <= len(value) <= most:
        yield f"{at}: text of {least} to {most} characters"


def _count(value: Json, least: int, most: int, at: str) -> Iterator[str]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        yield f"{at}: {least} to {most} items"


def _keys(value: Json, at: str, required: set[str], optional: set[str]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: must be an object"
        return
    yield from (f"{at}: {key} is required" for key in sorted(required - value.keys()))
    yield from (f"{at}: additional property {key}" for key in sorted(value.keys() - required - optional))
