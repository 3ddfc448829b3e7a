"""Measures a whole evaluation, from PostHog's answers to stored opportunities: calls, and seconds by stage.

    python -m sandbox.bench.evaluation [accounts ...]

The sandbox's PostHog runs in the same process, so "read" is mostly its own work.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.app import Headroom
from bot.config import Config, parse
from bot.config.settings import Settings
from sandbox.posthog import PostHog, Project
from sandbox.posthog.fleet import Names, fleet

SIZES = (1_000, 10_000)
ZONE = "America/Sao_Paulo"
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NAMES = Names()
STAGES = ("read", "store usage", "find signals", "store opportunities")


def config() -> Config:
    """Every kind of measure, in the fleet's words."""
    counted = {"event": NAMES.counted}
    return parse(
        {
            "account": {
                "group_type": NAMES.group_type,
                "name": NAMES.name,
                "plan": NAMES.plan,
                "period_anchor": NAMES.anchor,
            },
            "metrics": {
                "jobs": {"label": "Jobs", "measure": "count", "limit_property": NAMES.limit, **counted},
                "mb": {"label": "Exports", "measure": "sum", "event": NAMES.summed, "property": NAMES.amount},
                "people": {"label": "People", "measure": "people", **counted},
                "disk": {"label": "Disk", "measure": "level", "group_property": NAMES.level},
            },
            "plans": {
                "team": {"price": 99, "limits": {"mb": 100_000, "people": 12, "disk": 450}},
                "business": {"price": 399, "limits": {"people": 100, "disk": 3000}},
            },
            "slack": {"channel": "C0SALES"},
        }
    )


@contextmanager
def world(size: int) -> Iterator[Headroom]:
    project = Project(lambda: AT, ZONE, (NAMES.group_type,))
    fleet(size, 1, AT, ZoneInfo(ZONE)).load(project, AT)
    with PostHog(lambda: AT, project=project) as posthog, tempfile.TemporaryDirectory() as folder:
        settings = {
            "database_url": f"sqlite:///{Path(folder) / 'bench.db'}",
            "posthog_host": posthog.url,
            "posthog_project_id": posthog.project_id,
            "posthog_api_key": "phx_sandbox",
        }
        headroom = Headroom(Settings.model_validate(settings), config(), lambda: AT)
        yield headroom
        headroom.close()


def measure(headroom: Headroom, at: datetime) -> tuple[int, int, list[float]]:
    """PostHog calls, opportunities, and seconds by stage."""
    began, ends = time.perf_counter(), dict.fromkeys(STAGES, 0.0)

    def reached(step: str, _done: int, _of: int) -> None:
        ends[{"usage stored": "store usage", "signals worked out": "find signals"}.get(step, "read")] = (
            time.perf_counter()
        )

    found = headroom.evaluate(at, progress=reached)
    ends["store opportunities"] = time.perf_counter()
    return found.calls, len(found.decisions), [after - before for before, after in pairwise([began, *ends.values()])]


def main(sizes: list[int]) -> None:
    print(f"{'accounts':>9} {'':>7} {'calls':>6} {'cases':>7} " + " ".join(f"{stage:>20}" for stage in STAGES))  # noqa: T201
    for size in sizes:
        with world(size) as headroom:
            for name, at in (("first", AT), ("steady", AT + timedelta(hours=1))):
                calls, cases, seconds = measure(headroom, at)
                told = " ".join(f"{one:>12.2f} s ({one / sum(seconds):>3.0%})" for one in seconds)
                print(f"{size:>9,} {name:>7} {calls:>6} {cases:>7,} {told}")  # noqa: T201


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
