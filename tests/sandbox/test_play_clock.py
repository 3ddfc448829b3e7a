"""The clock that two processes share, and the usage that the same hours always bring."""
# ruff: noqa: S608 - names in this SQL are our own

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.play import cast
from sandbox.play.clock import SharedClock
from sandbox.play.traffic import Traffic
from sandbox.posthog import clickhouse
from sandbox.posthog.project import Project

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_both_processes_see_the_same_moment(tmp_path: Path) -> None:
    here, there = SharedClock(tmp_path / "clock"), SharedClock(tmp_path / "clock")
    here.stand(NOON)
    assert (here(), there()) == (NOON, NOON)
    here.set(NOON + timedelta(days=3))
    before = there()
    assert NOON + timedelta(days=3) <= before <= here()


def test_a_clock_that_stood_goes_on_from_there(tmp_path: Path) -> None:
    clock = SharedClock(tmp_path / "clock")
    clock.stand(NOON)
    clock.set(clock())
    first, second = clock(), clock()
    assert NOON <= first <= second


def calls(moments: list[datetime], size: int = 4) -> list[list[object]]:
    """Of each account, when time passed in these steps."""
    project = Project(lambda: moments[-1], "Europe/Berlin")
    try:
        traffic = Traffic(project, cast.parts(cast.stories(size)), NOON, NOON)
        for moment in moments:
            traffic.pass_until(moment)
        table = f"{project.database}.events"
        return clickhouse.rows(
            f"SELECT `$group_0`, event, count(), min(timestamp) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2"
        )[1]
    finally:
        project.close()


def test_the_same_hours_bring_the_same_usage() -> None:
    days = [NOON + timedelta(days=number) for number in (1, 2, 3)]
    assert calls(days) == calls(days) != calls(days[:2])
    assert len({row[0] for row in calls(days)}) == 4


def test_two_plays_have_the_same_cast_of_forty() -> None:
    companies = cast.stories()
    assert companies == cast.stories()
    assert len({one.key for one in companies}) == cast.SIZE == 40
    assert cast.parts(companies) == cast.parts(companies)


@pytest.mark.parametrize("account", [one.key for one in cast.stories(3)])
def test_who_is_not_tracked_sends_nothing(account: str) -> None:
    project = Project(lambda: NOON, "Europe/Berlin")
    try:
        traffic = Traffic(project, cast.parts(cast.stories(3)), NOON, NOON)
        traffic.silent.add(account)
        traffic.pass_until(NOON + timedelta(days=1))
        known = {row[0] for row in clickhouse.rows(f"SELECT DISTINCT `$group_0` FROM {project.database}.events")[1]}
        assert known == set(traffic.parts) - {account}
    finally:
        project.close()
