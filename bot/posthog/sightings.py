"""Gathers the answers to the windows query: people, exact windows, and who was seen where."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import Config, Metric
from bot.model import Account
from bot.periods import period
from bot.posthog.gathering import Column, Findings, merge_bad, merge_latest
from bot.posthog.hogql import Query
from bot.posthog.queries import places
from bot.posthog.reading import IMPOSSIBLE, Sighting
from bot.posthog.rows import MalformedError, brief, day, instant, items, number
from bot.posthog.windows import Wanted, is_on_path, level_column, people_metrics, period_column, trailing_metrics


def current_starts(config: Config, accounts: Mapping[str, Account], today: date) -> dict[str, dict[str | None, date]]:
    """Of each people metric over a period: where it started for each anchor that some account has."""
    starts: dict[str, dict[str | None, date]] = {}
    anchors = {account.anchor for account in accounts.values()}
    for key, metric in people_metrics(config).items():
        if metric.window == "month":
            starts[key] = dict.fromkeys(anchors, period(None, today)[0])
        elif metric.window != "trailing_30d":
            starts[key] = {anchor: period(anchor, today)[0] for anchor in anchors}
    return starts


@dataclass(slots=True)
class Windows:
    """What the windows query tells of some level days, and of the present when it was asked for."""

    config: Config
    zone: ZoneInfo
    known: Mapping[str, Account]
    findings: Findings
    starts: Mapping[str, Mapping[str | None, date]]
    wanted: Wanted
    levels: dict[str, Column] = field(default_factory=dict)
    latest: dict[str, dict[str, datetime]] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    bad: dict[str, dict[str, int]] = field(default_factory=dict)
    told: Counter[date | None] = field(default_factory=Counter)  # accounts with people on a day; None: now
    active: dict[str, float] = field(default_factory=dict)
    invited: dict[str, float] = field(default_factory=dict)
    seen: dict[str, set[Sighting]] = field(default_factory=dict)
    people: dict[str, Metric] = field(init=False)
    trailing: dict[str, Metric] = field(init=False)
    places: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.people, self.trailing = people_metrics(self.config), trailing_metrics(self.config)
        self.places = places(self.config)

    def take(self, query: Query, rows: list[Any]) -> None:
        self.findings.take(rows, query.columns, self._one)

    def merge(self, other: "Windows") -> None:
        for metric, column in other.levels.items():
            self.levels.setdefault(metric, Column()).extend(column)
        merge_latest(self.latest, other.latest)
        for metric, figures in other.figures.items():
            self.figures.setdefault(metric, {}).update(figures)
        merge_bad(self.bad, other.bad)
        self.told.update(other.told)
        self.active.update(other.active)
        self.invited.update(other.invited)
        for kind, sightings in other.seen.items():
            self.seen.setdefault(kind, set()).update(sightings)

    def _one(self, row: Mapping[str, Any]) -> None:
        account = row["account"]
        self._count(row)
        if not self.findings.is_known(account, self.known):
            return
        for metric, known in self.people.items():
            self._people(account, metric, known, row)
        if not self.wanted.current:
            return
        for metric in self.trailing:
            self._figure(account, metric, row[f"trailing{self.places[metric]}"])
        self.active[account] = number(row["active"])
        if "invited" in row:
            self.invited[account] = number(row["invited"])
        for kind, paths in self._kinds().items():
            if kind in row:
                self.seen.setdefault(kind, set()).update(_sightings(account, row[kind], paths))

    def _count(self, row: Mapping[str, Any]) -> None:
        """Of accounts without facts too: what PostHog told is counted here, not what is made of it."""
        for on in self.wanted.levels:
            self.told[on] += any(number(row[level_column(self.places[metric], on)]) for metric in self.people)
        if self.wanted.current:
            self.told[None] += number(row["active"]) > 0

    def _people(self, account: str, metric: str, known: Metric, row: Mapping[str, Any]) -> None:
        place = self.places[metric]
        column = self.levels.setdefault(metric, Column())
        for on in self.wanted.levels:
            if people := number(row[level_column(place, on)]):
                column.add(account, [on], [people])
        if not self.wanted.current:
            return
        if known.window == "trailing_30d":
            self._figure(account, metric, row[f"trailing{place}"])
        else:
            start = self.starts[metric][self.known[account].anchor]
            self._figure(account, metric, row[period_column(place, start)])
        if latest := instant(row[f"last{place}"], self.zone):
            self.latest.setdefault(metric, {})[account] = latest

    def _figure(self, account: str, metric: str, cell: Any) -> None:
        figure = number(cell)
        if figure >= IMPOSSIBLE:
            self.bad.setdefault(metric, {})[account] = 1
        else:
            self.figures.setdefault(metric, {})[account] = figure

    def _kinds(self) -> dict[str, Sequence[str]]:
        """Column -> paths that the subject must be on; no paths: any subject."""
        signals = self.config.signals
        return {"lockouts": (), "billing": signals.billing_paths, "save": signals.save_paths}


def _sightings(account: str, cell: Any, paths: Sequence[str]) -> list[Sighting]:
    found = []
    for seen in items(cell):
        person, on, met = _three(seen)
        for one in items(met):
            parts = items(one)
            if len(parts) != 2:
                raise MalformedError("a sighting without subject and session")
            subject = brief(parts[0]) or ""
            if paths:
                subject = subject.partition("?")[0].partition("#")[0]
                if not is_on_path(subject, paths):
                    continue
            found.append(Sighting(account, subject, str(person), str(parts[1]), day(on)))
    return found


def _three(seen: Any) -> tuple[Any, Any, Any]:
    parts = items(seen)
    if len(parts) != 3:
        raise MalformedError("a sighting without person, day and subjects")
    return parts[0], parts[1], parts[2]
