"""The columns that detectors read: figures of the period, limits, ages, periods, from stored days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from bot.config import AccountTable, Config, Metric, Plan, Slack
from bot.evaluation.snapshot import Moment, Stream, snapshot
from bot.model import Account
from bot.posthog.reading import REJECTIONS, Sighting

TODAY = date(2026, 11, 21)
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAYS = 120


def config(**metrics: Metric) -> Config:
    plans = {"starter": Plan(price=Decimal(99), limits={"api_calls": 1000, "seats": 10})}
    return Config(
        account=AccountTable(group_type="company", plan="plan"),
        metrics=metrics or {"api_calls": Metric(label="API calls", measure="count", event=("api_request",))},
        plans=plans,
        slack=Slack(channel="C0SALES"),
    )


def stream(values: np.ndarray, last_event: datetime | None = AT) -> Stream:
    last = np.full(len(values), np.nan if last_event is None else last_event.timestamp())
    return Stream(values.astype(np.float64), last)


def moment(**changes: object) -> Moment:
    return replace(Moment(AT, TODAY, {}, {}, {}, (), (), ()), **changes)  # type: ignore[arg-type]  # by name, for brevity


def test_usage_of_a_period_counts_from_each_accounts_own_anchor() -> None:
    days = np.tile(np.arange(DAYS), (3, 1))  # the value of a day is its index; today is 119
    accounts = [Account("a", "A", anchor=anchor) for anchor in ("21", "20", None)]

    usage = snapshot(config(), accounts, {"api_calls": stream(days)}, moment()).usages["api_calls"]

    assert usage.kind == "quota"
    assert usage.used.tolist() == [119, 118 + 119, sum(range(99, 120))]
    assert usage.elapsed.tolist() == [0, 1, 20]
    assert usage.period_days.tolist() == [30, 30, 30]
    assert usage.next_period_days.tolist() == [31, 31, 31]
    october = sum(range(99 - 31, 99))
    september = sum(range(99 - 31 - 30, 99 - 31))
    assert usage.previous_periods[2].tolist() == [october, september]


def test_periods_that_were_not_read_whole_are_unknown() -> None:
    days = np.ones((1, DAYS))
    days[0, 60] = np.nan

    usage = snapshot(config(), [Account("a", "A")], {"api_calls": stream(days)}, moment()).usages["api_calls"]

    assert usage.previous_periods[0, 0] == 31
    assert np.isnan(usage.previous_periods[0, 1])


def test_what_lies_before_the_first_sign_of_life_is_unknown() -> None:
    days = np.zeros((2, DAYS))
    days[0, 100:] = 5

    made = snapshot(config(), [Account("a", "A"), Account("b", "B")], {"api_calls": stream(days)}, moment())
    usage = made.usages["api_calls"]

    assert usage.daily.shape == (2, 90)
    assert usage.observed_days.tolist() == [19, 0]
    assert np.isfinite(usage.daily[0]).sum() == 19
    assert not np.isfinite(usage.daily[1]).any()


@pytest.mark.parametrize(
    ("own", "plan", "limit", "unlimited", "bad"),
    [
        (None, "starter", 1000, False, False),
        ("5000", "starter", 5000, False, False),
        ("5e3", None, 5000, False, False),
        ("", "starter", 1000, False, False),
        (None, "legacy", np.nan, False, False),
        ("0", "starter", 0, False, True),
        ("-1", "starter", -1, False, True),
        ("unlimited", "starter", np.nan, False, True),
        ("nan", "starter", np.nan, False, True),
    ],
)
def test_the_accounts_own_limit_before_the_plans(
    own: str | None, plan: str | None, limit: float, unlimited: bool, bad: bool
) -> None:
    account = Account("a", "A", plan=plan, limits={} if own is None else {"api_calls": own})

    usage = snapshot(config(), [account], {"api_calls": stream(np.ones((1, DAYS)))}, moment()).usages["api_calls"]

    np.testing.assert_equal(usage.limit, [limit])
    assert (usage.unlimited.tolist(), usage.bad_limit.tolist()) == ([unlimited], [bad])


def test_a_plan_that_does_not_name_a_metric_does_not_limit_it() -> None:
    storage = config(data_gb=Metric(label="Data", measure="sum", event=("data",), property="gb"))

    usage = snapshot(storage, [Account("a", "A", plan="starter")], {"data_gb": stream(np.ones((1, DAYS)))}, moment())

    assert usage.usages["data_gb"].unlimited.tolist() == [True]


def test_a_level_is_its_last_known_value_and_as_old_as_the_account() -> None:
    both = config(
        api_calls=Metric(label="API calls", measure="count", event=("api_request",)),
        storage=Metric(label="Storage", measure="level", group_property="storage_gb", window="current"),
    )
    levels = np.full((2, DAYS), np.nan)
    levels[0, -1] = 42
    streams = {"api_calls": stream(np.ones((2, DAYS))), "storage": stream(levels, None)}

    usage = snapshot(both, [Account("a", "A"), Account("b", "B")], streams, moment()).usages["storage"]

    np.testing.assert_equal(usage.used, [42, np.nan])
    np.testing.assert_equal(usage.age_hours, [0, np.nan])
    assert usage.observed_days.tolist() == [90, 90]
    assert usage.kind == "gauge"


def test_people_and_trailing_windows_are_taken_as_posthog_counted_them() -> None:
    people = config(seats=Metric(label="Seats", measure="people", event=("api_request",), window="trailing_30d"))
    now = moment(windows={"seats": {"a": 9.0}}, active_people={"a": 11.0})

    made = snapshot(people, [Account("a", "A", plan="starter")], {"seats": stream(np.full((1, DAYS), 8.0))}, now)

    assert made.usages["seats"].used.tolist() == [9]
    assert made.usages["seats"].people
    assert made.active_people.tolist() == [11]


def test_a_trailing_sum_is_a_level_of_thirty_days() -> None:
    trailing = config(
        api_calls=Metric(label="API calls", measure="count", event=("api_request",), window="trailing_30d")
    )

    usage = snapshot(trailing, [Account("a", "A")], {"api_calls": stream(np.full((1, DAYS), 2.0))}, moment())

    assert usage.usages["api_calls"].kind == "gauge"
    assert set(usage.usages["api_calls"].daily[0].tolist()) == {60.0}


def test_sightings_and_rejections_find_their_rows() -> None:
    seen = (Sighting("b", "sso", "p1", "s1", TODAY - timedelta(days=3)), Sighting("gone", "sso", "p2", "s2", TODAY))
    hits = np.zeros((2, DAYS))
    hits[1, -1] = 7
    streams = {"api_calls": stream(np.ones((2, DAYS))), REJECTIONS: stream(hits)}

    made = snapshot(config(), [Account("a", "A"), Account("b", "B")], streams, moment(lockouts=seen))

    assert made.lockouts.account.tolist() == [1]
    assert made.lockouts.days_ago.tolist() == [3]
    assert made.rejections.shape == (2, 91)
    assert made.rejections[:, -1].tolist() == [0, 7]
    assert made.requests[0, -1] == 1


def test_no_accounts_at_all() -> None:
    empty = snapshot(config(), [], {"api_calls": stream(np.ones((0, DAYS)))}, moment())

    assert empty.usages["api_calls"].used.shape == (0,)
    assert empty.rejections.shape == (0, 91)
