"""A project with a random history, and its figures worked out in Python from the same events."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import Config, parse
from bot.periods import period
from sandbox.posthog.project import Event

ZONE = ZoneInfo("Europe/Berlin")  # summer time ends on 2026-10-25, a day of 25 hours
AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
PATHS = ["/billing", "/billing/", "/billing?plan=pro", "/billing/card#x", "/billings", "/cancel", "/home"]


def config(**changes: Any) -> Config:
    """One metric of each kind; `changes` replace whole tables."""
    tables: dict[str, Any] = {
        "account": {
            "group_type": "company",
            "name": "name",
            "plan": "plan",
            "arr": "arr",
            "period_anchor": "anchor day",
            "owner_email": "owner",
        },
        "metrics": {
            "api": {"label": "API", "measure": "count", "event": ["api", "api v2"], "limit_property": "api_limit"},
            "gb": {"label": "Data", "measure": "sum", "event": "data", "property": "gb", "window": "trailing_30d"},
            "disk": {"label": "Disk", "measure": "level", "event": "disk", "property": "used"},
            "seats": {"label": "Seats", "measure": "people", "event": ["$pageview", "api"], "window": "billing_period"},
            "storage": {"label": "Storage", "measure": "level", "group_property": "storage_gb"},
        },
        "signals": {
            "quota_events": ["limited"],
            "lockout_events": ["gate"],
            "lockout_feature": "feature",
            "billing_paths": ["/billing"],
            "save_paths": ["/cancel/"],
        },
        "slack": {"channel": "C0123ABCD"},
    }
    return parse({**tables, **changes})


def counts_only() -> Config:
    """Where the test is about the way and not about the figures: its queries are quickly made."""
    return config(metrics={"api": {"label": "API", "measure": "count", "event": "api"}}, signals={})


def history(accounts: Iterable[str], seed: int, days: int = 125) -> list[Event]:
    """Events of all kinds at all hours, good and bad values mixed."""
    chance = random.Random(seed)  # noqa: S311 - a history that is the same every time
    return [
        _event(chance, account, AT - timedelta(days=ago, seconds=chance.randrange(86_400)))
        for account in accounts
        for ago in range(-1, days)
        for _ in range(chance.choice([0, 0, 1, 2, 4]))
    ]


def _event(chance: random.Random, account: str, at: datetime) -> Event:
    name = chance.choice(["api", "api", "api v2", "data", "data", "disk", "$pageview", "limited", "gate", "other"])
    properties: dict[str, Any] = {}
    if chance.random() < 0.5:
        properties["$session_id"] = f"s{chance.randrange(20)}"
    if name == "data":
        properties["gb"] = chance.choice([0.5, 3, 2.25, 0, "7.5", "text", "NaN", float("inf"), -1, None, ""])
    if name == "disk":
        properties["used"] = chance.choice([0, 5.5, 9, "x", None])
    if name == "$pageview":
        properties["$pathname"] = chance.choice(PATHS)
    if name == "gate" and chance.random() < 0.8:
        properties["feature"] = chance.choice(["sso", 'audit "log"'])
    return Event(name, f"{account}-{chance.randrange(6)}", at, properties, {"company": account})


def amount(value: Any) -> float | None:
    """What counts as an amount, by the definition rather than by the query: a finite number of 0 or more."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None


class Expected:
    """The figures of all accounts at `at`."""

    def __init__(self, events: Iterable[Event], at: datetime = AT, zone: ZoneInfo = ZONE) -> None:
        self.at, self.zone = at, zone
        self.today = at.astimezone(zone).date()
        self.events = [event for event in events if event.timestamp < at]

    def day(self, event: Event) -> date:
        return event.timestamp.astimezone(self.zone).date()

    def of(self, *names: str) -> Iterator[tuple[str, Event]]:
        return ((event.groups["company"], event) for event in self.events if event.event in names)

    def counts(self, days: Iterable[date], *names: str) -> dict[tuple[str, date], float]:
        wanted, found = set(days), defaultdict[tuple[str, date], float](float)
        for account, event in self.of(*names):
            if self.day(event) in wanted:
                found[account, self.day(event)] += 1
        return dict(found)

    def sums(self, days: Iterable[date]) -> dict[tuple[str, date], float]:
        wanted, found = set(days), defaultdict[tuple[str, date], float](float)
        for account, event in self.of("data"):
            number = amount(event.properties["gb"])
            if number and self.day(event) in wanted:
                found[account, self.day(event)] += number
        return dict(found)

    def last_levels(self, days: Iterable[date]) -> dict[tuple[str, date], float]:
        wanted, found = set(days), {}
        for account, event in sorted(self.of("disk"), key=lambda one: one[1].timestamp):
            number = amount(event.properties["used"])
            if number is not None and self.day(event) in wanted:
                found[account, self.day(event)] = number
        return found

    def bad(self, days: Iterable[date], name: str, told: str) -> dict[str, int]:
        wanted, found = set(days), defaultdict[str, int](int)
        for account, event in self.of(name):
            value = event.properties[told]
            if value not in (None, "") and amount(value) is None and self.day(event) in wanted:
                found[account] += 1
        return dict(found)

    def people_levels(self, days: Iterable[date]) -> dict[tuple[str, date], float]:
        seen = defaultdict[tuple[str, date], set[str]](set)
        for account, event in self.of("$pageview", "api"):
            seen[account, self.day(event)].add(event.distinct_id)
        accounts = {account for account, _ in seen}
        found = {}
        for day in days:
            for account in accounts:
                met = set().union(*(seen.get((account, day - timedelta(days=ago)), set()) for ago in range(30)))
                if met:
                    found[account, day] = float(len(met))
        return found

    def people_in_period(self, account: str, anchor: str | None) -> float:
        start, _ = period(anchor, self.today)
        met = {e.distinct_id for a, e in self.of("$pageview", "api") if a == account and self.day(e) >= start}
        return float(len(met))

    def trailing_sum(self, account: str) -> float:
        since = self.at - timedelta(days=30)
        return sum(
            amount(e.properties["gb"]) or 0.0 for a, e in self.of("data") if a == account and e.timestamp >= since
        )

    def active(self, account: str) -> float:
        since = self.at - timedelta(days=30)
        tracked = ("api", "api v2", "data", "disk", "$pageview", "limited", "gate")
        return float(len({e.distinct_id for a, e in self.of(*tracked) if a == account and e.timestamp >= since}))

    def last(self, days: Iterable[date], *names: str) -> dict[str, datetime]:
        wanted, found = set(days), dict[str, datetime]()
        for account, event in self.of(*names):
            if self.day(event) in wanted:
                found[account] = max(event.timestamp, found.get(account, event.timestamp))
        return found

    def sightings(self, name: str, subject: Any) -> set[tuple[str, str, str, date]]:
        """(account, subject, session, day); a session without a name is its half hour in local time."""
        found = set()
        for account, event in self.of(name):
            what = subject(event)
            if what is None or self.day(event) < self.today - timedelta(days=21):
                continue
            local = event.timestamp.astimezone(self.zone)
            half_hour = local.replace(minute=local.minute // 30 * 30, second=0, microsecond=0, tzinfo=None)
            found.add((account, what, event.properties.get("$session_id", str(half_hour)), self.day(event)))
        return found
