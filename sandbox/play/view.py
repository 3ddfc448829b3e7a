"""What the page is asked to show: it stands in the address, so that reloading and going back work as anywhere."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

TABS = {"slack": "Slack", "crm": "CRM", "posthog": "PostHog", "faults": "Faults", "log": "What happened"}
HOME = "home"


@dataclass(frozen=True, slots=True)
class View:
    """Who looks, at which conversation and thread, with which tab, account, deal and opportunity open."""

    me: str = "U0REP1"
    at: str = "C0SALES"
    thread: str = ""
    tab: str = "slack"
    account: str = ""
    deal: str = ""
    case: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        known = {name: query[name] for name in cls.__slots__ if name in query}
        view = cls(**known)
        return view if view.tab in TABS else replace(view, tab="slack")

    def query(self, **changes: Any) -> str:
        """For an address: only what differs from the beginning."""
        told = asdict(replace(self, **changes))
        usual = asdict(View())
        return urlencode({name: value for name, value in told.items() if value != usual[name]})
