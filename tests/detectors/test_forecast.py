"""The forecast: sane on plain stories, monotone in the limit, never NaN where a number is promised."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Forecast, Usage
from detectors.forecast import expect, gauge, likelihood, predict, this_period
from detectors.forecast.history import DAYS, read, weeks
from detectors.forecast.normal import cumulative, from_log_odds, log_odds
from detectors.forecast.weights import GAUGE, QUOTA
from tests.detectors import snapshots
from tests.detectors.snapshots import quota

DAY = np.arange(DAYS)
WEEKDAYS = np.where(DAY % 7 < 5, 1.3, 0.25)


def storage(daily: Any, count: int = 1, **given: Any) -> Usage:
    return snapshots.gauge(daily, count, metric="storage_gb", **given)


def one(forecast: Forecast) -> tuple[float, float]:
    return float(forecast.probability[0]), float(forecast.day[0])


@pytest.mark.parametrize(
    ("usage", "least", "most"),
    [
        (quota(1000.0, limit=25_000.0), 0.95, 1.0),  # 10,000 on day 11, 30,000 on the last
        (quota(1000.0, limit=33_000.0), 0.0, 0.05),
        (quota(1000 * WEEKDAYS, limit=25_000.0), 0.95, 1.0),
        (quota(1000 * WEEKDAYS, limit=35_000.0), 0.0, 0.05),
        (quota(1000 * 1.1 ** ((DAY - DAYS) / 7), limit=28_000.0), 0.8, 1.0),
        (quota(1000.0, limit=25_000.0, elapsed=0, used=0.0), 0.9, 1.0),  # the first day of the period
        (quota(1000.0, limit=31_000.0, elapsed=29, used=29_500.0), 0.0, 0.1),  # the last day
        (quota(1000.0, limit=10_500.0, elapsed=10, used=10_400.0), 0.9, 1.0),
        (quota(0.0, limit=100.0), 0.0, 0.05),
        (storage(100 + 0.5 * DAY, limit=150.0), 0.85, 1.0),
        (storage(100 + 0.5 * DAY, limit=170.0), 0.0, 0.05),
        (storage(99.0, limit=100.0), 0.0, 0.05),  # a plateau just under the limit
    ],
)
def test_plain_stories(usage: Usage, least: float, most: float) -> None:
    assert least <= one(expect(usage))[0] <= most


def test_the_day_of_steady_usage() -> None:
    """1,000 a day from 10,000: the fifteenth thousand comes on the fifth day, today being the first."""
    forecast = expect(quota(1000.0, limit=15_000.0))
    assert one(forecast)[1] == pytest.approx(5, abs=1)
    assert forecast.projected[0] == pytest.approx(30_000, rel=0.03)
    assert forecast.projected_next[0] == pytest.approx(30_000, rel=0.03)


def test_a_level_in_thirty_days() -> None:
    forecast = expect(storage(100 + 0.5 * DAY, limit=150.0))
    assert forecast.projected[0] == pytest.approx(159.5, rel=0.01)
    assert forecast.projected_next[0] == forecast.projected[0]


def test_a_level_at_or_over_its_limit_is_certain_today() -> None:
    assert one(expect(storage(99.0, used=100.0, limit=100.0))) == (1.0, 1.0)
    assert one(expect(quota(used=100_000.0))) == (1.0, 1.0)


def test_today_counts_as_far_as_it_is_more_than_expected() -> None:
    calm, busy = quota(1000.0, limit=32_000.0, used=10_900.0), quota(1000.0, limit=32_000.0, used=16_000.0)
    assert one(expect(calm)) == one(expect(quota(1000.0, limit=32_000.0)))
    assert one(expect(busy))[0] > 0.9


@pytest.mark.parametrize(("days", "enough"), [(34, False), (35, True)])
def test_enough_history(days: int, enough: bool) -> None:
    forecast = expect(quota(1000.0, limit=15_000.0, observed_days=days))
    assert bool(forecast.enough[0]) == enough
    assert (forecast.probability[0] > 0) == enough
    assert np.isfinite(forecast.day[0]) == enough
    assert forecast.projected[0] > 0


def test_no_limit_no_probability() -> None:
    forecast = expect(quota(1000.0, count=3, limit=[np.nan, 0.0, -1.0]))
    assert forecast.probability.tolist() == [0.0, 0.0, 0.0]
    assert not forecast.enough.any()
    assert forecast.projected == pytest.approx([30_000] * 3, rel=0.03)


def test_the_period_so_far_ends_yesterday() -> None:
    window = this_period(quota(DAY + 1.0, elapsed=3, used=300.0, period_days=31))
    assert (window.done.tolist(), window.length.tolist()) == ([88.0 + 89 + 90], [28])
    long = this_period(quota(1.0, elapsed=200, used=250.0, period_days=365))
    assert (long.done.tolist(), long.length.tolist()) == ([250.0], [165])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["quota", "gauge"]))
def test_a_higher_limit_is_never_likelier_to_be_passed(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    daily = 1000 * np.exp(np.cumsum(rng.normal(0.002, 0.05, DAYS))) * np.exp(rng.normal(0, rng.uniform(0, 0.4), DAYS))
    limits = np.linspace(0.3, 3, 25) * (daily[-1] if kind == "gauge" else daily[-30:].sum())
    make = storage if kind == "gauge" else quota
    probability = expect(make(daily, 25, limit=limits, used=0.2 * limits[0])).probability
    assert (np.diff(probability) <= 1e-9).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["quota", "gauge"]))
def test_the_probability_alone_is_that_of_the_whole_forecast(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    daily = rng.lognormal(3, rng.uniform(0, 1.5), (20, DAYS)) * np.exp(rng.normal(0, 0.02, (20, 1)) * DAY)
    daily[rng.random(daily.shape) < rng.choice([0, 0.3])] = np.nan
    columns: dict[str, Any] = {
        "used": rng.choice([np.nan, 0.0, 30.0, 900.0], 20),
        "observed_days": rng.integers(30, 91, 20),
    }
    columns |= {"limit": rng.choice([np.nan, 0.0, 40.0, 900.0], 20), "elapsed": rng.integers(0, 30, 20)}
    usage = storage(daily, 20, **columns) if kind == "gauge" else quota(daily, 20, **columns)
    assert (likelihood(usage) == expect(usage).probability).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 10.0, 1e6]))
def test_units_do_not_matter(seed: int, scale: float) -> None:
    """Megabytes or gigabytes: the same probability, within the small constants that keep logarithms finite."""
    daily = np.exp(np.random.default_rng(seed).normal(5, 0.5, DAYS))
    plain = expect(quota(daily, limit=30 * daily.mean()))
    scaled = expect(quota(daily * scale, limit=30 * daily.mean() * scale))
    assert scaled.probability == pytest.approx(plain.probability, abs=1e-4)
    assert scaled.projected == pytest.approx(plain.projected * scale, rel=1e-4)


@pytest.mark.parametrize("kind", ["gauge", "cumulative"])
def test_the_benchmarks_way_of_asking(kind: str) -> None:
    rng = np.random.default_rng(0)
    info = {"horizon": 30, "period_len": 30, "period_pos": np.arange(1, 31), "consumed": np.arange(30) * 900.0}
    probability, days = predict(
        rng.uniform(500, 1500, (30, 90)), np.full(30, 1200.0 if kind == "gauge" else 25e3), kind, info
    )
    assert ((probability >= 0) & (probability <= 1)).all()
    assert ((np.isnan(days)) | ((days >= 1) & (days <= 30))).all()


def test_the_next_period_counts_in_the_benchmark() -> None:
    """On the last day of a period all of the next 29 days belong to the next one."""
    info = {"horizon": 30, "period_len": 30, "period_pos": np.array([29]), "consumed": np.array([0.0])}
    assert predict(np.full((1, 90), 1000.0), np.array([20e3]), "cumulative", info)[0][0] > 0.9


def test_gaps_of_an_amount_and_of_a_level() -> None:
    daily = np.full((1, 5), np.nan)
    daily[0, [1, 3]] = 2.0, 4.0
    amount, level = read(daily, "quota"), read(daily, "gauge")
    assert amount.days[0, -5:].tolist() == [3, 2, 3, 4, 3]
    assert level.days[0, -5:].tolist() == [2, 2, 2, 4, 4]
    assert (amount.first.tolist(), read(np.full((1, 90), np.nan), "gauge").first.tolist()) == ([86], [90])


def test_the_rhythm_of_a_week() -> None:
    profile = weeks(read(1000 * WEEKDAYS[None, :], "quota")).profile[0]
    assert profile[DAY[-7:] % 7 >= 5] == pytest.approx(0.4, abs=0.02)  # shrunk toward 1 by two weeks
    assert profile.mean() == pytest.approx(1.0)


def test_a_line_is_trusted_and_a_jump_is_not() -> None:
    line, jump = 1.1 ** (DAY / 7), np.where(DAY < DAYS - 7, 1.0, 3.0)
    trust = weeks(read(np.stack([line, jump]), "quota")).trust
    assert trust[0] > 0.95
    assert trust[1] < 0.2


def test_the_median_of_seven() -> None:
    """A network of exchanges that works for all orders of noughts and ones works for all numbers."""
    orders = np.array(sorted({order for ones in range(8) for order in permutations([0.0] * (7 - ones) + [1.0] * ones)}))
    assert len(orders) == 128
    assert (gauge.rolling_median(orders)[:, 0] == np.median(orders, axis=1)).all()


@pytest.mark.parametrize("width", [1, 2, 7, 30])
def test_the_highest_of_days_in_a_row(width: int) -> None:
    days = np.random.default_rng(width).random((3, 84))
    expected = [days[:, start : start + width].max(1) for start in range(84 - width + 1)]
    assert (gauge.rolling_maximum(days, width) == np.stack(expected, 1)).all()


def test_the_normal_distribution() -> None:
    known = {-1.959964: 0.025, 0.0: 0.5, 1.0: 0.8413447, 3.0: 0.9986501, 1e9: 1.0, -1e9: 0.0}
    assert cumulative(np.array(list(known))) == pytest.approx(list(known.values()), abs=1e-7)
    assert from_log_odds(log_odds(np.array([0.1, 0.9]))) == pytest.approx([0.1, 0.9])


def test_the_weights_are_of_the_evidence_at_hand() -> None:
    past = read(np.ones((1, 90)), "gauge")
    assert set(gauge.features(past, gauge.movement(past), np.ones(1), 30)) | {"even"} == set(GAUGE)
    assert QUOTA["trend"] > 0
