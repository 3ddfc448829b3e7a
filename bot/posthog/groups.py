"""Which of PostHog's five numbered group types is the one that headroom.toml names."""

from bot.posthog.client import Client
from bot.posthog.errors import PostHogError


def group_index(client: Client, group_type: str) -> int:
    """The number differs from project to project: types are numbered in the order of first use."""
    types = {str(item.get("group_type")): item.get("group_type_index") for item in client.rest_list("groups_types/")}
    index = types.get(group_type)
    if isinstance(index, int):
        return index
    if not types:
        raise PostHogError(
            "The PostHog project has no group types. Send groups with the events, "
            'or write by = "email_domain" under [account] in headroom.toml.',
            permanent=True,
        )
    known = ", ".join(sorted(types))
    raise PostHogError(
        f"The PostHog project has no group type {group_type!r}; it has: {known}. "
        "Correct group_type under [account] in headroom.toml.",
        permanent=True,
    )
