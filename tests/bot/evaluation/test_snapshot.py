"""The columns that detectors read: figures of the period, limits, ages, periods, from stored days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from bot.config import AccountTable, AllThresholds, Config, Metric, Plan, Slack, Window
from bot.evaluation.snapshot import Moment, Stream, snapshot
from bot.evaluation.terms import number
from bot.model import Account
from bot.posthog.reading import REJECTIONS, Sighting
from detectors import scan
from detectors.base import Rules, Usage
from detectors.gates import REASONS, gate

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


def test_levels_of_a_plan_or_a_metric_stand_in_the_row_of_each_account_that_has_them() -> None:
    own = {"plans": {"starter": {"approaching": (60.0, 90.0)}}, "metrics": {"seats": {"approaching": (70.0,)}}}
    both = {
        "api_calls": Metric(label="API calls", measure="count", event=("api_request",)),
        "seats": Metric(label="Seats", measure="people", event=("api_request",), window="trailing_30d"),
        "data": Metric(label="Data", measure="count", event=("data",)),
    }
    told = config(**both).model_copy(update={"thresholds": AllThresholds.model_validate(own)})
    accounts = [Account("a", "A", plan="starter"), Account("b", "B"), Account("c", "C", plan="legacy")]
    streams = {key: stream(np.ones((3, DAYS))) for key in both}

    usages = snapshot(told, accounts, streams, moment()).usages

    np.testing.assert_equal(usages["api_calls"].levels, [[60, 90], [np.nan] * 2, [np.nan] * 2])
    np.testing.assert_equal(usages["seats"].levels, [[60, 90], [70, np.inf], [70, np.inf]])
    assert snapshot(config(), accounts, streams, moment()).usages["api_calls"].levels is None


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


def people_of(window: Window, used: float, level: float) -> Usage:
    seats = config(seats=Metric(label="Seats", measure="people", event=("api_request",), window=window))
    accounts, streams = [Account("a", "A", plan="starter")], {"seats": stream(np.full((1, DAYS), level))}
    return snapshot(seats, accounts, streams, moment(windows={"seats": {"a": used}})).usages["seats"]


@pytest.mark.parametrize(
    ("window", "comparable"), [("trailing_30d", True), ("billing_period", False), ("month", False)]
)
def test_people_since_a_period_began_are_not_people_of_thirty_days(window: Window, comparable: bool) -> None:
    assert people_of(window, 1, 9).comparable == comparable


def test_the_first_day_of_a_period_is_not_judged_by_the_month_before() -> None:
    seats = config(seats=Metric(label="Seats", measure="people", event=("api_request",), window="billing_period"))
    accounts, streams = [Account("a", "A", plan="starter", anchor="21")], {"seats": stream(np.full((1, DAYS), 9.0))}

    found = scan(snapshot(seats, accounts, streams, moment(windows={"seats": {"a": 1.0}})), Rules()).findings

    assert "approaching_limit" not in {one.kind for one in found}


@pytest.mark.parametrize("window", ["billing_period", "trailing_30d"])
@pytest.mark.parametrize(("days_ago", "reason"), [(5, ""), (20, ""), (30, "stale_data")])
def test_a_weekly_job_may_be_silent_for_weeks(window: Window, days_ago: int, reason: str) -> None:
    """Whatever it is summed over: a trailing sum is above zero on every day."""
    both = config(
        api_calls=Metric(label="API calls", measure="count", event=("api_request",)),
        reports=Metric(label="Reports", measure="sum", event=("report",), property="pages", window=window),
    )
    weekly = np.zeros((1, DAYS))
    weekly[0, 3::7] = 500
    weekly[0, -days_ago:] = 0
    account = Account("a", "A", limits={"reports": "5000"})
    streams = {"api_calls": stream(np.ones((1, DAYS))), "reports": stream(weekly, AT - timedelta(days=days_ago))}

    usage = snapshot(both, [account], streams, moment(windows={"reports": {"a": 500.0}})).usages["reports"]

    assert REASONS[gate(usage)[0]] == reason


def test_the_usual_gap_is_of_days_with_events() -> None:
    levels = config(gb=Metric(label="Data", measure="level", event=("size",), property="gb", window="current"))
    days = np.full((2, DAYS), np.nan)
    days[:, -10::2] = [[5.0], [0.0]]  # a level of nothing is an event, too
    days[:, -90] = 1.0

    usage = snapshot(levels, [Account("a", "A"), Account("b", "B")], {"gb": stream(days)}, moment()).usages["gb"]

    assert usage.usual_gap_hours.tolist() == [pytest.approx(24 * 89 / 6)] * 2
    assert people_of("trailing_30d", 9, 9).usual_gap_hours.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1000", 1000),
        (" -12.5\n", -12.5),
        ("+.5", 0.5),
        ("5.", 5),
        ("1E+3", 1000),
        ("1_000", None),
        ("1,000", None),
        ("\u0661\u0662", None),
        ("0x10", None),
        ("1e999", None),
        ("inf", None),
        ("nan", None),
        (".", None),
        ("e5", None),
        ("", None),
    ],
)
def test_numbers_as_people_write_them(text: str, value: float | None) -> None:
    assert number(text) == value


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
