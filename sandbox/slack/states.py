"""What a person chose or typed in an element, as Slack tells the app."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
SINGLE = {
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
FIELDS = ("plain_text_input", "number_input", "email_text_input", "url_text_input")
SEVERAL = ("checkboxes", "multi_static_select", "multi_external_select")


def state_of(element: Json, given: Any, offered: Sequence[Json] = ()) -> Json:
    """`given`: text, a date, an id, or an option's value; a list of them where several may be chosen; None: untouched.

    `offered` is what a list that is asked for shows; other lists hold their options themselves.
    """
    kind = element["type"]
    if kind in FIELDS:
        return {"value": element.get("initial_value") if given is None else given or None}
    if kind in SINGLE:
        chosen, initial = SINGLE[kind]
        return {chosen: element.get(initial) if given is None else given or None}
    if kind == "multi_users_select":
        return {"selected_users": element.get("initial_users", []) if given is None else list(given)}
    options = [*options_of(element), *offered]
    if kind in SEVERAL:
        picked = [option for option in options if option["value"] in (given or ())]
        return {"selected_options": element.get("initial_options", []) if given is None else picked}
    found = [option for option in options if option["value"] == given]
    return {"selected_option": found[0] if found else element.get("initial_option")}


def options_of(element: Json) -> list[Json]:
    """All of a list, those in groups too."""
    groups = [group["options"] for group in element.get("option_groups", ())]
    return [*element.get("options", ()), *(option for group in groups for option in group)]


def action_of(element: Json, given: Any, offered: Sequence[Json] = ()) -> Json:
    """The same for an element that acts at once: a button, a menu, a list outside a form."""
    kind = element["type"]
    if kind == "button":
        return {name: element[name] for name in ("value", "text") if name in element}
    return state_of(element, given, offered)
