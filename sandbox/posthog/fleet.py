"""Any number of made-up accounts with light traffic, and the very figures they were made from, to compare with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from sandbox.posthog.history import Series, days_until, load
from sandbox.posthog.project import Project

Counts = npt.NDArray[np.int64]
Amounts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Names:
    """What the events and group properties are called: deliberately not as in the example configuration."""

    group_type: str = "workspace"
    counted: str = "job_finished"
    summed: str = "report_exported"
    amount: str = "size mb"  # of each summed event; has a space, as some people's properties do
    name: str = "company_name"
    plan: str = "tier"
    anchor: str = "cycle_start"
    limit: str = "job_quota"
    level: str = "disk_used"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The truth: one row an account, one column a day, the last being today."""

    names: Names
    keys: tuple[str, ...]
    days: tuple[date, ...]
    jobs: Counts  # counted events a day
    exports: Counts  # summed events a day
    sizes: Amounts  # amount of each summed event of that day
    people: Counts  # [n] how many people take turns at the counted event
    anchors: Counts  # [n] day of the month
    limits: Counts  # [n]
    levels: Amounts  # [n]

    def sums(self) -> Amounts:
        """The summed property a day."""
        return self.exports * self.sizes

    def people_between(self, first: int, last: int) -> Counts:
        """Distinct people of the counted event over days `first` to `last` (indexes, both included)."""
        most: Counts = np.minimum(self.jobs[:, first : last + 1], self.people[:, None]).max(axis=1)
        return most

    def groups(self) -> dict[str, dict[str, object]]:
        names = self.names
        return {
            key: {
                names.name: f"Company {row}",
                names.plan: ("team", "business")[row % 2],
                names.anchor: int(self.anchors[row]),
                names.limit: int(self.limits[row]),
                names.level: float(self.levels[row]),
            }
            for row, key in enumerate(self.keys)
        }

    def series(self) -> Iterator[Series]:
        names = self.names
        for row, key in enumerate(self.keys):
            yield Series(key, names.counted, self.jobs[row], int(self.people[row]))
            yield Series(key, names.summed, self.exports[row], 1, amount=names.amount, amounts=self.sizes[row])

    def load(self, project: Project, now: datetime) -> None:
        project.set_groups(self.names.group_type, self.groups())
        load(project, self.series(), self.days, now)


def fleet(size: int, seed: int, now: datetime, zone: ZoneInfo, *, days: int = 100, mean: float = 1.0) -> Fleet:
    """`mean` counted events an account and day; every account has its own rate and trend."""
    random = np.random.default_rng(seed)
    width = days + 1
    rate = mean * random.lognormal(-0.5, 1.0, size)
    trend = np.exp(random.normal(0.0, 0.01, size)[:, None] * (np.arange(width) - days))
    jobs = random.poisson(rate[:, None] * trend)
    limits = np.maximum(20, np.rint(jobs[:, -30:].sum(axis=1) * random.uniform(0.7, 4.0, size))).astype(np.int64)
    return Fleet(
        names=Names(),
        keys=tuple(f"ws_{number:06}" for number in random.permutation(size)),
        days=tuple(days_until(now, zone, days)),
        jobs=jobs,
        exports=random.poisson(0.2 * rate[:, None] * trend),
        sizes=random.integers(1, 4000, (size, width)) / 8.0,
        people=random.integers(1, 12, size),
        anchors=random.integers(1, 32, size),
        limits=limits,
        levels=random.integers(0, 800, size) / 2.0,
    )
