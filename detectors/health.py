"""Whether figures can be trusted at all: faults of tracking and of limits, seen over the whole fleet at once.

A false alarm hides true signals, so that in doubt nothing is a fault: few accounts are not judged, a day is held
against all that an account ever did, and what lasts for a week is the new normal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from detectors.base import Bools, Floats, Ints, Usage

Value = TypeVar("Value", bound=np.generic)
Direction = Literal["rise", "fall"]
FLEET = 10  # accounts below which nothing is said of them all
SAMPLE = 2000  # accounts that speak for all
MOST = 0.75
SHIFT_DAYS = 7
MONTH = 28
OFTEN = 14  # days of a month
RISE = 1.5  # times the usual: events that are counted twice come to two
BEYOND = 1.25  # times the highest that there was before
CLEARLY = 1.3
ENOUGH = 20  # days: four weeks of workdays
STILL_RISEN, STILL_FALLEN = 1.3, 0.7
FALL = 0.5
EXPECTED = 3  # of the last six such weekdays: more than a monthly job comes to
FEW = 0.05  # of the accounts that usually have something; a test account may go on
HALF_A_DAY = 12.0
MIN_DAILY = 10.0  # events a day that do not become none by chance
ABSURD_WEEKS = 3
ABSURD_USE = 50.0  # times the limit
ABSURD_LIMIT = 1000.0  # times less than is usual on the plan
PLAN_MATES = 5
LOOK_BACK = 60
BEGUN = 30  # days within which a new key is taken for new
EARLIER, LATER = 3, 7  # days by which a new key may begin before the old one is silent, or after
USUAL_GAPS = 3.0


@dataclass(frozen=True, slots=True)
class Days:
    """One metric of n accounts as it came in, day by day: nothing summed up, nothing left out."""

    whole: Floats  # [n, days] oldest first, yesterday last; NaN: never read
    today: Floats  # [n] so far
    hours: float  # of today that are over: at night, what belongs to yesterday may still be under way


@dataclass(frozen=True, slots=True)
class Shift:
    """Most accounts rose above, or fell below, all that they were used to, on one day."""

    direction: Direction
    days_ago: int  # 0 is today
    accounts: int
    judged: int


def shift(days: Days) -> Shift | None:
    """The first one of a week, if figures have not come back from it."""
    week = _Week.of(days)
    if week is None:
        return None
    for ago in range(SHIFT_DAYS, -1, -1):
        if week.rises(ago):
            at = week.at(ago)
            return Shift("rise", ago, int(week.rose[at]), int(week.judged[at]))
        is_over = ago > 1 or (ago == 1 and days.hours >= HALF_A_DAY)
        if is_over and week.falls(ago):
            return Shift("fall", ago, int(week.fell[ago]), week.lively)
    return None


@dataclass(frozen=True, slots=True)
class _Week:
    """What many accounts did, day by day until today, each held against its own last four such weekdays."""

    middle: Floats  # [days] of their ratios; NaN: a weekday on which few have anything
    judged: Ints  # [days] accounts
    rose: Ints  # [days] accounts that were clearly above
    highest: float  # middle of the days before, a first of the month among them; infinity: too few
    fell: Ints  # [week] by days ago: accounts far below the least of any day of a month, their Sundays included
    lively: int  # accounts that have a least to fall below
    part: float  # of today that is over

    @classmethod
    def of(cls, days: Days) -> Self | None:
        """None where there are few accounts, or little past."""
        rows = np.arange(0, len(days.today), max(1, len(days.today) // SAMPLE))
        month = days.whole[rows, -MONTH - SHIFT_DAYS : -SHIFT_DAYS]
        often = np.count_nonzero(month > 0, axis=1) >= OFTEN
        rows = rows[often & (month[:, :7] > 0).any(1)]
        if len(rows) < FLEET or days.whole.shape[1] < 2 * MONTH + SHIFT_DAYS:
            return None
        seen = np.column_stack([days.whole[rows], days.today[rows]])
        width = seen.shape[1] - MONTH
        usual = np.median([seen[:, MONTH - back : MONTH - back + width] for back in range(7, MONTH + 1, 7)], axis=0)
        ratio = np.where(usual > 0, seen[:, MONTH:] / np.where(usual > 0, usual, 1.0), np.nan)
        judged = np.isfinite(ratio).sum(0)
        ratio[:, judged < FLEET] = np.nan
        middle = np.full(width, np.nan)
        middle[judged >= FLEET] = np.nanmedian(ratio[:, judged >= FLEET], axis=0)
        least = seen[:, -MONTH - SHIFT_DAYS - 1 : -SHIFT_DAYS - 1].min(1)
        below = (seen < FALL * least[:, None]) & (least > 0)[:, None]
        past = middle[: -SHIFT_DAYS - 1]
        past = past[np.isfinite(past)]
        return cls(
            middle=middle,
            judged=judged,
            rose=(ratio > CLEARLY).sum(0),
            highest=float(past.max()) if len(past) >= ENOUGH else np.inf,
            fell=below[:, : -SHIFT_DAYS - 2 : -1].sum(0),
            lively=int((least > 0).sum()),
            part=days.hours / 24,
        )

    def at(self, ago: int) -> int:
        return len(self.middle) - 1 - ago

    def rises(self, ago: int) -> bool:
        at = self.at(ago)
        is_high = self.middle[at] > max(RISE, BEYOND * self.highest) and self.rose[at] >= MOST * self.judged[at]
        return bool(is_high and self._lately(at, np.inf) > STILL_RISEN)

    def falls(self, ago: int) -> bool:
        is_low = self.fell[ago] >= MOST * max(self.lively, FLEET)
        is_back = self.middle[-1] > STILL_FALLEN * self.part  # already today
        return bool(is_low and not is_back and self._lately(self.at(ago), 0.0) < STILL_FALLEN)

    def _lately(self, at: int, unknown: float) -> float:
        """Of the last whole day since then that can be judged: figures may be back."""
        since = self.middle[at:-1]
        known = since[np.isfinite(since)]
        return float(known[-1]) if len(known) else unknown


def vanished(days: Days) -> int | None:
    """For how many whole days nobody has had the metric, where somebody should have; None: all is well.

    A weekend or a weekly job is no silence, as only weekdays on which many had something count.
    """
    today = np.count_nonzero(days.today > 0)
    if not days.whole.shape[1] or today > FEW * len(days.today):
        return None
    had = np.count_nonzero(days.whole[:, -LOOK_BACK:] > 0, axis=0)[::-1]  # accounts, yesterday first
    few = FEW * had.max(initial=0)
    silent = int(np.argmax(had > few)) if (had > few).any() else len(had)
    if today > few or not any(_expected(had, ago, silent) for ago in range(int(days.hours < HALF_A_DAY), silent)):
        return None
    return silent


def _expected(had: Ints, ago: int, silent: int) -> bool:
    """Whether many had something on this weekday, before the silence began."""
    same = had[ago::7]
    same = same[-(-(silent - ago) // 7) :][: 2 * EXPECTED]
    return int(np.count_nonzero(same >= FLEET)) >= EXPECTED


def sudden_zero(days: Days, counted: bool) -> Ints:
    """Rows that had something on every single day of a month, and since one day of the last week nothing at all."""
    rows = np.flatnonzero((days.whole[:, -1] == 0) & ~(days.today > 0))
    before, week = days.whole[rows, -MONTH - SHIFT_DAYS : -SHIFT_DAYS], days.whole[rows, -SHIFT_DAYS:]
    if before.shape[1] < MONTH:
        return rows[:0]
    lively = before.min(1) > 0
    if counted:
        lively &= before.mean(1) >= MIN_DAILY
    silent = np.logical_and.accumulate((week == 0)[:, ::-1], axis=1).sum(1)  # the days that reach until now
    return np.asarray(rows[lively & ((week > 0).sum(1) + silent == SHIFT_DAYS)], np.int64)


def absurd_limit(usage: Usage, plan: Ints) -> Bools:
    """Limits that cannot be meant: far exceeded week after week, or a tiny part of what is usual on the plan."""
    return np.asarray((usage.limit > 0) & (_far_exceeded(usage) | _far_below(usage.limit, plan)))


def _far_exceeded(usage: Usage) -> Bools:
    """The last week first: the others matter only where that was far over."""
    exceeded = np.zeros(len(usage.used), np.bool_)
    of_a_week = 1.0 if usage.kind == "gauge" else 7 / usage.period_days
    far = ABSURD_USE * usage.limit * of_a_week
    rows = np.arange(len(far))
    for week in range(ABSURD_WEEKS):
        end = usage.daily.shape[1] - 7 * week
        days = usage.daily[rows, max(end - 7, 0) : end]  # NaN, where a day is not known, exceeds nothing
        rows = rows[(days.min(1) if usage.kind == "gauge" else days.sum(1)) > far[rows]]
    exceeded[rows] = usage.daily.shape[1] >= 7 * ABSURD_WEEKS
    return exceeded


def _far_below(limit: Floats, plan: Ints) -> Bools:
    """`plan` numbers the plans; -1: not known."""
    given = np.flatnonzero((plan >= 0) & (limit > 0) & np.isfinite(limit))
    usual = np.full(int(plan.max(initial=-1)) + 1, np.nan)
    numbers, counts = np.unique(plan[given], return_counts=True)
    for number in numbers[counts >= PLAN_MATES]:
        usual[number] = np.median(limit[given[plan[given] == number]])
    low = np.zeros(len(limit), np.bool_)
    low[given] = limit[given] * ABSURD_LIMIT < usual[plan[given]]
    return low


@dataclass(frozen=True, slots=True)
class Lives:
    """When n accounts were active, as days before today: 1 is yesterday."""

    first: Ints  # [n] within LOOK_BACK days
    last: Ints  # [n] 0: today
    ended: Bools  # [n] silent for far longer than is usual
    began: Bools  # [n] not known before


def lives(metrics: Sequence[Days]) -> Lives:
    """Of accounts by all of their metrics together."""
    rows = np.flatnonzero(_quiet(metrics) | _new(metrics))  # of the others nothing is to be said
    count = len(metrics[0].today)
    active, today = np.zeros((len(rows), LOOK_BACK), np.bool_), np.zeros(len(rows), np.bool_)
    old = np.zeros(len(rows), np.bool_)
    for one in metrics:
        recent = one.whole[rows, -LOOK_BACK:]
        active[:, LOOK_BACK - recent.shape[1] :] |= recent > 0
        old |= (one.whole[rows, :-LOOK_BACK] > 0).any(1)
        today |= one.today[rows] > 0
    seen, times = active.any(1), active.sum(1)
    first = np.where(seen, LOOK_BACK - np.argmax(active, axis=1), 0)
    last = np.where(today | ~seen, 0, np.argmax(active[:, ::-1], axis=1) + 1)
    gap = (first - last + 1) / np.maximum(times, 1)
    ended = seen & ~today & (times >= OFTEN) & (last > np.maximum(2.0, USUAL_GAPS * gap))
    began = seen & ~old & (first <= BEGUN) & (times + today >= 2)
    numbers, facts = ([_spread(column, rows, count) for column in pair] for pair in ((first, last), (ended, began)))
    return Lives(*numbers, *facts)


def _quiet(metrics: Sequence[Days]) -> Bools:
    return np.asarray(~np.any([(one.today > 0) | (one.whole[:, -2:] > 0).any(1) for one in metrics], axis=0))


def _new(metrics: Sequence[Days]) -> Bools:
    week = slice(-BEGUN - 7, -BEGUN)
    return np.asarray(~np.any([(one.whole[:, week] > 0).any(1) for one in metrics], axis=0))


def _spread(column: npt.NDArray[Value], rows: Ints, count: int) -> npt.NDArray[Value]:
    whole = np.zeros(count, column.dtype)
    whole[rows] = column
    return whole


def follows(told: Lives, old: int, new: int) -> bool:
    """Whether one account began when another fell silent, and is alive."""
    between = int(told.last[old]) - int(told.first[new])  # days from the old one's last to the new one's first
    return bool(-EARLIER <= between <= LATER and told.last[new] < told.last[old])
