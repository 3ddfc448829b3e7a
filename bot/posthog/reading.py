"""What one evaluation learns from PostHog, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.model import Account

IMPOSSIBLE = 10**15  # no usage, limit or amount of money is this large: infinity, or a mistake
LONGEST_TEXT = 240  # characters of a property: beside an account key of 400 it fits an index of PostgreSQL
REJECTIONS = "!rejections"  # the stream of all quota events together


@dataclass(frozen=True, slots=True)
class DailyValues:
    """One stream, sparse: three columns of equal length. Days are in the project's time zone."""

    account: Sequence[str]
    day: Sequence[date]
    value: Sequence[float]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of the data or the configuration that a person should know of.

    `what`: malformed_row, impossible_value, unknown_account, unknown_event, unknown_property.
    """

    what: str
    account: str | None
    detail: str
    metric: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person met one subject in one session of one day; repetitions within it count once."""

    account: str
    subject: str
    person: str
    session: str
    day: date


@dataclass(frozen=True, slots=True)
class Reading:
    """All accounts at one moment. An account whose rows could not be read is left out everywhere and is a problem."""

    at: datetime
    timezone: str
    accounts: tuple[Account, ...]
    days_read: tuple[date, ...]  # ascending; a count, sum or people stream is zero on such a day where it has no value
    first_fill: bool  # what was stored before is to be replaced
    daily: Mapping[str, DailyValues]  # by metric, and REJECTIONS; for people: those seen in the 30 days to that day
    bad_values: Mapping[str, Mapping[str, int]]  # metric -> account -> events whose property is no number >= 0
    last_event: Mapping[str, Mapping[str, datetime]]  # metric -> account -> latest event within this reading
    windows: Mapping[str, Mapping[str, float]]  # metric -> every account -> exact figure of the current window
    active_people: Mapping[str, float]  # every account -> people seen in the last 30 days
    lockouts: tuple[Sighting, ...]
    billing_visits: tuple[Sighting, ...]
    save_visits: tuple[Sighting, ...]
    problems: tuple[Problem, ...]
    calls: int  # HTTP calls made
    invited: Mapping[str, float] = field(default_factory=dict)  # account -> people invited in 30 days, not active yet
