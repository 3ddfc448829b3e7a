"""Counting rare events by who and when: distinct people, sessions and days of each group."""

from collections.abc import Iterable

import numpy as np

from detectors.base import Bools, Ints, Sightings


def recent(seen: Sightings, days: int) -> Sightings:
    """Those of the last so many days, today included."""
    return chosen(seen, (seen.days_ago >= 0) & (seen.days_ago < days))


def chosen(seen: Sightings, rows: Bools) -> Sightings:
    """Only these rows."""
    return Sightings(seen.account[rows], seen.subject[rows], seen.person[rows], seen.session[rows], seen.days_ago[rows])


def numbered(values: Iterable[object]) -> Ints:
    """The same number for the same value, in order of first appearance."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


def sessions(seen: Sightings) -> Ints:
    """A number for each session; where none was recorded, one person's day counts as one."""
    known = zip(seen.session.tolist(), seen.person.tolist(), seen.days_ago.tolist(), strict=True)
    return numbered(session or (person, day) for session, person, day in known)


def distinct(group: Ints, value: Ints, count: int) -> Ints:
    """How many different values each of `count` groups has."""
    pairs = np.unique(np.column_stack([group, value]), axis=0)
    return np.bincount(pairs[:, 0], minlength=count)
