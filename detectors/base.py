"""What detectors read and what they say: columns over many accounts at once, one row an account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]
Codes = npt.NDArray[np.int8]
Days = npt.NDArray[np.datetime64]
Columns = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Usage:
    """One metric of n accounts. An unknown number is NaN.

    A *quota* adds up within a period and then restarts; a *gauge* is a level that moves up and down.
    """

    metric: str
    kind: Literal["quota", "gauge"]
    daily: Floats  # [n, days] amount of the day (quota) or level (gauge); whole days, oldest first, yesterday last
    used: Floats  # [n] the figure that the limit is held against, today included
    limit: Floats  # [n] NaN: unknown
    unlimited: Bools  # [n] the plan is known and does not limit this metric
    bad: Bools  # [n] impossible values were seen: text, NaN, negative
    bad_limit: Bools  # [n] a limit is given, but it is not a number above zero
    age_hours: Floats  # [n] since the last event of the metric; 0 for levels read just now; NaN: never seen
    silent_hours: Floats  # [n] since the last event of the account, of any metric; 0 for levels read just now
    usual_gap_hours: Floats  # [n] from one day with events to the next; infinity: not known, only silence is stale
    observed_days: Ints  # [n] whole days since the first observation, at most the width of daily
    elapsed: Ints  # [n] whole days of the current period before today (0 on its first day)
    period_days: Ints  # [n] length of the current period in days (gauges: 30)
    next_period_days: Ints  # [n] length of the period after it
    previous_periods: Floats  # [n, 2] totals of the last two complete periods, latest first; NaN: not wholly observed
    comparable: bool = True  # used and daily are the same figure; False: people of the period, and of 30 days
    people: bool = False  # counts people, so that "one seat left" means something
    doubt: Codes | None = None  # [n] why the figures or the limit are not to be trusted, as in `gates.REASONS`
    # [n, k] levels in percent of those that have their own, rising, filled up with infinity; NaN: the rules'
    levels: Floats | None = None
    counted: bool = True  # adds up single events, of which a handful is noise; False: an amount in any unit


@dataclass(frozen=True, slots=True)
class Sightings:
    """Rare events worth counting by person and session: one row a sighting, columns of equal length."""

    account: Ints  # index of the account's row
    subject: Objects  # the gated feature, or the page's path
    person: Objects
    session: Objects
    days_ago: Ints  # 0 is today, in the project's time zone


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the detectors may know of n accounts at one moment."""

    today: date  # in the project's time zone
    usages: Mapping[str, Usage]
    rejections: Floats  # [n, days + 1] hits against rate limits and quotas a day; the last column is today
    requests: Floats  # [n, days + 1] counted events a day, which rejections are a share of; the last column is today
    active_people: Floats  # [n] people seen in the last 30 days
    lockouts: Sightings
    billing_visits: Sightings
    save_visits: Sightings
    invited_people: Floats | None = None  # [n] invited in the last 30 days and not active yet; None: not read


@dataclass(frozen=True, slots=True)
class Rules:
    """The thresholds that people may set; a share is 0..1, a level is in percent."""

    approaching: tuple[float, ...] = (80.0, 90.0, 100.0, 120.0)
    growth_probability: float = 0.8


@dataclass(frozen=True, slots=True)
class Findings:
    """What one detector says on one metric: the k rows that fire or, once fired, still hold.

    Rows that are not named here do not hold: what had fired there is resolved. Firing and holding use
    different thresholds, so that a value near one cannot flap.
    """

    kind: str
    metric: str | None
    weight: float  # of the kind in the score
    rows: Ints  # [k] index of the account's row
    fires: Bools  # [k] at or over the "on" threshold
    strength: Floats  # [k] 0..1
    # Where a signal has levels it fires, or rises, at `level`; having fired it falls back only as far as `held_level`,
    # so that usage which swings around a line neither ends it nor fires it anew.
    level: Floats | None = None  # [k] highest level reached, percent; NaN: none
    held_level: Floats | None = None  # [k] highest level that would still hold had it fired
    evidence: Mapping[str, Columns] = field(default_factory=dict)  # name -> [k]
    subject: Objects | None = None  # [k] the feature, where one account can have several
    saves: Bools | None = None  # [k] the account points at leaving: keep it before selling to it


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the usage of n accounts is going. Day 1 is today; days are given as if the limit will be passed."""

    enough: Bools  # [n] the history is long enough to be believed; where it is not, the rest is only a run rate
    probability: Floats  # [n] of passing the limit before the period ends (gauges: within 30 days); 0 where not enough
    day: Floats  # [n] median day of passing it; NaN where that is all but impossible or the history is too short
    earliest: Floats  # [n] one in ten passes before this day
    latest: Floats  # [n] nine in ten have passed by this day
    projected: Floats  # [n] expected figure at the end of the period (gauges: in 30 days)
    projected_next: Floats  # [n] expected total of the next whole period (gauges: level in 30 days)


@dataclass(frozen=True, slots=True)
class Context:
    """One batch of accounts, with what was worked out once for all detectors."""

    snapshot: Snapshot
    rules: Rules
    gates: Mapping[str, Codes]  # metric -> [n] reason to hold a row back, as in `gates.REASONS`; 0 is open
    forecasts: Mapping[str, Forecast]
    # metric -> [n] probability of passing the limit as it was a day earlier, where somebody has worked it out
    earlier: Mapping[str, Floats] = field(default_factory=dict)
    brief: bool = False  # only what fires and holds is asked for, no evidence that costs time


class Detector(Protocol):
    """A module of this folder with a `detect`; its docstring explains the signal to its readers."""

    KIND: str
    WEIGHT: float

    def detect(self, context: Context) -> Iterable[Findings]: ...


@dataclass(frozen=True, slots=True)
class Scan:
    """What all detectors say on all accounts, at most one Findings per kind and metric."""

    findings: list[Findings]
    gates: Mapping[str, Codes]
    forecasts: Mapping[str, Forecast]
