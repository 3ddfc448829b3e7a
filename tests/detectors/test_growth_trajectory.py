"""Growth trajectory: on its way over the limit, a level on two days running, and no burst."""

from typing import Any

import numpy as np
import pytest

from detectors import scan
from detectors.base import Findings, Rules, Usage
from detectors.forecast import expect
from detectors.growth_trajectory import KIND, a_day_earlier, certain, fresh_burst
from tests.detectors.snapshots import DAYS, gauge, quota, snapshot

DAY = np.arange(DAYS)
GROWING = 1000 * 1.1 ** ((DAY - DAYS) / 7)  # ten in a hundred a week, to 1,000 a day
NOISE = 1 + 0.1 * np.random.default_rng(0).standard_normal(DAYS)


def found(usage: Usage, rules: Rules | None = None) -> Findings | None:
    findings = scan(snapshot(usage, count=len(usage.used)), rules or Rules()).findings
    return next((one for one in findings if one.kind == KIND), None)


def fires(usage: Usage) -> bool:
    one = found(usage)
    return one is not None and bool(one.fires[0])


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (quota(GROWING * NOISE, limit=28_000.0), True),
        (quota(GROWING * NOISE, limit=60_000.0), False),
        (quota(GROWING * NOISE, limit=28_000.0, observed_days=34), False),
        (quota(GROWING * NOISE, limit=28_000.0, observed_days=35), True),
        (quota(GROWING * NOISE, limit=28_000.0, age_hours=49.0), False),
        (quota(GROWING * NOISE, limit=28_000.0, used=28_000.0), False),  # passed already
        (quota(1000 * NOISE, limit=35_000.0), False),
        (gauge(100 + 0.5 * DAY, limit=147.0, metric="storage_gb"), True),
        (gauge(100 + 0.5 * DAY, limit=300.0, metric="storage_gb"), False),
        (gauge(np.full(DAYS, 99.0), limit=110.0, metric="storage_gb"), False),  # a plateau under the limit
    ],
)
def test_firing(usage: Usage, expected: bool) -> None:
    assert fires(usage) == expected


def test_evidence() -> None:
    one = found(quota(GROWING, limit=28_000.0))
    assert one is not None
    evidence = {name: values.tolist()[0] for name, values in one.evidence.items()}
    assert evidence["growth_per_week"] == pytest.approx(0.1, abs=0.01)
    assert 1 <= evidence["earliest"] <= evidence["day"] <= evidence["latest"] <= 20
    assert evidence["probability"] == one.strength[0] >= 0.8
    assert not evidence["accelerating"]


def test_accelerating() -> None:
    bent = np.where(DAY < DAYS - 28, 1000.0, 1000 * 1.2 ** ((DAY - DAYS + 28) / 7))
    one = found(quota(bent, limit=50_000.0))
    assert one is not None
    assert one.evidence["accelerating"].tolist() == [True]


def test_it_lets_go_at_a_lower_threshold_than_it_fires() -> None:
    """Thresholds around the very same probability: on the line it fires, up to .2 above it holds."""
    usage = quota(GROWING * NOISE, limit=30_500.0)
    probability = float(scan(snapshot(usage), Rules()).forecasts["api_calls"].probability[0])
    assert 0.2 < probability < 0.8

    held = found(usage, Rules(growth_probability=probability + 0.2))
    gone = found(usage, Rules(growth_probability=probability + 0.2001))

    assert held is not None
    assert held.fires.tolist() == [False]
    assert gone is None


def test_a_level_that_swings_around_its_limit_holds() -> None:
    storage: dict[str, Any] = {"limit": 147.0, "metric": "storage_gb"}
    assert not fires(gauge(100 + 0.5 * DAY, used=147.0, **storage))
    assert found(gauge(100 + 0.5 * DAY, used=147.0, **storage)) is not None
    assert found(gauge(100 + 0.5 * DAY, used=155.0, **storage)) is None


def burst(days: int, times: float) -> Any:
    daily = 1000 * NOISE
    daily[-days:] *= times
    return daily


def test_of_a_level_one_likely_day_is_not_enough() -> None:
    first, second = (gauge(100 + 0.5 * DAY, limit=limit, metric="storage_gb") for limit in (158.5, 157.5))
    assert expect(first).probability[0] > 0.8 > expect(a_day_earlier(first)).probability[0]
    assert not fires(first)
    assert expect(a_day_earlier(second)).probability[0] > 0.8
    assert fires(second)


def test_what_a_quota_has_used_on_one_wild_day_stays_used() -> None:
    """Ten usual days, four times as much on one more, and twenty to come."""
    assert fires(quota(burst(1, 5), limit=31_000.0))
    assert not fires(quota(burst(1, 5), limit=38_000.0))


def test_a_burst_waits_until_it_is_a_week_old() -> None:
    assert fresh_burst(np.stack([burst(4, 10), burst(6, 10), burst(7, 10), burst(6, 2), burst(3, 10)])).tolist() == [
        True,
        True,
        False,
        False,
        False,
    ]
    young, old = quota(burst(6, 10), limit=88_000.0), quota(burst(8, 10), limit=100_000.0)
    assert expect(young).probability[0] >= 0.8
    assert not fires(young)
    assert fires(old)


def test_a_quota_that_passes_even_at_the_old_pace_does_not_wait() -> None:
    sure = quota(burst(6, 10), limit=80_000.0)
    assert certain(sure).tolist() == [True]
    assert fires(sure)
    assert not certain(gauge(5)).any()


def test_the_day_before() -> None:
    before = a_day_earlier(gauge(np.arange(1.0, DAYS + 1), used=95.0))
    assert (before.daily.shape[1], before.used.tolist()) == (DAYS - 1, [90.0])
