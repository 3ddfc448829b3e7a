"""Billing-page visits: they came back, or they look for the way out."""

from typing import Any

import numpy as np
import pytest

from detectors import scan
from detectors.base import Findings, Rules, Usage
from detectors.billing_page_visits import KIND
from detectors.gates import REASONS
from tests.detectors.snapshots import DAYS, quota, sightings, snapshot

PAGE = "/billing"
Rows = tuple[tuple[str, str, str, int], ...]


def found(visits: Rows = (), save: Rows = (), *usages: Usage) -> Findings | None:
    seen = snapshot(*usages, billing_visits=sightings(*visits), save_visits=sightings(*save))
    return next((one for one in scan(seen, Rules()).findings if one.kind == KIND), None)


@pytest.mark.parametrize(
    ("visits", "fires"),
    [
        (((PAGE, "ann", "s1", 0), (PAGE, "bob", "s2", 6)), True),
        (((PAGE, "ann", "s1", 0), (PAGE, "bob", "s2", 7)), False),
        (((PAGE, "ann", "s1", 3), (PAGE, "bob", "s2", 3)), False),  # one day
        (((PAGE, "ann", "s1", 3), (PAGE, "ann", "s1", 4)), False),  # one session
        (((PAGE, "ann", "s1", 13),), False),  # holds
        (((PAGE, "ann", "s1", 14),), None),
    ],
)
def test_visits(visits: Rows, fires: bool | None) -> None:
    one = found(visits)
    assert (None if one is None else bool(one.fires[0])) == fires


def test_one_visit_to_the_cancel_page_is_enough() -> None:
    one = found((), (("/cancel", "ann", "s1", 5),))
    assert one is not None
    assert one.saves is not None
    assert (one.fires.tolist(), one.saves.tolist(), one.strength.tolist()) == ([True], [True], [1.0])
    assert one.evidence["save_sessions"].tolist() == [1]


def test_what_is_told_is_counted_for_as_long_as_it_holds() -> None:
    held = found(((PAGE, "ann", "s1", 8), (PAGE, "bob", "s2", 13)))
    assert held is not None
    assert held.fires.tolist() == [False]
    told = [int(held.evidence[name][0]) for name in ("sessions", "days", "people", "within_days")]
    assert (told, held.strength.tolist()) == ([2, 2, 2, 14], [0.5])


def fall(to: float, **given: Any) -> Usage:
    """Usage that fell from 1,000 a day four weeks ago."""
    daily = np.full(DAYS, 1000.0)
    daily[-28:] = to
    return quota(daily, **given)


@pytest.mark.parametrize(
    ("usage", "share"),
    [
        (fall(800.0), 0.2),
        (fall(801.0), 0.199),
        (fall(2000.0), 0.0),
        (fall(0.0, age_hours=99.0), 0.0),  # broken tracking is not falling use
        (fall(100.0, bad=True), 0.0),
        (fall(100.0, observed_days=55), 0.0),
        (fall(100.0, doubt=np.array([REASONS.index("fleet_shift")], np.int8)), 0.0),  # it fell for everybody
        (fall(700.0, doubt=np.array([REASONS.index("limit_absurd")], np.int8)), 0.3),  # the limit is wrong, not the use
        (quota(np.where(np.arange(DAYS) < DAYS - 28, 4.0, 2.0)), 0.0),  # a handful of events
        (quota(np.where(np.arange(DAYS) < DAYS - 28, 4.0, 2.0), counted=False), 0.5),
        (quota(0.0), 0.0),
    ],
)
def test_falling_use_makes_it_a_save(usage: Usage, share: float) -> None:
    one = found(((PAGE, "ann", "s1", 0), (PAGE, "ann", "s2", 1)), (), usage)
    assert one is not None
    assert one.saves is not None
    assert one.evidence["falling_share"].tolist() == pytest.approx([share])
    assert bool(one.saves[0]) == (share >= 0.2)


def test_evidence() -> None:
    one = found(((PAGE, "ann", "s1", 0), ("/pricing", "bob", "s2", 1)))
    assert one is not None
    assert [int(one.evidence[name][0]) for name in ("sessions", "days", "people", "save_sessions")] == [2, 2, 2, 0]
    assert one.strength.tolist() == [0.5]
