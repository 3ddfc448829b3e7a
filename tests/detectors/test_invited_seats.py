"""Invited seats: people on their way who take the last seats, told before they arrive and quiet otherwise."""

from typing import Any

import numpy as np
import pytest

from bot.evaluation.cases import plain
from bot.model import Signal
from bot.slack.words import CardLabels, sentence
from detectors import scan
from detectors.base import Findings, Rules
from detectors.invited_seats import KIND
from tests.detectors.snapshots import column, gauge, quota, snapshot


def found(used: float, invited: float | None, limit: float = 10.0, **changes: Any) -> Findings | None:
    seats = gauge(used, limit=limit, **changes)
    coming = {} if invited is None else {"invited_people": column(invited, 1)}
    return next((one for one in scan(snapshot(seats, **coming), Rules()).findings if one.kind == KIND), None)


@pytest.mark.parametrize(
    ("used", "invited", "fires"),
    [
        (7, 3, True),
        (7, 8, True),
        (8, 2, True),
        (7, 2, False),  # one seat would stay free: it holds, once it was told
        (9, 1, False),  # one seat is left, which is told anyway
    ],
)
def test_firing(used: float, invited: float, fires: bool) -> None:
    one = found(used, invited)
    assert one is not None
    assert one.fires.tolist() == [fires]


@pytest.mark.parametrize(
    ("used", "invited"), [(7, 1), (7, 0), (10, 5), (12, 5), (7, None), (7, np.nan), (7, np.inf), (0, 0)]
)
def test_quiet(used: float, invited: float | None) -> None:
    assert found(used, invited) is None


@pytest.mark.parametrize("changes", [{"age_hours": 72.0}, {"observed_days": 13}, {"limit": np.nan}, {"limit": 2.0}])
def test_what_cannot_be_judged_is_not(changes: dict[str, Any]) -> None:
    assert found(1.0, 9.0, **changes) is None


def test_only_what_counts_people_is_meant() -> None:
    seen = snapshot(quota(), gauge(7.0, metric="storage"), invited_people=column(99, 1))
    assert [one for one in scan(seen, Rules()).findings if one.kind == KIND] == []


def test_words() -> None:
    one = found(7, 4)
    assert one is not None
    evidence = {name: plain(values[0]) for name, values in one.evidence.items()}
    signal = Signal(KIND, "seats", 1.0, 1.0, evidence=evidence)
    assert sentence(signal, CardLabels({"seats": "Seats"})) == (
        "Seats: 4 people are invited and not active yet; with them it will be 11 of 10"
    )
