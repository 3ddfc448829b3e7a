"""Overage pattern: days with hits are counted, not hits, and periods in a row over the allowance."""

from typing import Any

import numpy as np
import pytest

from detectors import scan
from detectors.base import Findings, Rules
from detectors.overage_pattern import KIND, wilson_lower
from tests.detectors.snapshots import DAYS, quota, snapshot

NAN = np.nan


def hits(days: dict[int, float], requests: float = 100.0) -> Findings | None:
    """Rejections by days ago."""
    rejections = np.zeros((1, DAYS + 1))
    for ago, amount in days.items():
        rejections[0, DAYS - ago] = amount
    seen = snapshot(rejections=rejections, requests=np.full((1, DAYS + 1), requests))
    return next((one for one in scan(seen, Rules()).findings if one.kind == KIND), None)


@pytest.mark.parametrize(
    ("days", "requests", "fires"),
    [
        ({0: 7, 5: 7, 13: 6}, 100, True),
        ({0: 7, 5: 7, 14: 6}, 100, False),  # the third day is too long ago
        ({0: 7, 5: 7, 13: 5}, 100, False),  # 19 in all
        ({2: 5000}, 100, False),  # one day's retry loop
        ({0: 7, 5: 7, 13: 6}, 100_000, False),  # one in 70,000 hurts nobody
        ({0: 7, 5: 7, 13: NAN}, 100, False),
    ],
)
def test_repeated_rejections(days: dict[int, float], requests: float, fires: bool) -> None:
    one = hits(days, requests)
    assert one is not None
    assert (one.metric, one.fires.tolist()) == (None, [fires])


def test_a_single_rejection_holds_for_fourteen_days() -> None:
    held = hits({13: 1})
    assert held is not None
    assert not held.fires[0]
    assert hits({14: 1000, 15: 1000, 16: 1000}) is None


def test_evidence_of_rejections() -> None:
    one = hits({0: 10, 1: 10, 2: 10, 3: 10})
    assert one is not None
    assert one.evidence["days"].tolist() == [4]
    assert one.evidence["total"].tolist() == [40.0]
    assert one.evidence["share"].tolist() == pytest.approx([40 / 1440])
    assert one.strength.tolist() == pytest.approx([4 / 7])


def test_the_lower_end_of_a_share() -> None:
    """Against the published value for 10 of 100: 5.52 % to 17.44 %."""
    assert wilson_lower(np.array([10.0]), np.array([100.0]))[0] == pytest.approx(0.0552, abs=1e-4)
    assert wilson_lower(np.zeros(1), np.zeros(1))[0] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("used", "previous", "expected"),
    [
        (0, (101, 102), (True, 2)),
        (0, (100, 102), (False, 0)),  # exactly the allowance is not over it
        (101, (102, 0), (True, 2)),
        (101, (102, 103), (True, 3)),
        (99, (102, 50), (False, 1)),  # over only once, this period nearly: holds
        (50, (102, 50), None),
        (101, (NAN, NAN), None),
        (101, (102, NAN), (True, 2)),
        (0, (101, NAN), None),
    ],
)
def test_periods_over_the_allowance(used: float, previous: Any, expected: Any) -> None:
    seen = snapshot(quota(10.0, used=used, limit=100.0, previous_periods=previous))
    one = next((one for one in scan(seen, Rules()).findings if one.kind == KIND), None)
    if expected is None or one is None:
        assert (one, expected) == (None, None)
        return
    assert one.metric == "api_calls"
    assert (bool(one.fires[0]), int(one.evidence["periods"][0])) == expected
    assert 0 <= one.strength[0] <= 1


def test_an_unknown_limit_is_not_judged() -> None:
    seen = snapshot(quota(limit=NAN, previous_periods=(1e9, 1e9)))
    assert scan(seen, Rules()).findings == []
