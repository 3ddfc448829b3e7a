"""Several people of the account keep running into a feature that their plan does not include.

Sessions count, not clicks, and one person alone is no signal. It fires on two weeks, tells of
three, and is over when nobody tried in three.
"""

from collections.abc import Iterator

import numpy as np

from detectors.base import Context, Findings
from detectors.sightings import distinct, numbered, recent, sessions

KIND = "feature_lockout"
WEIGHT = 1.3
DAYS = 14
MIN_SESSIONS = 3
MIN_PEOPLE = 2
MIN_SHARE = 0.05  # of the people seen in the last 30 days, so that two in a crowd of hundreds are no signal
HOLD_DAYS = 21
FULL_PEOPLE = 5.0  # as many make full strength


def detect(context: Context) -> Iterator[Findings]:
    """One row per account and feature; `subject` is the feature."""
    held = recent(context.snapshot.lockouts, HOLD_DAYS)
    if not len(held.account):
        return
    group = numbered(zip(held.account.tolist(), held.subject.tolist(), strict=True))
    _, first = np.unique(group, return_index=True)
    person, session, now = numbered(held.person.tolist()), sessions(held), held.days_ago < DAYS
    people, visits = distinct(group, person, len(first)), distinct(group, session, len(first))
    people_now, visits_now = (distinct(group[now], value[now], len(first)) for value in (person, session))
    last = np.full(len(first), HOLD_DAYS)
    np.minimum.at(last, group, held.days_ago)
    rows = held.account[first]
    crowd = np.nan_to_num(context.snapshot.active_people[rows], posinf=0.0) * MIN_SHARE
    yield Findings(
        KIND,
        None,
        WEIGHT,
        rows,
        fires=(visits_now >= MIN_SESSIONS) & (people_now >= np.maximum(crowd, MIN_PEOPLE)),
        strength=np.clip(people / FULL_PEOPLE, 0.0, 1.0),
        subject=held.subject[first],
        evidence={
            "people": people,
            "sessions": visits,
            "feature": held.subject[first],
            "last_days_ago": last,
            "people_now": people_now,
            "sessions_now": visits_now,
            "within_days": np.full(len(first), HOLD_DAYS),
        },
    )
