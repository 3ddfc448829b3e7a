"""The parts that queries are made of: placeholders, checked property names, accounts, moments, pages.

Only functions and syntax that HogQL documents are used (posthog.com/docs/sql); all times are instants in UTC, and
`toDate` cuts them into days of the project's time zone. Expressions are computed in the innermost select and used by
name further out: PostHog's parser takes twice as long for each call inside a call.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.config import AccountTable
from bot.periods import day_start
from bot.posthog.errors import PostHogError
from bot.posthog.free_mail import FREE_MAIL
from bot.posthog.reading import LONGEST_TEXT

PAGE = 50_000  # rows; PostHog cuts a larger LIMIT to this without a word
WIDE_PAGE = 10_000  # where a row holds arrays over many days
Value = str | int | list[str]

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,199}")
_RESERVED = {
    "catch",
    "finally",
    "fn",
    "fun",
    "inf",
    "infinity",
    "let",
    "materialized",
    "nan",
    "null",
    "throw",
    "try",
    "while",
}
_QUOTABLE = re.compile(r"[\w $.:/()+&#@-]{1,200}")  # no quote, backslash, brace or %: HogQL refuses the last


@dataclass(frozen=True, slots=True)
class Query:
    """One query, ready to be asked, and the columns that its answer must have."""

    name: str
    hogql: str
    values: Mapping[str, Value]
    columns: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Page:
    """Which accounts a query covers: those after `after`, in one of `shards` parts. OFFSET is refused by PostHog."""

    after: str = ""
    upto: str | None = None  # a page that ends where the next one begins costs PostHog nothing for the others
    shards: int = 1
    shard: int = 0
    limit: int = PAGE


@dataclass(slots=True)
class Values:
    """Collects the values of a query; what is written into its text is only their placeholders."""

    known: dict[str, Value] = field(default_factory=dict)

    def put(self, value: Value) -> str:
        for name, known in self.known.items():
            if known == value and type(known) is type(value):
                return f"{{{name}}}"
        name = f"v{len(self.known)}"
        self.known[name] = value
        return f"{{{name}}}"

    def any_of(self, events: Iterable[str]) -> str:
        return f"(event in {self.put(sorted(set(events)))})"

    def moment(self, at: datetime) -> str:
        return f"toDateTime({self.put(f'{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}')})"

    def between(self, start: datetime, end: datetime) -> str:
        return f"(timestamp >= {self.moment(start)} and timestamp < {self.moment(end)})"


def select(columns: Iterable[str], source: str, where: Iterable[str], group_by: str = "", limit: int = 0) -> str:
    """A select of one table or subquery; with a limit it is ordered by its first column, for the next page."""
    columns = list(columns)
    parts = ["select", ", ".join(columns), "from", source]
    if conditions := list(where):
        parts += ["where", " and ".join(conditions)]
    if group_by:
        parts += ["group by", group_by]
    if limit:
        parts += ["order by", columns[0].rpartition(" as ")[2], "limit", str(limit)]
    return " ".join(parts)


def property_of(owner: str, name: str) -> str:
    """`owner.name` for HogQL. A property's name cannot be a placeholder, so it has to be harmless."""
    if _PLAIN.fullmatch(name) and name.lower() not in _RESERVED:
        return f"{owner}.{name}"
    if _QUOTABLE.fullmatch(name):
        return f"{owner}['{name}']"
    raise PostHogError(
        f"The property name {name!r} in headroom.toml cannot be used in a query: "
        "only letters, digits, spaces and _ $ . : / ( ) + & # @ - are possible.",
        permanent=True,
    )


def beginning(text: str) -> str:
    """Of an expression that is a text, as much as is kept: an answer's size is limited, a property's is not."""
    return f"substringUTF8({text}, 1, {LONGEST_TEXT})"


@dataclass(frozen=True, slots=True)
class Accounts:
    """How an account is told in the tables of PostHog: a group's key, or the domain of a person's e-mail address."""

    group_index: int | None  # None: by e-mail domain

    @classmethod
    def of(cls, table: AccountTable, group_index: int | None) -> "Accounts":
        return cls(None if table.by == "email_domain" else group_index)

    @property
    def of_event(self) -> str:
        return _domain("person.properties") if self.group_index is None else f"$group_{self.group_index}"

    @property
    def of_fact(self) -> str:
        return _domain("properties") if self.group_index is None else "key"

    def on_page(self, account: str, page: Page, values: Values) -> str:
        """The condition; an account without a key ('') is none."""
        parts = [f"{account} > {values.put(page.after)}"]
        if page.upto is not None:
            parts.append(f"{account} <= {values.put(page.upto)}")
        if self.group_index is None:
            parts.append(f"{account} not in {values.put(list(FREE_MAIL))}")
        if page.shards > 1:
            parts.append(f"cityHash64({account}) % {page.shards} = {page.shard}")
        return " and ".join(parts)


def _domain(owner: str) -> str:
    return f"splitByChar('@', lower(ifNull({owner}.email, '')))[2]"


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of what is read, in the project's time zone."""

    at: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.at.astimezone(self.zone).date()

    def start(self, day: date) -> datetime:
        return day_start(day, self.zone)

    def end(self, day: date) -> datetime:
        """Of the day, or now if that comes first."""
        return min(self.at, day_start(day + timedelta(days=1), self.zone))


def spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Unbroken runs of days, first and last."""
    runs: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if runs and runs[-1][1] + timedelta(days=1) == day:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs
