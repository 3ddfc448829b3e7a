"""Feature lock-out: several people in several sessions at one locked feature."""

import pytest

from detectors import scan
from detectors.base import Findings, Rules
from detectors.feature_lockout import KIND
from tests.detectors.snapshots import column, sightings, snapshot

SSO = "sso"


def found(*rows: tuple[str, str, str, int], people: float = 10.0) -> Findings | None:
    seen = snapshot(lockouts=sightings(*rows), active_people=column(people, 1))
    return next((one for one in scan(seen, Rules()).findings if one.kind == KIND), None)


TWO_PEOPLE = ((SSO, "ann", "s1", 0), (SSO, "bob", "s2", 5), (SSO, "bob", "s3", 13))


@pytest.mark.parametrize(
    ("rows", "people", "fires"),
    [
        (TWO_PEOPLE, 10, True),
        (TWO_PEOPLE, 40, True),  # two are five in a hundred of forty
        (TWO_PEOPLE, 41, False),
        (TWO_PEOPLE[:2], 10, False),
        ((*TWO_PEOPLE[:2], (SSO, "bob", "s2", 5)), 10, False),  # clicks in one session count once
        ((*TWO_PEOPLE[:2], (SSO, "bob", "s3", 14)), 10, False),
        ((*TWO_PEOPLE[:2], ("audit log", "bob", "s3", 1)), 10, False),  # another feature
        (((SSO, "ann", "s1", 0), (SSO, "ann", "s2", 5), (SSO, "ann", "s3", 13)), 10, False),
        (((SSO, "ann", "", 0), (SSO, "bob", "", 0), (SSO, "bob", "", 3)), 10, True),  # no session: one a day
        (((SSO, "ann", "", 0), (SSO, "bob", "", 0), (SSO, "bob", "", 0)), 10, False),
    ],
)
def test_firing(rows: tuple[tuple[str, str, str, int], ...], people: float, fires: bool) -> None:
    one = found(*rows, people=people)
    assert one is not None
    assert bool(one.fires[0]) == fires


def test_one_visitor_holds_it_for_three_weeks() -> None:
    held = found((SSO, "ann", "s1", 20))
    assert held is not None
    assert held.fires.tolist() == [False]
    assert found((SSO, "ann", "s1", 21)) is None


def test_what_is_told_is_counted_for_as_long_as_it_holds() -> None:
    held = found((SSO, "ann", "s1", 15), (SSO, "bob", "s2", 20))
    assert held is not None
    assert held.fires.tolist() == [False]
    told = [int(held.evidence[name][0]) for name in ("people", "sessions", "within_days")]
    assert (told, held.strength.tolist()) == ([2, 2, 21], [0.4])


def test_each_feature_is_a_row_of_its_own() -> None:
    one = found(*TWO_PEOPLE, ("audit log", "ann", "s9", 2))
    assert one is not None
    assert one.subject is not None
    assert one.subject.tolist() == ["sso", "audit log"]
    assert one.fires.tolist() == [True, False]
    assert {name: values.tolist() for name, values in one.evidence.items()} == {
        "people": [2, 1],
        "sessions": [3, 1],
        "feature": ["sso", "audit log"],
        "last_days_ago": [0, 2],
        "people_now": [2, 1],
        "sessions_now": [3, 1],
        "within_days": [21, 21],
    }
