"""Somebody came back to the billing or pricing pages, or opened the page to cancel or downgrade.

On its own it is context for a call, never a reason for one; with falling usage it is a customer to keep.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from detectors.base import Context, Findings, Floats, Ints, Sightings, Usage
from detectors.gates import healthy
from detectors.sightings import distinct, numbered, recent, sessions

KIND = "billing_page_visits"
WEIGHT = 0.7
DAYS = 7
MIN_SESSIONS = 2
MIN_DAYS = 2
HOLD_DAYS = 14
FULL_SESSIONS = 4.0  # as many make full strength; so does one visit to a cancel page
FALLING = 0.2 - 1e-9  # or more less than four weeks before (the hair is for rounding), in any metric
FOUR_WEEKS = 28


def detect(context: Context) -> Iterator[Findings]:
    """`saves` where the account was on a cancel page or uses less than before."""
    snapshot = context.snapshot
    count = len(snapshot.active_people)
    visits, save = recent(snapshot.billing_visits, HOLD_DAYS), recent(snapshot.save_visits, HOLD_DAYS)
    rows = np.unique(np.concatenate([visits.account, save.account]))
    if not len(rows):
        return
    week = recent(visits, DAYS)
    number, days = (
        distinct(week.account, sessions(week), count)[rows],
        distinct(week.account, week.days_ago, count)[rows],
    )
    save_sessions = distinct(save.account, sessions(save), count)[rows]
    fall = falling_share(snapshot.usages, rows)
    falling = fall >= FALLING
    yield Findings(
        KIND,
        None,
        WEIGHT,
        rows,
        fires=((number >= MIN_SESSIONS) & (days >= MIN_DAYS)) | (save_sessions > 0),
        strength=np.where(save_sessions > 0, 1.0, np.clip(number / FULL_SESSIONS, 0.0, 1.0)),
        saves=(save_sessions > 0) | falling,
        evidence={
            "sessions": number,
            "days": days,
            "people": _people(week, count)[rows],
            "save_sessions": save_sessions,
            "falling": falling,
            "falling_share": fall,
        },
    )


def falling_share(usages: Mapping[str, Usage], rows: Ints) -> Floats:
    """The largest loss in any metric: the last four weeks against the four before, as a share; 0: none."""
    worst = np.zeros(len(rows))
    for usage in usages.values():
        if usage.daily.shape[1] < 2 * FOUR_WEEKS:
            continue
        days = np.nan_to_num(usage.daily[rows, -2 * FOUR_WEEKS :], posinf=0.0, neginf=0.0)
        before, after = days[:, :FOUR_WEEKS].sum(1), days[:, FOUR_WEEKS:].sum(1)
        sure = healthy(usage)[rows] & (usage.observed_days[rows] >= 2 * FOUR_WEEKS) & (before > 0)
        worst = np.maximum(worst, np.where(sure, 1 - after / np.where(before > 0, before, 1.0), 0.0))
    return worst


def _people(seen: Sightings, count: int) -> Ints:
    return distinct(seen.account, numbered(seen.person.tolist()), count)
