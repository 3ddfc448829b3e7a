"""The score: its points add up, nothing counts twice, more evidence never lowers it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.score import contributions, score
from bot.model import Signal

KINDS = {
    "growth_trajectory": 2.2,
    "overage_pattern": 2.0,
    "feature_lockout": 1.3,
    "approaching_limit": 1.2,
    "billing_page_visits": 0.7,
}


def signal(kind: str, strength: float, metric: str | None = "api_calls") -> Signal:
    return Signal(kind=kind, metric=metric, strength=strength, weight=KINDS[kind])


signals = st.lists(
    st.builds(signal, st.sampled_from(sorted(KINDS)), st.floats(0, 1), st.sampled_from(["api_calls", "seats", None])),
    max_size=8,
)


@given(signals)
def test_points_add_up_to_the_score(found: list[Signal]) -> None:
    value, points = score(found)

    assert 0 <= value <= 100
    assert sum(Decimal(str(part)) for part in points.values()) == value
    assert all(part >= 0 for part in points.values())


def test_growth_and_approaching_on_one_metric_count_once() -> None:
    growth, near = signal("growth_trajectory", 0.9), signal("approaching_limit", 0.8)

    together = contributions([growth, near])

    assert together["growth_trajectory"] == pytest.approx(2.2 * 0.9)
    assert together["approaching_limit"] == pytest.approx(0.3 * 1.2 * 0.8)
    elsewhere = contributions([growth, signal("approaching_limit", 0.8, "seats")])
    assert elsewhere["approaching_limit"] == pytest.approx(1.2 * 0.8)


def test_overage_hides_approaching_on_the_same_metric() -> None:
    parts = contributions([signal("overage_pattern", 1.0), signal("approaching_limit", 1.0)])

    assert parts == {"overage_pattern": 2.0, "approaching_limit": 0.0}


def test_what_overage_hides_takes_nothing_from_growth() -> None:
    near, growth = replace(signal("approaching_limit", 1.0), ratio=1.01), signal("growth_trajectory", 0.9)
    parts = contributions([signal("overage_pattern", 0.5), near, growth])

    assert parts == {"overage_pattern": 1.0, "approaching_limit": 0.0, "growth_trajectory": pytest.approx(2.2 * 0.9)}


def test_a_limit_that_is_passed_outweighs_one_that_will_be() -> None:
    over = replace(signal("approaching_limit", 1.0), ratio=1.1)

    assert score([over])[0] > score([signal("growth_trajectory", 1.0)])[0]
    assert score([over, replace(signal("overage_pattern", 0.3), ratio=1.1)])[0] == score([over])[0]


def test_no_signal_no_points() -> None:
    assert score([]) == (8, {"base": 8.0})


def test_several_metrics_of_a_kind_count_as_the_strongest() -> None:
    assert contributions([signal("overage_pattern", 0.4), signal("overage_pattern", 0.9, "seats")]) == {
        "overage_pattern": pytest.approx(1.8)
    }
