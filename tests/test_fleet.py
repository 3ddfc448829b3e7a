"""Hundreds of accounts under other names, in another time zone: every figure against one counted event by event."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy import select

from bot import config
from bot.app import Headroom
from bot.config.settings import Settings
from bot.evaluation import Evaluation
from bot.report import as_json
from bot.store.tables import standing
from sandbox.posthog import PostHog
from sandbox.posthog.fleet import Fleet, Names, fleet
from sandbox.posthog.project import Event, Project
from tests.databases import MovedClock

ACCOUNTS = 600
ZONE = ZoneInfo("America/St_Johns")
# A quarter to midnight there, when it is the next day in UTC; the clocks were put forward three weeks before. Periods
# anchored on the 29th began today, those anchored on the 30th and 31st on the last of February.
NOW = datetime(2026, 3, 30, 2, 15, tzinfo=UTC)
TODAY = date(2026, 3, 29)
NAMES = Names()

TOML = f"""
[account]
group_type = "{NAMES.group_type}"
name = "{NAMES.name}"
plan = "{NAMES.plan}"
period_anchor = "{NAMES.anchor}"

[metrics.jobs]
label = "Jobs"
event = "{NAMES.counted}"
measure = "count"
limit_property = "{NAMES.limit}"

[metrics.jobs_month]
label = "Jobs a month"
event = "{NAMES.counted}"
measure = "count"
window = "month"

[metrics.jobs_30]
label = "Jobs in 30 days"
event = "{NAMES.counted}"
measure = "count"
window = "trailing_30d"

[metrics.megabytes]
label = "Megabytes"
event = "{NAMES.summed}"
measure = "sum"
property = "{NAMES.amount}"

[metrics.megabytes_30]
label = "Megabytes in 30 days"
event = "{NAMES.summed}"
measure = "sum"
property = "{NAMES.amount}"
window = "trailing_30d"

[metrics.workers]
label = "Workers"
event = ["{NAMES.counted}", "{NAMES.summed}"]
measure = "people"

[metrics.workers_period]
label = "Workers in the period"
event = "{NAMES.counted}"
measure = "people"
window = "billing_period"

[metrics.disk]
label = "Disk"
measure = "level"
group_property = "{NAMES.level}"

[plans.team]
price = 50
limits = {{ jobs_month = 180, jobs_30 = 170, megabytes = 40000, megabytes_30 = 40000, workers = 9, workers_period = 8, disk = 200 }}

[plans.business]
price = 200
limits = {{ jobs_month = 300, jobs_30 = 280, megabytes_30 = 60000, workers = 11, workers_period = 11, disk = 350 }}

[slack]
channel = "C0SALES"
"""  # noqa: E501 - the plans' limits
LEVELS = (80, 90, 100, 120)
JUDGED = ("jobs", "jobs_month", "jobs_30", "megabytes", "megabytes_30", "workers", "workers_period", "disk")
Figures = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass
class Truth:
    """Every single event: whose, when (microseconds), by whom, how much."""

    rows: Ints
    moments: Ints
    people: Ints
    amounts: Figures

    @classmethod
    def of(cls, made: Fleet, counts: Ints, people: Ints, sizes: Figures) -> "Truth":
        """As the fleet says it is told: a day's events spread evenly over the day, the people taking turns."""
        starts = [midnight(day) for day in (*made.days, TODAY + timedelta(days=1))]
        starts[-1] = NOW.timestamp()
        begins, lengths = np.array(starts[:-1]), np.diff(np.array(starts))
        rows, days = np.nonzero(counts)
        times = counts[rows, days]
        number = np.concatenate([np.arange(count) for count in times])
        rows, days, of = np.repeat(rows, times), np.repeat(days, times), np.repeat(times, times)
        moments = ((begins[days] + lengths[days] * (number + 0.5) / of) * 1e6).astype(np.int64)
        return cls(rows, moments, number % people[rows] + 1, sizes[rows, days])

    def plus(self, row: int, moment: datetime, person: int, amount: float) -> "Truth":
        return Truth(
            np.append(self.rows, row),
            np.append(self.moments, int(moment.timestamp() * 1e6)),
            np.append(self.people, person),
            np.append(self.amounts, amount),
        )

    def since(self, starts: Figures, end: datetime) -> "Truth":
        """From each account's own start on."""
        kept = (self.moments >= starts[self.rows] * 1e6) & (self.moments < end.timestamp() * 1e6)
        return Truth(self.rows[kept], self.moments[kept], self.people[kept], self.amounts[kept])

    def count(self) -> Figures:
        return np.bincount(self.rows, minlength=ACCOUNTS).astype(np.float64)

    def sum(self) -> Figures:
        return np.bincount(self.rows, self.amounts, ACCOUNTS).astype(np.float64)

    def distinct(self, *others: "Truth") -> Figures:
        pairs = {pair for one in (self, *others) for pair in zip(one.rows.tolist(), one.people.tolist(), strict=True)}
        return np.bincount(np.array([row for row, _ in pairs]), minlength=ACCOUNTS).astype(np.float64)


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()


def period_start(anchor: int, today: date) -> date:
    """The last day on or before today that is the anchor's, or the last of a month that is too short for it."""
    day = today
    while not (day.day == anchor or ((day + timedelta(days=1)).day == 1 and day.day < anchor)):
        day -= timedelta(days=1)
    return day


@dataclass(frozen=True)
class Told:
    """All that ever happened, and what each account uses at a moment because of it."""

    made: Fleet
    jobs: Truth
    exports: Truth

    def used(self, now: datetime) -> dict[str, Figures]:
        jobs, exports, today = self.jobs, self.exports, now.astimezone(ZONE).date()
        billing = np.array([midnight(period_start(int(anchor), today)) for anchor in self.made.anchors])
        month = np.full(ACCOUNTS, midnight(today.replace(day=1)))
        return {
            "jobs": jobs.since(billing, now).count(),
            "jobs_month": jobs.since(month, now).count(),
            "megabytes": exports.since(billing, now).sum(),
            "workers_period": jobs.since(billing, now).distinct(),
            "disk": self.made.levels,
            **self.within((now - timedelta(days=30)).timestamp(), now),
        }

    def within(self, start: float, end: datetime) -> dict[str, Figures]:
        """Of the metrics that look back over thirty days."""
        jobs, exports = (truth.since(np.full(ACCOUNTS, start), end) for truth in (self.jobs, self.exports))
        return {"jobs_30": jobs.count(), "megabytes_30": exports.sum(), "workers": jobs.distinct(exports)}

    def steady(self, now: datetime) -> dict[str, Figures]:
        """What levels are judged by: of a figure that moves up and down, the median of the last three days."""
        days = [TODAY - timedelta(days=1), TODAY]
        ended = [
            self.within(midnight(end - timedelta(days=30)), datetime.fromtimestamp(midnight(end), UTC)) for end in days
        ]
        figures = self.used(now)
        moving = {metric: np.median([figures[metric], *(one[metric] for one in ended)], axis=0) for metric in ended[0]}
        return {**figures, **moving}


def limits(made: Fleet, plans: Mapping[str, config.Plan]) -> dict[str, Figures]:
    """Of the account itself for jobs, else of its plan; NaN where there is none."""
    of_plan = [plans[("team", "business")[row % 2]].limits for row in range(ACCOUNTS)]
    metrics = ("jobs_month", "jobs_30", "megabytes", "megabytes_30", "workers", "workers_period", "disk")
    told = {metric: np.array([limit.get(metric, np.nan) for limit in of_plan]) for metric in metrics}
    return {"jobs": made.limits.astype(np.float64), **told}


@dataclass
class Deployment:
    made: Fleet
    posthog: PostHog
    headroom: Headroom
    clock: MovedClock

    def evaluate(self) -> Evaluation:
        return self.headroom.evaluate(self.clock())

    def told(self) -> dict[str, dict[str, Any]]:
        """What is stored of every account, by metric."""
        with self.headroom.db.read() as tx:
            rows = tx.execute(select(standing.c.account_key, standing.c.metrics))
            return {row.account_key: row.metrics for row in rows}

    def standings(self, metric: str, field: str) -> Figures:
        """A stored figure of each account, in the fleet's order; NaN where there is none."""
        told = self.told()
        return np.array([told[key].get(metric, {}).get(field) for key in self.made.keys], dtype=np.float64)


@contextmanager
def deployed(folder: Path, template: Path) -> Iterator[Deployment]:
    clock = MovedClock(NOW)
    made = fleet(ACCOUNTS, 7, NOW, ZONE, days=100, mean=5.0)
    (folder / "headroom.toml").write_text(TOML, encoding="utf-8")
    copy(template, folder / "headroom.db")
    with PostHog(clock, project=Project(clock, str(ZONE), (NAMES.group_type,))) as posthog:
        made.load(posthog.project, NOW)
        settings = Settings.model_validate(
            {
                "headroom_config": folder / "headroom.toml",
                "database_url": f"sqlite:///{folder / 'headroom.db'}",
                "posthog_host": posthog.url,
                "posthog_project_id": posthog.project_id,
                "posthog_api_key": "phx_sandbox",
            }
        )
        headroom = Headroom(settings, config.load(settings.headroom_config), clock)
        try:
            yield Deployment(made, posthog, headroom, clock)
        finally:
            headroom.close()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("fleet"), sqlite_template) as deployment:
        yield deployment


def agree(deployment: Deployment, expected: Mapping[str, Figures]) -> None:
    """Every figure of every account."""
    given = limits(deployment.made, deployment.headroom.config.plans)
    for metric, figures in expected.items():
        limited = ~np.isnan(given[metric])
        told = deployment.standings(metric, "used")
        wrong = np.flatnonzero(~np.isclose(np.nan_to_num(told), figures, rtol=1e-9) & limited)
        assert [(deployment.made.keys[row], told[row], figures[row]) for row in wrong] == [], metric
        told = deployment.standings(metric, "limit")
        known = ~np.isnan(told)
        assert (told[known] == given[metric][known]).all(), metric
        assert (known == limited)[figures > 0].all(), metric


def levels_told(found: Evaluation) -> dict[tuple[str, str], float]:
    told = {}
    for one in as_json(found)["opportunities"]:
        for signal in one["signals"]:
            assert signal["ratio"] == pytest.approx(signal["used"] / signal["limit"])
            if signal["kind"] == "approaching_limit" and signal["metric"] in JUDGED:
                told[one["account"], signal["metric"]] = signal["level"]
    return told


def levels_due(deployment: Deployment, steady: Mapping[str, Figures]) -> dict[tuple[str, str], float]:
    """The highest level that usage has reached, where it can be judged; when one seat is left, at least the first."""
    told, due = deployment.told(), {}
    given = limits(deployment.made, deployment.headroom.config.plans)
    for metric in JUDGED:
        for key, figure, limit in zip(deployment.made.keys, steady[metric], given[metric], strict=True):
            reached = [level for level in LEVELS if figure / limit * 100 >= level]
            seats = told[key][metric]["limit"] if metric.startswith("workers") else None
            if seats and 0 <= seats - told[key][metric]["used"] <= 1:
                reached.append(LEVELS[0])
            if reached and told[key][metric]["held_back"] is None:
                due[key, metric] = float(max(reached))
    return due


def happen(deployment: Deployment, told: Told) -> Told:
    """New events since the last evaluation, some of which come in late, by people nobody has seen before."""
    made, now, jobs, exports = deployment.made, deployment.clock(), told.jobs, told.exports
    events = []
    for row, late in [(3, timedelta()), (5, timedelta(days=9)), (8, timedelta(days=40)), (11, timedelta(days=26))]:
        moment = now - timedelta(minutes=5) - late
        jobs, exports = jobs.plus(row, moment, 99, 0.0), exports.plus(row, moment, 98, 12.5)
        group = {NAMES.group_type: made.keys[row]}
        events += [
            Event(NAMES.counted, f"p-{made.keys[row]}-99", moment, {}, group, now),
            Event(NAMES.summed, f"p-{made.keys[row]}-98", moment, {NAMES.amount: 12.5}, group, now),
        ]
    deployment.posthog.project.capture(events)
    return Told(made, jobs, exports)


def test_every_figure_of_every_account_from_the_first_reading_to_the_next_day(deployment: Deployment) -> None:
    made, clock = deployment.made, deployment.clock
    told = Told(
        made,
        Truth.of(made, made.jobs, made.people, np.zeros(made.jobs.shape)),
        Truth.of(made, made.exports, np.ones(ACCOUNTS, np.int64), made.sizes),
    )
    first = deployment.evaluate()
    assert (first.accounts, first.problems) == (ACCOUNTS, ())
    agree(deployment, told.used(NOW))
    assert levels_told(first) == levels_due(deployment, told.steady(NOW))
    for later in (timedelta(minutes=20), timedelta(hours=24)):
        clock.at += later
        told = happen(deployment, told)
        found = deployment.evaluate()
        assert found.calls <= 5
        assert (found.accounts, found.problems) == (ACCOUNTS, ())
        agree(deployment, told.used(clock()))
