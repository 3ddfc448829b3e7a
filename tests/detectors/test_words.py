"""What detectors tell, in the words that reps read: true of the days counted, and never of nobody."""

import numpy as np
import pytest

from bot.evaluation.cases import plain
from bot.model import Signal
from bot.slack.words import CardLabels, sentence
from detectors import scan
from detectors.base import Rules, Snapshot
from tests.detectors.snapshots import DAYS, quota, sightings, snapshot

FALLEN = quota(np.where(np.arange(DAYS) < DAYS - 28, 1000.0, 530.0))


def words(seen: Snapshot, kind: str) -> str:
    [found] = [one for one in scan(seen, Rules()).findings if one.kind == kind]
    evidence = {name: plain(column[0]) for name, column in found.evidence.items()}
    subject = None if found.subject is None else found.subject[0]
    return sentence(Signal(kind, None, 1.0, 1.0, subject=subject, evidence=evidence), CardLabels())


@pytest.mark.parametrize(
    ("visits", "save", "falls", "says"),
    [
        (
            [("/plans", "ann", "s1", 1), ("/plans", "bob", "s2", 13)],
            [],
            False,
            "2 people opened billing and plan pages on 2 days of the last 14",
        ),
        ([("/plans", "ann", "s1", 13)], [], False, "1 person opened billing and plan pages on 1 day of the last 14"),
        (
            [("/plans", "ann", "s1", 1)],
            [],
            True,
            "1 person opened billing and plan pages on 1 day of the last 14, and usage fell 47 % in four weeks",
        ),
        ([], [("/cancel", "ann", "s1", 5)], False, "1 visit to the cancel or downgrade page in the last 14 days"),
        (
            [("/plans", "ann", "s1", 1)],
            [("/cancel", "ann", "s1", 5), ("/downgrade", "ann", "s2", 13)],
            True,
            "2 visits to the cancel or downgrade page in the last 14 days, and usage fell 47 % in four weeks",
        ),
    ],
)
def test_visits(
    visits: list[tuple[str, str, str, int]], save: list[tuple[str, str, str, int]], falls: bool, says: str
) -> None:
    usages = [FALLEN] if falls else []
    seen = snapshot(*usages, billing_visits=sightings(*visits), save_visits=sightings(*save))
    assert words(seen, "billing_page_visits") == says


def test_a_lock_that_was_met_weeks_ago() -> None:
    seen = snapshot(lockouts=sightings(("sso", "ann", "s1", 15), ("sso", "bob", "s2", 20)))
    assert words(seen, "feature_lockout") == "2 people met the lock on sso, in 2 sessions of the last 21 days"
