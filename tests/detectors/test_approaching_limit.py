"""Approaching limit: the value on the line counts, five points below it lets go, one seat left is enough."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from detectors import scan
from detectors.approaching_limit import KIND, steady_level
from detectors.base import Findings, Rules, Usage
from tests.detectors.snapshots import gauge, quota, snapshot

NAN = np.nan


def found(usage: Usage, rules: Rules | None = None) -> Findings | None:
    findings = scan(snapshot(usage, count=len(usage.used)), rules or Rules()).findings
    return next((one for one in findings if one.kind == KIND), None)


def verdict(usage: Usage) -> tuple[Any, Any] | None:
    """Level reached, level held; None: nothing at all."""
    one = found(usage)
    if one is None or one.level is None or one.held_level is None:
        return None
    assert one.fires[0] == (not np.isnan(one.level[0]))
    return None if np.isnan(one.level[0]) else float(one.level[0]), float(one.held_level[0])


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (74_999, None),
        (75_000, (None, 80)),
        (79_999, (None, 80)),
        (80_000, (80, 80)),
        (84_999, (80, 80)),
        (85_000, (80, 90)),
        (90_000, (90, 90)),
        (99_999, (90, 100)),
        (100_000, (100, 100)),
        (119_999, (100, 120)),
        (120_000, (120, 120)),
        (1e9, (120, 120)),
    ],
)
def test_levels_of_a_quota(used: float, expected: Any) -> None:
    assert verdict(quota(used=used)) == expected


def test_a_sum_of_fractions_on_the_line_counts() -> None:
    used = sum([0.1] * 8)  # a hair below 0.8
    assert used < 0.8
    assert verdict(quota(0.1, used=used, limit=1.0, counted=False)) == (80, 80)


def test_thresholds_are_taken_from_the_rules_in_any_order() -> None:
    one = found(quota(used=60_000), Rules(approaching=(95.0, 50.0)))
    assert one is not None
    assert one.level is not None
    assert one.level.tolist() == [50.0]
    assert found(quota(used=60_000), Rules(approaching=())) is None


def test_each_account_has_its_own_levels_or_the_usual_ones() -> None:
    own = np.array([[50.0, 60.0, 70.0], [NAN, NAN, NAN], [65.0, np.inf, np.inf]])
    one = found(quota(count=3, used=62_000, levels=own), Rules(approaching=(62.0, 90.0)))
    assert one is not None
    assert one.level is not None
    assert one.held_level is not None
    assert (one.rows.tolist(), one.fires.tolist()) == ([0, 1, 2], [True, True, False])
    np.testing.assert_equal(one.level, [60.0, 62.0, NAN])
    assert one.held_level.tolist() == [60.0, 62.0, 65.0]


def test_own_levels_may_be_more_or_fewer_than_the_usual_ones() -> None:
    for usual in [(), (80.0,), (10.0, 20.0, 30.0, 40.0)]:
        one = found(quota(used=99_000, levels=np.array([[50.0, 95.0]])), Rules(approaching=usual))
        assert one is not None
        assert one.level is not None
        assert one.level.tolist() == [95.0]


def test_one_seat_left_is_the_first_of_an_accounts_own_levels() -> None:
    assert verdict(gauge(3, limit=4, levels=np.array([[85.0, 95.0]]))) == (85, 85)


@pytest.mark.parametrize(
    ("used", "limit", "expected"),
    [
        (9, 10, (90, 90)),
        (8, 10, (80, 80)),
        (3, 4, (80, 80)),  # one seat left, though only 75 %
        (2, 3, (80, 80)),
        (2, 4, (None, 80)),  # two left: only holds
        (1, 4, None),
        (5, 4, (120, 120)),  # over the limit is not "one left"
        (7, 10, None),
    ],
)
def test_seats(used: float, limit: float, expected: Any) -> None:
    assert verdict(gauge(used, limit=limit)) == expected


def test_no_last_seat_in_storage() -> None:
    assert verdict(gauge(3, limit=4, metric="storage_gb")) == (None, 80)
    assert verdict(gauge(2, limit=3, metric="storage_gb")) is None


@pytest.mark.parametrize(
    ("last_days", "today", "expected"),
    [
        ([50, 50, 95], 50, 50),  # one day's peak is no level
        ([50, 95, 95], 50, 95),
        ([50, 50, 95], 95, 95),
        ([60, NAN, NAN], 70, 65),
        ([60, NAN, 80], 90, 80),
        ([NAN, NAN, NAN], 70, 70),
    ],
)
def test_a_level_is_the_median_of_three_known_days(last_days: list[float], today: float, expected: float) -> None:
    daily = np.full((1, 90), NAN)
    daily[0, -3:] = last_days
    assert steady_level(daily, np.array([float(today)])).tolist() == [expected]


def test_a_figure_that_is_no_level_is_judged_alone() -> None:
    """People since the period began, on its first day, after a month of people who came to 90 %."""
    assert verdict(gauge(9, used=1.0, comparable=False)) is None
    reached = found(gauge(3, used=9.0, comparable=False))
    assert reached is not None
    assert reached.level is not None
    assert (reached.level.tolist(), reached.evidence["steady_ratio"].tolist()) == ([90.0], [0.9])


def test_evidence_and_strength() -> None:
    one = found(gauge(9))
    assert one is not None
    assert {name: values.tolist() for name, values in one.evidence.items()} == {
        "period_start": [None],
        "used": [9.0],
        "limit": [10.0],
        "ratio": [0.9],
        "steady_ratio": [0.9],
        "seats_left": [1.0],
    }
    assert one.strength.tolist() == pytest.approx([0.75])


def test_a_quota_tells_when_its_period_began() -> None:
    one = found(quota(used=90_000, count=2, elapsed=np.array([10, 0])))
    assert one is not None
    assert one.evidence["period_start"].tolist() == [date(2026, 11, 12), date(2026, 11, 22)]


def test_a_closed_gate_is_silent() -> None:
    assert found(quota(used=90_000, age_hours=50.0)) is None
