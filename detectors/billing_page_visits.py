"""Somebody came back to the billing or pricing pages, or opened the page to cancel or downgrade.

On its own it is context for a call, never a reason for one; with falling usage it is a customer to keep.
It fires on the visits of one week, tells those of two, and is over when there were none in two.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from detectors.base import Context, Findings, Floats, Ints, Sightings, Usage
from detectors.gates import MIN_DAILY, healthy
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
    visits, save = recent(snapshot.billing_visits, HOLD_DAYS), recent(snapshot.save_visits, HOLD_DAYS)
    rows = np.unique(np.concatenate([visits.account, save.account]))
    if not len(rows):
        return
    count = len(snapshot.active_people)
    seen, week = _counted(visits, count, rows), _counted(recent(visits, DAYS), count, rows)
    save_sessions = _counted(save, count, rows)["sessions"]
    fall = falling_share(snapshot.usages, rows)
    falling = fall >= FALLING
    yield Findings(
        KIND,
        None,
        WEIGHT,
        rows,
        fires=((week["sessions"] >= MIN_SESSIONS) & (week["days"] >= MIN_DAYS)) | (save_sessions > 0),
        strength=np.where(save_sessions > 0, 1.0, np.clip(seen["sessions"] / FULL_SESSIONS, 0.0, 1.0)),
        saves=(save_sessions > 0) | falling,
        evidence={
            **seen,
            "save_sessions": save_sessions,
            "falling": falling,
            "falling_share": fall,
            "within_days": np.full(len(rows), HOLD_DAYS),
            "sessions_now": week["sessions"],
            "days_now": week["days"],
        },
    )


def _counted(seen: Sightings, count: int, rows: Ints) -> dict[str, Ints]:
    """How many sessions, days and people, of these of `count` accounts."""
    values = {"sessions": sessions(seen), "days": seen.days_ago, "people": numbered(seen.person.tolist())}
    return {name: distinct(seen.account, value, count)[rows] for name, value in values.items()}


def falling_share(usages: Mapping[str, Usage], rows: Ints) -> Floats:
    """The largest loss in any metric: the last four weeks against the four before, as a share; 0: none.

    A handful of events more or less is no loss, and figures that are in doubt tell of none.
    """
    worst = np.zeros(len(rows))
    for usage in usages.values():
        if usage.daily.shape[1] < 2 * FOUR_WEEKS:
            continue
        days = np.nan_to_num(usage.daily[rows, -2 * FOUR_WEEKS :], posinf=0.0, neginf=0.0)
        before, after = days[:, :FOUR_WEEKS].sum(1), days[:, FOUR_WEEKS:].sum(1)
        least = MIN_DAILY * FOUR_WEEKS if usage.counted and usage.kind == "quota" else 0.0
        sure = healthy(usage)[rows] & (usage.observed_days[rows] >= 2 * FOUR_WEEKS) & (before > least)
        worst = np.maximum(worst, np.where(sure, 1 - after / np.where(before > 0, before, 1.0), 0.0))
    return worst
