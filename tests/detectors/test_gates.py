"""Gates: the first reason that holds, and silence where there is nothing to judge."""

from typing import Any

import numpy as np
import pytest

from detectors.base import Usage
from detectors.gates import OPEN, REASONS, SILENT, gate, healthy
from tests.detectors.snapshots import gauge, quota

NAN, INF = np.nan, np.inf


def reason(usage: Usage) -> str | None:
    code = int(gate(usage)[0])
    return None if code == SILENT else REASONS[code]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ""),
        ({"unlimited": True}, None),
        ({"unlimited": True, "limit": NAN, "bad": True}, None),
        ({"age_hours": NAN}, None),
        ({"age_hours": NAN, "limit": NAN}, None),
        ({"limit": NAN}, "limit_unknown"),
        ({"limit": NAN, "bad_limit": True}, "limit_invalid"),
        ({"limit": 0.0}, "limit_invalid"),
        ({"limit": -5.0}, "limit_invalid"),
        ({"limit": INF}, "limit_invalid"),
        ({"limit": 0.0, "bad": True}, "limit_invalid"),
        ({"bad": True, "age_hours": 99.0}, "impossible_values"),
        ({"used": -1.0}, "impossible_values"),
        ({"used": NAN}, "impossible_values"),
        ({"age_hours": 48.0}, ""),
        ({"age_hours": 48.1, "observed_days": 3}, "stale_data"),
        ({"age_hours": 72.0, "silent_hours": 1.0}, ""),
        ({"age_hours": 72.1, "silent_hours": 1.0}, "stale_data"),
        ({"age_hours": 15 * 24.0, "silent_hours": 1.0, "usual_gap_hours": 120.0}, ""),
        ({"age_hours": 15.1 * 24, "silent_hours": 1.0, "usual_gap_hours": 120.0}, "stale_data"),
        ({"age_hours": 40 * 24.0, "silent_hours": 1.0, "usual_gap_hours": INF}, ""),
        ({"age_hours": 1.0, "silent_hours": 48.1, "usual_gap_hours": INF}, "stale_data"),
        ({"observed_days": 13}, "too_little_history"),
        ({"observed_days": 14}, ""),
        ({"daily": 4.9, "used": 99.0, "limit": 100.0}, "too_little_usage"),
        ({"daily": 4.9, "used": 100.0, "limit": 100.0}, ""),
        ({"daily": 5.0, "used": 50.0, "limit": 100.0}, ""),
        ({"daily": 1.5, "used": 45.0, "limit": 50.0, "counted": False}, ""),
        ({"daily": NAN, "used": 0.0}, "too_little_usage"),
    ],
)
def test_the_first_reason_of_a_quota(given: dict[str, Any], expected: str | None) -> None:
    assert reason(quota(**given)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"limit": 2.0}, "too_little_usage"), ({"limit": 3.0}, ""), ({"limit": 2.0, "metric": "storage_gb"}, "")],
)
def test_the_first_reason_of_a_level(given: dict[str, Any], expected: str) -> None:
    assert reason(gauge(1.0, **given)) == expected


def test_no_rows() -> None:
    assert gate(quota(count=0)).shape == (0,)


def test_every_code_has_its_word() -> None:
    assert (REASONS[OPEN], len(set(REASONS))) == ("", len(REASONS))


@pytest.mark.parametrize("given", [{"age_hours": NAN}, {"age_hours": 49.0}, {"bad": True}, {"observed_days": 2}])
def test_usage_that_cannot_be_believed(given: dict[str, Any]) -> None:
    assert healthy(quota()).all()
    assert not healthy(quota(**given)).any()
