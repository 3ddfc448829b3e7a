"""What holds of accounts whatever the day: their limits, and on which day of the month their periods begin."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from bot.config import AllThresholds, Config, Plan
from bot.model import Account
from bot.periods import AnchorError, anchor_day, period
from bot.posthog.reading import IMPOSSIBLE
from detectors.base import Bools, Floats, Ints

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")  # decimal or scientific
LONGEST = 31


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one metric."""

    limit: Floats  # [n] NaN: unknown
    unlimited: Bools
    bad: Bools


@dataclass(frozen=True, slots=True)
class Terms:
    """In the order of the accounts."""

    anchors: Ints  # [n] day of the month on which the billing period begins; broken anchors count as the first
    limits: Mapping[str, Limits]  # by metric
    levels: Mapping[str, Floats | None]  # by metric: each account's own, as detectors want them; None: none has any


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where each account stands in its billing period, in days."""

    elapsed: Ints
    length: Ints
    next_length: Ints
    previous: Ints  # [n, 2] lengths of the last two periods, the latest first


def terms(config: Config, accounts: Sequence[Account]) -> Terms:
    """Each distinct anchor is read once: there are far fewer of them than accounts."""
    days = {anchor: _day(anchor) for anchor in {account.anchor for account in accounts}}
    anchors = np.array([days[account.anchor] for account in accounts], np.int64)
    return Terms(
        anchors,
        limits={key: _limits(key, accounts, config.plans) for key in config.metrics},
        levels={key: _own_levels(key, accounts, config.thresholds) for key in config.metrics},
    )


def calendar(anchors: Ints, today: date) -> Calendar:
    """`anchors`: days of the month."""
    table = _positions(today)[anchors - 1]
    return Calendar(table[:, 0], table[:, 1], table[:, 2], table[:, 3:])


@lru_cache(maxsize=256)
def _positions(today: date) -> Ints:
    """A row for each day of the month."""
    return np.array([_position(str(day), today) for day in range(1, LONGEST + 1)], np.int64)


def _day(anchor: str | None) -> int:
    try:
        return anchor_day(anchor)
    except AnchorError:
        return 1


def _position(anchor: str, today: date) -> tuple[int, int, int, int, int]:
    start, end = period(anchor, today)
    after, last, before = ((end - start).days for start, end in (period(anchor, today, shift) for shift in (1, -1, -2)))
    return (today - start).days, (end - start).days, after, last, before


def _limits(key: str, accounts: Sequence[Account], plans: Mapping[str, Plan]) -> Limits:
    """The account's own limit before the plan's; a limit that is no positive number is bad, not ignored."""
    limit = np.full(len(accounts), np.nan)
    unlimited, bad = np.zeros(len(accounts), dtype=bool), np.zeros(len(accounts), dtype=bool)
    for row, account in enumerate(accounts):
        plan = plans.get(account.plan) if account.plan else None
        if own := account.limits.get(key):
            value = number(own)
            bad[row] = value is None or value <= 0
            limit[row] = np.nan if value is None else value
        elif plan is not None:
            limit[row] = plan.limits.get(key, np.nan)
            unlimited[row] = key not in plan.limits
    return Limits(limit, unlimited, bad)


def _own_levels(key: str, accounts: Sequence[Account], thresholds: AllThresholds) -> Floats | None:
    """Worked out once a plan."""
    plans = sorted({account.plan or "" for account in accounts})
    own = [thresholds.own_levels(key, plan) for plan in plans]
    if not any(own):
        return None
    width = max(len(levels or ()) for levels in own)
    table = np.array([(*levels, *[np.inf] * (width - len(levels))) if levels else [np.nan] * width for levels in own])
    place = {plan: row for row, plan in enumerate(plans)}
    return np.asarray(table[[place[account.plan or ""] for account in accounts]], np.float64)


def number(text: str) -> float | None:
    """A number as people write it in a property, else None; "1_000" is one to Python only, 1e300 to nobody."""
    if not NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if abs(value) < IMPOSSIBLE else None
