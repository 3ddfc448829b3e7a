"""Faults of tracking and of limits: found where they are, and never where there is only life."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from detectors.base import Floats
from detectors.gates import REASONS, gate, healthy
from detectors.health import Days, absurd_limit, follows, lives, shift, sudden_zero, vanished
from tests.detectors.snapshots import gauge, quota

WORKDAYS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)  # Monday first
EVERY_DAY = (1.0, 1.05, 1.05, 1.0, 0.9, 0.35, 0.3)
WIDTH = 120
NAN = np.nan


def fleet(count: int = 30, weekday: int = 2, profile: tuple[float, ...] = EVERY_DAY, noise: float = 0.15) -> Floats:
    """[n, days + 1] accounts of all sizes, each with its own trend; today falls on the weekday (0: Monday)."""
    random = np.random.default_rng(7)
    days = np.arange(WIDTH + 1) - WIDTH
    rhythm = np.array(profile)[(days + weekday) % 7]
    size = np.exp(random.uniform(3, 9, (count, 1)))
    trend = np.exp(random.normal(0, 0.003, (count, 1)) * days)
    return np.asarray(np.rint(size * trend * rhythm * np.clip(random.normal(1, noise, (count, WIDTH + 1)), 0.3, 2)))


def days(values: Floats, hours: float = 15.0) -> Days:
    return Days(values[:, :-1], values[:, -1], hours)


def told(values: Floats, hours: float = 15.0) -> tuple[str, int] | None:
    found = shift(days(values, hours))
    return (found.direction, found.days_ago) if found else None


def changed(values: Floats, by: float, first: int, last: int = 0, of: float = 1.0) -> Floats:
    """These days (counted back from today) times so much, for this part of the accounts."""
    after, count = values.copy(), round(of * len(values))
    after[:count, WIDTH - first : WIDTH - last + 1] *= by
    return after


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("profile", [EVERY_DAY, WORKDAYS])
def test_the_rhythm_of_weeks_is_no_fault(weekday: int, profile: tuple[float, ...]) -> None:
    usual = days(fleet(weekday=weekday, profile=profile))
    assert (shift(usual), vanished(usual)) == (None, None)


@pytest.mark.parametrize("ago", range(8))
@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_events_counted_twice_for_everybody_are_a_shift(ago: int, noise: float) -> None:
    found = shift(days(changed(fleet(noise=noise), 2.0, ago)))
    assert found is not None
    assert (found.direction, found.days_ago, found.judged) == ("rise", ago, 30)
    assert found.accounts >= 23


@pytest.mark.parametrize("weekday", range(7))
def test_a_shift_goes_on_over_the_weekend_and_ends_with_its_week(weekday: int) -> None:
    """It began on a Wednesday; on every later day of the week it is still the same one."""
    for profile in (EVERY_DAY, WORKDAYS):
        ago = (weekday - 2) % 7 or 7
        began = changed(fleet(weekday=weekday, profile=profile), 2.0, ago)
        assert told(began) == ("rise", ago), (profile, ago)
    assert told(changed(fleet(weekday=weekday), 3.0, 8)) is None, "what lasts for a week is the new normal"


def test_a_shift_is_over_when_figures_are_back() -> None:
    assert told(changed(fleet(), 3.0, 4, 3)) is None
    assert told(changed(fleet(), 0.2, 4, 3)) is None


def test_lost_events_that_come_again_today_are_over() -> None:
    back = changed(fleet(), 0.1, 3, 1)
    back[:, -1] *= 0.6
    assert told(back, hours=15) is None
    back[:, -1] *= 0.5
    assert told(back, hours=15) == ("fall", 3)


@pytest.mark.parametrize(("ago", "hours", "expected"), [(1, 15, 1), (1, 3, None), (3, 3, 3), (3, 15, 3)])
def test_events_lost_for_everybody_are_a_shift(ago: int, hours: float, expected: int | None) -> None:
    """At night, what belongs to yesterday may still be under way."""
    lost = changed(fleet(), 0.1, ago)
    lost[:, -1] *= hours / 24
    found = told(lost, hours)
    assert found == (expected and ("fall", expected))


def test_a_day_like_a_sunday_is_a_holiday() -> None:
    assert told(changed(fleet(weekday=3), 0.3, 1, 1)) is None
    assert told(changed(fleet(weekday=3, profile=WORKDAYS), 0.0, 1, 1)) is None


def test_today_is_not_over() -> None:
    assert told(changed(fleet(), 0.0, 0)) is None
    assert told(changed(fleet(), 4.0, 0)) == ("rise", 0)


def test_what_some_do_is_no_fault_of_all() -> None:
    assert told(changed(fleet(), 3.0, 2, of=0.65)) is None
    assert told(changed(fleet(), 0.05, 2, of=0.7)) is None
    assert told(changed(fleet(), 3.0, 2, of=0.8)) == ("rise", 2)


def test_a_small_fleet_is_not_judged() -> None:
    assert told(changed(fleet(9), 3.0, 2)) is None
    assert told(changed(fleet(9), 0.05, 2)) is None
    assert vanished(days(changed(fleet(9), 0.0, 3))) is None
    assert told(changed(fleet(10), 3.0, 2)) == ("rise", 2)
    assert vanished(days(changed(fleet(10), 0.0, 3))) == 3


@pytest.mark.parametrize("month", range(1, 13))
def test_jobs_of_the_first_of_the_month_are_no_fault(month: int) -> None:
    for ago in range(8):
        today = date(2026, month, 1) + timedelta(days=ago)
        usual = fleet(weekday=today.weekday())
        for back in range(WIDTH + 1):
            if (today - timedelta(days=back)).day == 1:
                usual[:, WIDTH - back] *= 3
        assert told(usual) is None, today


def test_new_customers_are_no_shift() -> None:
    """A hundred accounts that all began three days ago, beside the ten that there were."""
    begun = fleet(110)
    begun[10:, : WIDTH - 3] = 0
    assert told(begun) is None
    begun[10:, : WIDTH - 3] = NAN
    assert told(begun) is None


def test_a_young_deployment_says_nothing() -> None:
    young = fleet()
    young[:, : WIDTH - 50] = NAN
    assert told(changed(young, 3.0, 2)) is None
    assert told(changed(young, 0.1, 3)) == ("fall", 3), "a month is enough for a least"
    assert shift(Days(young[:, -31:-1], young[:, -1], 15.0)) is None
    assert vanished(Days(np.zeros((30, 0)), young[:, -1], 15.0)) is None


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("profile", [EVERY_DAY, WORKDAYS])
def test_a_metric_that_nobody_has_any_more(weekday: int, profile: tuple[float, ...]) -> None:
    for ago in (3, 10, 20):
        gone = changed(fleet(weekday=weekday, profile=profile), 0.0, ago)
        quiet_before = profile[(weekday - ago - 1) % 7] == 0  # the weekend before it belongs to the silence
        assert vanished(days(gone)) in ((ago, ago + 1, ago + 2) if quiet_before else (ago,))


def test_a_metric_has_not_vanished_at_night_nor_while_somebody_has_it() -> None:
    gone = changed(fleet(), 0.0, 1)
    assert vanished(days(gone)) == 1
    assert vanished(days(gone, hours=11)) is None
    gone[0, -1] = 1
    assert vanished(days(gone)) == 1, "a test account goes on"
    gone[:2, -1] = 1
    assert vanished(days(gone)) is None


def test_a_weekly_job_and_a_metric_that_never_was_have_not_vanished() -> None:
    weekly = np.zeros((30, WIDTH + 1))
    weekly[:, 3::7] = 50
    for end in range(-7, 0):
        assert vanished(days(weekly[:, :end])) is None
    assert vanished(days(np.zeros((30, WIDTH + 1)))) is None
    assert vanished(days(np.full((30, WIDTH + 1), NAN))) is None


def test_a_level_that_no_account_carries_any_more() -> None:
    levels = np.full((30, WIDTH + 1), NAN)
    levels[:, 60:-2] = 40.0
    assert vanished(days(levels)) == 1


@pytest.mark.parametrize(("ago", "expected"), [(0, False), (1, True), (3, True), (7, True), (8, False)])
def test_what_was_there_every_day_and_is_nothing_now(ago: int, expected: bool) -> None:
    values = changed(fleet(), 0.0, ago)
    assert len(sudden_zero(days(values), counted=True)) == (30 if expected else 0)
    if expected:
        values[:, -1] = 1
        assert not len(sudden_zero(days(values), counted=True)), "today something came"


def test_a_quiet_sunday_and_a_few_events_are_no_sudden_zero() -> None:
    assert not len(sudden_zero(days(fleet(weekday=0, profile=WORKDAYS)), counted=True))
    few = np.full((3, WIDTH + 1), 4.0)
    few[:, -2:] = 0
    assert not len(sudden_zero(days(few), counted=True))
    assert sudden_zero(days(few), counted=False).tolist() == [0, 1, 2]


def plans(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


def test_a_limit_that_is_far_exceeded_for_weeks_cannot_be_meant() -> None:
    usage = quota(1000.0, count=3, limit=np.array([500.0, 700.0, NAN]))  # a period of 30 days has 30,000
    assert absurd_limit(usage, plans(-1, -1, -1)).tolist() == [True, False, False]
    lately = np.full(90, 1.0)
    lately[-19:] = 1000
    assert not absurd_limit(quota(lately, limit=500.0), plans(-1)).any()
    assert absurd_limit(gauge(600.0, limit=10.0), plans(-1)).all()
    assert not absurd_limit(gauge(400.0, limit=10.0), plans(-1)).any()


def test_a_limit_that_is_a_tiny_part_of_its_plans_cannot_be_meant() -> None:
    limits = np.array([90.0, 89.0, 100_000.0, 100_000.0, 120_000.0, 80_000.0, 5.0])
    usage = quota(1.0, count=7, limit=limits)
    assert absurd_limit(usage, plans(0, 0, 0, 0, 0, 0, 1)).tolist() == [False, True, *[False] * 5]
    assert not absurd_limit(usage, plans(0, 0, 0, 1, 1, 1, 2)).any(), "too few mates to say what is usual"
    assert not absurd_limit(usage, plans(*[-1] * 7)).any()


def keyed(old_until: int, new_from: int, old: tuple[float, ...] = EVERY_DAY) -> Floats:
    """Two accounts: one until so many days ago, one from so many days ago on."""
    values = fleet(2, profile=old)
    values[1] = fleet(2)[1]
    values[0, WIDTH - old_until + 1 :] = 0
    values[1, : WIDTH - new_from] = 0
    return values


@pytest.mark.parametrize(
    ("old_until", "new_from", "expected"),
    [
        (5, 5, True),
        (5, 4, True),
        (5, 8, True),
        (8, 1, True),
        (5, 9, False),
        (12, 4, False),
        (3, 3, False),
        (5, 40, False),
    ],
)
def test_one_key_falls_silent_as_another_begins(old_until: int, new_from: int, expected: bool) -> None:
    found = lives([days(keyed(old_until, new_from))])
    assert bool(found.ended[0] and found.began[1] and follows(found, 0, 1)) == expected


def test_a_weekend_ends_nothing_and_an_old_account_begins_nothing() -> None:
    weekend = fleet(2, weekday=0, profile=WORKDAYS)
    weekend[:, -1] = 0
    assert not lives([days(weekend)]).ended.any()
    assert not lives([days(fleet(2))]).began.any()
    other = fleet(2)
    assert not lives([days(keyed(5, 5)), days(other)]).ended.any(), "another metric goes on"


def test_a_doubt_closes_the_gate_after_what_is_wrong_with_the_account_itself() -> None:
    code = REASONS.index("fleet_shift")
    doubted = quota(count=3, doubt=np.array([code, code, 0], np.int8), limit=np.array([1e5, NAN, 1e5]))
    assert [REASONS[one] for one in gate(doubted)] == ["fleet_shift", "limit_unknown", ""]
    assert healthy(doubted).tolist() == [False, False, True]
    absurd = quota(doubt=np.array([REASONS.index("limit_absurd")], np.int8))
    assert REASONS[gate(absurd)[0]] == "limit_absurd"
    assert healthy(absurd).all(), "the usage itself can be believed"
