"""Buttons, lists, pickers and fields as Slack checks them: https://docs.slack.dev/reference/block-kit/block-elements"""

from collections.abc import Iterator, Mapping
from functools import partial

from sandbox.slack.texts import Check, Json, count, keys, plain, string, text

Elements = Mapping[str | None, Check]
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
PICKS = {"placeholder", "focus_on_load", "confirm"}


def element(value: Json, at: str, allowed: Elements) -> Iterator[str]:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in allowed:
        yield f"{at}: unsupported element {kind!r}"
        return
    yield from string(value.get("action_id", "-"), f"{at}.action_id", 1, 255)
    if "confirm" in value:
        yield from _confirm(value["confirm"], f"{at}.confirm")
    if "placeholder" in value:
        yield from plain(value["placeholder"], f"{at}.placeholder", 150)
    yield from allowed[kind](value, at)


def options_faults(options: Json) -> list[str]:
    """Of the answer to what somebody types in a list."""
    return [*count(options, 0, 100, "options"), *(fault for one in options or [] for fault in _option(one, ""))]


def _confirm(value: Json, at: str) -> Iterator[str]:
    yield from keys(value, at, {"title", "text"}, {"confirm", "deny", "style"})
    for name in CONFIRM.keys() & value.keys():
        words = value[name]
        if name == "text" and isinstance(words, dict) and words.get("type") == "mrkdwn":
            yield from string(words.get("text"), f"{at}.text", 1, CONFIRM[name])
        else:
            yield from plain(words, f"{at}.{name}", CONFIRM[name])


def _button(value: Json, at: str) -> Iterator[str]:
    optional = {"value", "url", "style", "confirm", "accessibility_label"}
    yield from keys(value, at, {"type", "text", "action_id"}, optional)
    yield from plain(value.get("text"), f"{at}.text", 75)
    yield from string(value.get("value", "-"), f"{at}.value", 1, 2000)
    yield from string(value.get("url", "-"), f"{at}.url", 1, 3000)
    yield from string(value.get("accessibility_label", "-"), f"{at}.accessibility_label", 1, 75)
    if value.get("style", "primary") not in ("primary", "danger"):
        yield f"{at}.style: primary or danger"


def _image(value: Json, at: str) -> Iterator[str]:
    yield from keys(value, at, {"type", "alt_text"}, {"image_url", "slack_file"})
    yield from picture(value, at)


def picture(value: Json, at: str) -> Iterator[str]:
    """An address or a file of Slack's, and words for those who do not see it."""
    if ("image_url" in value) == ("slack_file" in value):
        yield f"{at}: image_url or slack_file"
    yield from string(value.get("image_url", "-"), f"{at}.image_url", 1, 3000)
    yield from string(value.get("alt_text"), f"{at}.alt_text", 1, 2000)


def _options(value: Json, at: str, most: int, *, marked: bool = False) -> Iterator[str]:
    """`marked`: their texts may be mrkdwn, as in radio buttons and checkboxes."""
    options = value.get("options")
    yield from count(options, 1, most, f"{at}.options")
    for option in options or []:
        yield from _option(option, at, marked=marked)
    chosen = [value["initial_option"]] if "initial_option" in value else value.get("initial_options", [])
    if any(one not in (options or []) for one in chosen):
        yield f"{at}.initial_option: must be one of the options"


def _option(value: Json, at: str, *, marked: bool = False) -> Iterator[str]:
    yield from keys(value, f"{at}.options", {"text", "value"}, {"description"})
    if isinstance(value, dict):
        yield from (text if marked else plain)(value.get("text"), f"{at}.options.text", 75)
        yield from string(value.get("value"), f"{at}.options.value", 1, 75)  # older documents: 75, newer: 150


def _chosen(value: Json, at: str, extra: set[str]) -> Iterator[str]:
    """One or several of a few that are all in sight."""
    yield from keys(value, at, {"type", "action_id", "options"}, extra)
    yield from _options(value, at, 10, marked=True)


def _grouped(value: Json, at: str, extra: set[str]) -> Iterator[str]:
    """A list of options, or of groups of them."""
    if "option_groups" not in value:
        yield from keys(value, at, {"type", "action_id", "options"}, extra)
        yield from _options(value, at, 100)
        return
    yield from keys(value, at, {"type", "action_id", "option_groups"}, extra)
    yield from count(value["option_groups"], 1, 100, f"{at}.option_groups")
    for group in value["option_groups"] or []:
        yield from plain(group.get("label"), f"{at}.option_groups.label", 75)
        yield from _options(group, f"{at}.option_groups", 100)


def _overflow(value: Json, at: str) -> Iterator[str]:
    yield from keys(value, at, {"type", "action_id", "options"}, {"confirm"})
    yield from _options(value, at, 5)


def _external(value: Json, at: str) -> Iterator[str]:
    extra = {"initial_option", "initial_options", "min_query_length", "max_selected_items"}
    yield from keys(value, at, {"type", "action_id"}, PICKS | extra)
    if not isinstance(value.get("min_query_length", 0), int):
        yield f"{at}.min_query_length: a whole number"


def _picker(value: Json, at: str, initial: str) -> Iterator[str]:
    yield from keys(value, at, {"type", "action_id"}, PICKS | {initial, "timezone", "max_selected_items", "filter"})


def _field(value: Json, at: str, extra: frozenset[str] = frozenset()) -> Iterator[str]:
    optional = {"initial_value", "placeholder", "focus_on_load", "dispatch_action_config"}
    yield from keys(value, at, {"type", "action_id"}, optional | extra)
    most = value.get("max_length", 3000)
    if not 1 <= most <= 3000:
        yield f"{at}.max_length: 1 to 3000"
    yield from string(value.get("initial_value", ""), f"{at}.initial_value", 0, most)


def _number(value: Json, at: str) -> Iterator[str]:
    yield from _field(value, at, frozenset({"is_decimal_allowed", "min_value", "max_value"}))
    if "is_decimal_allowed" not in value:
        yield f"{at}: is_decimal_allowed is required"


BOTH: Elements = {
    "static_select": partial(_grouped, extra=PICKS | {"initial_option"}),
    "multi_static_select": partial(_grouped, extra=PICKS | {"initial_options", "max_selected_items"}),
    "external_select": _external,
    "multi_external_select": _external,
    "users_select": partial(_picker, initial="initial_user"),
    "multi_users_select": partial(_picker, initial="initial_users"),
    "channels_select": partial(_picker, initial="initial_channel"),
    "conversations_select": partial(_picker, initial="initial_conversation"),
    "radio_buttons": partial(_chosen, extra={"initial_option", "focus_on_load", "confirm"}),
    "checkboxes": partial(_chosen, extra={"initial_options", "focus_on_load", "confirm"}),
    "datepicker": partial(_picker, initial="initial_date"),
    "timepicker": partial(_picker, initial="initial_time"),
    "datetimepicker": partial(_picker, initial="initial_date_time"),
}
ACTIONS: Elements = {**BOTH, "button": _button, "overflow": _overflow}
ACCESSORIES: Elements = {**ACTIONS, "image": _image}
INPUTS: Elements = {
    **BOTH,
    "plain_text_input": partial(_field, extra=frozenset({"multiline", "min_length", "max_length"})),
    "number_input": _number,
    "email_text_input": _field,
    "url_text_input": _field,
}
