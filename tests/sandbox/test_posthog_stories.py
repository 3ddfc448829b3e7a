"""The stories are told the same twice, say what they claim, and a fleet's figures are those it was made from."""

# ruff: noqa: S608 - these tests write HogQL
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sandbox.posthog import PostHog, Project, clickhouse
from sandbox.posthog.fleet import Fleet, Names, fleet
from sandbox.posthog.stories import STORIES, Story
from sandbox.posthog.telling import tell
from tests.sandbox.asking import Asking

NOW = datetime(2026, 11, 21, 22, 58, tzinfo=UTC)
FEW = [story for story in STORIES if story.key in ("bluefin", "nimbus", "opal", "pinecone", "rowan", "willow")]


@pytest.fixture(scope="module")
def asking() -> Iterator[Asking]:
    with PostHog(lambda: NOW, timezone="Europe/Berlin") as posthog:
        tell(posthog.project, NOW, [*FEW, *(story for story in STORIES if not story.key.isalnum())])
        with Asking(posthog) as asking:
            yield asking
        assert posthog.errors == []


def figure(asking: Asking, key: str, measure: str, where: str = "event = 'api_request'") -> Any:
    return asking.one(f"select {measure} from events where $group_0 = {{key}} and {where}", key=key)


def story(key: str) -> Story:
    return next(one for one in STORIES if one.key == key)


def test_usage_is_what_the_story_says(asking: Asking) -> None:
    since = "event = 'api_request' and timestamp >= '2026-10-29'"  # day 24 of its month
    assert figure(asking, "bluefin", "count()", since) == story("bluefin").used
    assert figure(asking, "pinecone", "uniqExact(person_id)", "1 = 1") == 9
    assert figure(asking, "rowan", "uniqExact(toDate(timestamp))", "event = 'rate_limited'") == 6


def test_a_broken_tracking_is_silent_and_a_young_account_has_no_past(asking: Asking) -> None:
    assert figure(asking, "nimbus", "toDate(max(timestamp))", "1 = 1") == "2026-11-16"
    assert figure(asking, "opal", "toDate(min(timestamp))", "1 = 1") == "2026-11-13"


def test_nothing_happens_in_the_future(asking: Asking) -> None:
    assert asking.one("select count() from events where timestamp > now()") == 0


def test_bad_values_and_hostile_names_arrive_unharmed(asking: Asking) -> None:
    bad = "properties.gb is not null and not ifNull(toFloat(properties.gb) > 0, 0)"
    assert {value for (value,) in asking.rows(f"select properties.gb from events where {bad}")} == {"lots", "nan", "-5"}
    names = dict(asking.rows("select key, JSONExtractString(properties, 'name') from groups"))
    for key, name in names.items():
        assert name == story(key).name
        assert figure(asking, key, "count()") > 0


def test_two_tellings_are_equal() -> None:
    projects = [Project(lambda: NOW, "Europe/Berlin") for _ in range(2)]
    sums = []
    for project in projects:
        tell(project, NOW, FEW[:2])
        columns = "event, properties, timestamp, distinct_id, `$group_0`"
        sums.append(clickhouse.rows(f"SELECT count(), sum(cityHash64({columns})) FROM {project.database}.events")[1])
        project.close()
    assert sums[0] == sums[1]
    assert sums[0][0][0] > 50_000


def test_every_story_is_told_in_words_and_has_a_key_of_its_own() -> None:
    assert len({one.key for one in STORIES}) == len(STORIES) >= 30
    assert all(one.about.endswith(".") for one in STORIES)
    assert {bool(one.signals) for one in STORIES if one.outcome in ("upsell", "save")} == {True}
    assert {bool(one.signals) for one in STORIES if one.outcome not in ("upsell", "save")} == {False}
    assert max(len(one.name) for one in STORIES) == 200


@pytest.fixture(scope="module")
def truth() -> Fleet:
    return fleet(300, 7, NOW, ZoneInfo("America/New_York"), mean=2.0)


@pytest.fixture(scope="module")
def fleet_asking(truth: Fleet) -> Iterator[Asking]:
    project = Project(lambda: NOW, "America/New_York", ["workspace"])
    truth.load(project, NOW)
    with PostHog(lambda: NOW, project=project) as posthog, Asking(posthog) as asking:
        yield asking


def by_row(truth: Fleet, rows: list[list[Any]]) -> np.ndarray[Any, Any]:
    found = dict(rows)
    return np.array([found.get(key, 0) for key in truth.keys])


def test_a_fleets_days_are_what_was_asked_for(truth: Fleet, fleet_asking: Asking) -> None:
    """Over both changes of the clocks: a day of the project has 23, 24 or 25 hours."""
    hogql = (
        "select $group_0, toString(toDate(timestamp)), count() from events where event = {e} group by 1, 2 limit 50000"
    )
    found = {(key, day): count for key, day, count in fleet_asking.rows(hogql, e=Names().counted)}
    jobs = {
        (key, str(day)): int(truth.jobs[row, column])
        for row, key in enumerate(truth.keys)
        for column, day in enumerate(truth.days)
        if truth.jobs[row, column]
    }
    assert found == jobs


def test_a_fleets_sums_people_and_facts_are_known(truth: Fleet, fleet_asking: Asking) -> None:
    month = "timestamp >= {since} group by 1 limit 50000"
    since = str(truth.days[-30])
    total = f"select $group_0, sum(toFloat(properties['size mb'])) from events where event = {{e}} and {month}"
    sums = by_row(truth, fleet_asking.rows(total, e=Names().summed, since=since))
    assert np.allclose(sums.astype(float), truth.sums()[:, -30:].sum(axis=1))
    distinct = f"select $group_0, uniqExact(person_id) from events where event = {{e}} and {month}"
    people = by_row(truth, fleet_asking.rows(distinct, e=Names().counted, since=since))
    assert (people == truth.people_between(71, 100)).all()
    limits = fleet_asking.rows("select key, toInt(properties.job_quota) from groups limit 50000")
    assert (by_row(truth, limits) == truth.limits).all()
