"""Whether PostHog knows the events and properties that headroom.toml names: for `headroom doctor`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bot.config import Config
from bot.posthog.client import Client
from bot.posthog.groups import group_index
from bot.posthog.queries import fact_properties
from bot.posthog.reading import Problem
from bot.posthog.windows import tracked_events

RARE = "event_not_seen_yet"  # named under [signals], where an event may be right and never have happened


def check(client: Client, config: Config) -> list[Problem]:
    """A problem for each name that PostHog has never seen. Raises PostHogError when it cannot be asked."""
    account: dict[str, str] = {"type": "person"}
    if config.account.by == "group":
        index = group_index(client, config.account.group_type or "")
        account = {"type": "group", "group_type_index": str(index)}
    return [
        *_unknown_events(client, config),
        *_unknown_properties(client, {"type": "event"}, _event_properties(config), "event"),
        *(replace(one, what=RARE) for one in _unknown_properties(client, {"type": "event"}, _rare(config), "event")),
        *_unknown_properties(client, account, fact_properties(config), account["type"]),
    ]


def _unknown_events(client: Client, config: Config) -> list[Problem]:
    counted = {event for metric in config.metrics.values() for event in metric.event}
    return [
        Problem(
            "unknown_event" if event in counted else RARE,
            None,
            f"PostHog has never seen an event {event!r}. Compare its name in headroom.toml.",
        )
        for event in sorted(tracked_events(config))
        if not _is_defined(client, "event_definitions/", event, {})
    ]


def _event_properties(config: Config) -> list[str]:
    signals = config.signals
    named = [name for metric in config.metrics.values() for name in (metric.property, metric.driver_property)]
    named.append(signals.lockout_feature if signals.lockout_events else None)
    named.append(signals.page_property if signals.billing_paths or signals.save_paths else None)
    return sorted({name for name in named if name})


def _rare(config: Config) -> list[str]:
    """Properties that are unknown for as long as their event has never happened."""
    signals = config.signals
    return [signals.invite_person] if signals.invite_events and signals.invite_person else []


def _unknown_properties(client: Client, kind: Mapping[str, str], names: Iterable[str], owner: str) -> list[Problem]:
    return [
        Problem("unknown_property", None, f"PostHog knows no {owner} property {name!r}. Compare it in headroom.toml.")
        for name in names
        if not _is_defined(client, "property_definitions/", name, kind)
    ]


def _is_defined(client: Client, path: str, name: str, more: Mapping[str, str]) -> bool:
    """The search finds parts of names; only the whole one counts."""
    found = client.rest_list(path, {"search": name, "limit": "100", **more})
    return any(item.get("name") == name for item in found)
