"""What the companies do while time passes, and what somebody makes them do from the page."""

import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from sandbox.play.cast import Part
from sandbox.posthog.history import Series, load_between
from sandbox.posthog.project import Event, Project

PAGES = {"pricing": "/pricing", "cancel": "/cancel"}
MOMENT = timedelta(seconds=2)


@dataclass
class Traffic:
    """`until`: up to here everything has happened already. The same hours always bring the same events."""

    project: Project
    parts: Mapping[str, Part]
    began: datetime
    until: datetime
    silent: set[str] = field(default_factory=set)
    extra_people: dict[str, int] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def pass_until(self, now: datetime) -> None:
        """Fill the time that has passed, day by day of the project."""
        with self._turn:
            while self.until < now:
                end = min(now, _next_midnight(self.until, ZoneInfo(self.project.timezone)))
                load_between(self.project, self._series(self.until, end), self.until, end)
                self.until = end

    def burst(self, account: str, calls: int, now: datetime) -> None:
        """So many API calls a moment ago."""
        event = self._event("api_request", account, 1, now, {"endpoint": "/v1/export"})
        self.project.capture([event] * calls)

    def add_people(self, account: str, number: int, now: datetime) -> None:
        """Colleagues who work there from now on; each opens a page."""
        there = self.people(account)
        self.extra_people[account] = self.extra_people.get(account, 0) + number
        fresh = range(there + 1, there + number + 1)
        self.project.set_persons({f"p-{account}-{one}": {"email": f"user{one}@{account}.example"} for one in fresh})
        seen = {"$pathname": "/dashboard"}
        self.project.capture([self._event("$pageview", account, one, now, seen) for one in fresh])

    def hit_quota(self, account: str, now: datetime) -> None:
        """Turned away thirty times on each of the last three days."""
        days = [now - timedelta(days=back) for back in range(3)]
        refused = {"endpoint": "/v1/export"}
        self.project.capture([self._event("rate_limited", account, 1, day, refused) for day in days for _ in range(30)])

    def open_page(self, account: str, page: str, now: datetime) -> None:
        """Two of its people look at prices, or at how to cancel."""
        seen = {"$pathname": PAGES[page]}
        self.project.capture([self._event("$pageview", account, person, now, seen) for person in (1, 2)])

    def meet_lock(self, account: str, now: datetime) -> None:
        """Three people run into a feature that their plan lacks, today and on two days before."""
        days = [now - timedelta(days=back) for back in (0, 1, 2)]
        locked = {"feature": "sso"}
        told = [self._event("feature_gate_hit", account, person, day, locked) for day in days for person in (1, 2, 3)]
        self.project.capture(told)

    def people(self, account: str) -> int:
        return self.parts[account].story.people + self.extra_people.get(account, 0)

    def _event(self, name: str, account: str, person: int, at: datetime, properties: Mapping[str, object]) -> Event:
        session = {"$session_id": f"s-{account}-{person}-{at:%Y%m%d%H%M}"}
        moment = at - MOMENT
        return Event(name, f"p-{account}-{person}", moment, {**properties, **session}, {"company": account})

    def _series(self, start: datetime, end: datetime) -> Iterator[Series]:
        for account, part in self.parts.items():
            if account not in self.silent and part.calls:
                yield from self._of(account, part, start, end)

    def _of(self, account: str, part: Part, start: datetime, end: datetime) -> Iterator[Series]:
        day = start.astimezone(ZoneInfo(self.project.timezone)).date()
        noise = np.random.default_rng(zlib.crc32(f"{account} {day}".encode())).normal(1.0, 0.06)
        weeks = (start - self.began) / timedelta(weeks=1)
        share = (end - start) / timedelta(days=1)
        usual = part.story.profile[day.weekday()] * float(np.clip(noise, 0.7, 1.3))
        calls = round(part.calls * (1 + part.weekly) ** weeks * usual * share)
        people = self.people(account)
        yield Series(account, "api_request", [calls], min(3, people), {"endpoint": "/v1/export"})
        views = round(people * 3 * share) or 1
        yield Series(account, "$pageview", [views], people, {"$pathname": "/dashboard"}, sessions=True)
        volume = round(usual * share * 0.4, 3)
        yield Series(account, "data_ingested", [1], 1, amount="gb", amounts=[volume])


def _next_midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(moment.tzinfo)
