"""Gathers rows, page by page, into the parts of a Reading. One bad row costs its account, never the others."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import Config, Metric
from bot.model import Account
from bot.periods import AnchorError, anchor_day
from bot.posthog.hogql import Query
from bot.posthog.queries import daily_metrics, fact_properties
from bot.posthog.reading import IMPOSSIBLE, REJECTIONS, DailyValues, Problem
from bot.posthog.rows import MalformedError, brief, cells, day, instant, items, number, shown

SHOWN = 80  # characters of a key in a problem, when the key itself is the problem

DIGITS = 100  # after the point of an amount of money


@dataclass(slots=True)
class Column:
    """DailyValues while they grow; millions of them, hence the packed numbers."""

    account: list[str] = field(default_factory=list)
    day: list[date] = field(default_factory=list)
    value: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, account: str, days: Sequence[date], values: Sequence[float]) -> None:
        self.account.extend([account] * len(days))
        self.day.extend(days)
        self.value.extend(values)

    def extend(self, other: "Column") -> None:
        self.account.extend(other.account)
        self.day.extend(other.day)
        self.value.extend(other.value)

    def without(self, accounts: set[str]) -> DailyValues:
        if not accounts:
            return DailyValues(self.account, self.day, self.value)
        kept = [row for row, account in enumerate(self.account) if account not in accounts]
        return DailyValues(
            [self.account[row] for row in kept],
            [self.day[row] for row in kept],
            array("d", (self.value[row] for row in kept)),
        )


@dataclass(slots=True)
class Findings:
    """Problems met on the way, and the accounts that they set aside."""

    problems: list[Problem] = field(default_factory=list)
    set_aside: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)  # keys that events carry, without facts

    def take(self, rows: Iterable[Any], columns: tuple[str, ...], one: Callable[[Mapping[str, Any]], None]) -> None:
        """Give each good row to `one`, and note the others."""
        for row in rows:
            try:
                found = cells(row, columns)
            except MalformedError as malformed:
                self.malformed(malformed.account, str(malformed))
                continue
            try:
                one(found)
            except (MalformedError, RecursionError) as malformed:  # the latter of lists within lists within lists
                self.malformed(found["account"], str(malformed))

    def malformed(self, account: str | None, why: str) -> None:
        if account is not None:
            if account in self.set_aside:
                return
            self.set_aside.add(account)
            account = shown(account[:SHOWN])
        self.problems.append(Problem("malformed_row", account, why))

    def is_known(self, account: str, known: Mapping[str, Account]) -> bool:
        """Whether the account has facts; one that has none is remembered."""
        if account not in known and account not in self.set_aside:
            self.unknown.add(account)
        return account in known

    def all(self) -> tuple[Problem, ...]:
        if not self.unknown:
            return tuple(self.problems)
        shown = ", ".join(repr(key[:SHOWN]) for key in sorted(self.unknown)[:5])
        detail = f"{len(self.unknown)} accounts have events, but no properties in PostHog: {shown}"
        return (*self.problems, Problem("unknown_account", None, detail))


@dataclass(slots=True)
class Facts:
    """Every account, by key."""

    config: Config
    findings: Findings
    accounts: dict[str, Account] = field(default_factory=dict)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.names = fact_properties(self.config)

    def take(self, query: Query, rows: list[Any]) -> None:
        self.findings.take(rows, query.columns, self._one)

    def _one(self, row: Mapping[str, Any]) -> None:
        table = self.config.account
        key = str(row["account"])
        told = {name: brief(row[f"f{place}"]) for place, name in enumerate(self.names)}

        def fact(name: str | None) -> str | None:
            return told.get(name) if name else None

        name = fact(table.name)
        metrics = self.config.metrics.items()
        limits = {metric: fact(known.limit_property) for metric, known in metrics}
        levels = {metric: fact(known.group_property) for metric, known in metrics}
        self.accounts[key] = Account(
            key=key,
            name=name if name and name.strip() else key,
            domain=fact(table.domain) or (key if table.by == "email_domain" else None),
            plan=fact(table.plan),
            arr=self._money(key, fact(table.arr)),
            owner_email=fact(table.owner_email),
            anchor=self._anchor(key, fact(table.period_anchor)),
            limits={metric: value for metric, value in limits.items() if value is not None},
            levels={metric: value for metric, value in levels.items() if value is not None},
        )

    def _money(self, key: str, told: str | None) -> Decimal | None:
        if told is None:
            return None
        try:
            amount = Decimal(told.strip())
        except InvalidOperation:
            amount = Decimal("NaN")
        if not _is_amount(amount):
            self._impossible(key, f"{self.config.account.arr} is {told[:40]!r}, which is not an amount")
            return None
        return amount

    def _anchor(self, key: str, told: str | None) -> str | None:
        try:
            anchor_day(told)
        except AnchorError as error:
            self._impossible(key, f"{self.config.account.period_anchor}: {error}; calendar months are used")
            return None
        return told

    def _impossible(self, key: str, detail: str) -> None:
        self.findings.problems.append(Problem("impossible_value", key, detail))


def _is_amount(amount: Decimal) -> bool:
    """Whether it can be owed, and stored: databases take neither 1e999999 nor 1e-999999."""
    return amount.is_finite() and abs(amount) < IMPOSSIBLE and abs(int(amount.as_tuple().exponent)) < DIGITS


@dataclass(slots=True)
class Daily:
    """The daily series of some days."""

    config: Config
    zone: ZoneInfo
    known: Mapping[str, Account]
    findings: Findings
    streams: dict[str, Column] = field(default_factory=dict)
    bad: dict[str, dict[str, int]] = field(default_factory=dict)
    latest: dict[str, dict[str, datetime]] = field(default_factory=dict)
    told: Counter[date] = field(default_factory=Counter)  # accounts that have something on a day, known ones or not
    metrics: dict[str, Metric] = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = daily_metrics(self.config)

    def take(self, query: Query, rows: list[Any]) -> None:
        self.findings.take(rows, query.columns, self._one)

    def merge(self, other: "Daily") -> None:
        """Add what was read of other days."""
        for stream, column in other.streams.items():
            self.streams.setdefault(stream, Column()).extend(column)
        merge_bad(self.bad, other.bad)
        self.told.update(other.told)
        merge_latest(self.latest, other.latest)

    def _one(self, row: Mapping[str, Any]) -> None:
        account = row["account"]
        days = [day(cell) for cell in items(row["days"])]
        self.told.update(set(days))
        if not self.findings.is_known(account, self.known):
            return
        read = {}
        for place, metric in enumerate(self.metrics):
            read[metric] = _numbers(row[f"vs{place}"], days)
            bad, latest = int(number(row[f"bs{place}"])), instant(row[f"ls{place}"], self.zone)
            bad += sum(value >= IMPOSSIBLE for value in read[metric])
            if bad > 0:
                self.bad.setdefault(metric, {})[account] = bad
            if latest:
                self.latest.setdefault(metric, {})[account] = latest
        if "rejections" in row:
            read[REJECTIONS] = _numbers(row["rejections"], days)
        for stream, values in read.items():
            self._add(account, stream, days, values)

    def _add(self, account: str, stream: str, days: list[date], values: "array[float]") -> None:
        metric = self.metrics.get(stream)
        least = 0.0 if metric and metric.measure == "level" else 5e-324  # a level of nothing is known, a sum is not
        kept = [place for place, value in enumerate(values) if least <= value < IMPOSSIBLE]
        if len(kept) < len(days):
            days, values = [days[place] for place in kept], array("d", [values[place] for place in kept])
        self.streams.setdefault(stream, Column()).add(account, days, values)


def merge_bad(into: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, int]]) -> None:
    for metric, counts in more.items():
        known = into.setdefault(metric, {})
        for account, count in counts.items():
            known[account] = known.get(account, 0) + count


def merge_latest(into: dict[str, dict[str, datetime]], more: Mapping[str, Mapping[str, datetime]]) -> None:
    for metric, moments in more.items():
        known = into.setdefault(metric, {})
        for account, moment in moments.items():
            known[account] = max(moment, known.get(account, moment))


def _numbers(cell: Any, days: list[date]) -> "array[float]":
    """As many numbers as days."""
    told = items(cell)
    if len(told) != len(days):
        raise MalformedError(f"{len(told)} values for {len(days)} days")
    try:
        values = array("d", told)
    except (TypeError, OverflowError):
        values = array("d", (number(one) for one in told))
    number(sum(values))  # is finite only if all are
    return values
