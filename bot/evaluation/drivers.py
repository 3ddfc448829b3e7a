"""Who and what drives the usage of the accounts that get a card: when it is asked, and how the usage grew."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bot.evaluation.cases import Case, Evidence
from bot.evaluation.decisions import Amend, Decision, Open
from bot.model import Driver, Opportunity
from bot.posthog.client import Client
from bot.posthog.drivers import driven_metrics, read_drivers
from bot.posthog.errors import PostHogError
from bot.posthog.hogql import Accounts, Moment
from detectors.base import Floats

log = logging.getLogger(__name__)
FOUR_WEEKS = 28
GREW = 0.1  # or more in four weeks, against the four before, is growth worth a word
DAY_MOST, WEEK_MOST = 0.5, 0.7  # of the growth: it came from that day, or that week; steady growth gives it about 0.35
Drivers = Mapping[str, tuple[Driver, ...]]  # by account


def explained(
    client: Client, evidence: Evidence, accounts: Accounts, zone: str, decisions: Iterable[Decision]
) -> Drivers:
    """Of each case that is new, that rose, or that nobody could explain so far.

    A PostHog that does not answer costs a line of the card and nothing else; the next evaluation asks again.
    """
    wanted = dict(_wanted(evidence, decisions))
    try:
        found = read_drivers(client, evidence.config, accounts, wanted, Moment(evidence.at, ZoneInfo(zone)))
    except PostHogError as error:
        log.warning("what drives the usage could not be read: %s", error)
        return {}
    rows = {account.key: row for row, account in enumerate(evidence.accounts) if account.key in found}
    return {key: tuple(_with_growth(evidence, rows[key], one) for one in some) for key, some in found.items()}


def _wanted(evidence: Evidence, decisions: Iterable[Decision]) -> Iterator[tuple[str, list[str]]]:
    driven = driven_metrics(evidence.config)
    for decision in decisions:
        match decision:
            case Open(case):
                asked = True
            case Amend(case, known):
                asked = known.drivers is None or _rose(case, known)
            case _:
                continue
        if asked:
            metrics = dict.fromkeys(signal.metric for signal in case.signals if signal.metric in driven)
            yield case.account.key, [metric for metric in metrics if metric]


def _rose(case: Case, known: Opportunity) -> bool:
    """Whether a signal began or reached a higher level since the card was last drawn."""
    before = {(one.kind, one.metric, one.subject): one.level or 0.0 for one in known.signals}
    return any((one.level or 0.0) > before.get((one.kind, one.metric, one.subject), -1.0) for one in case.signals)


def _with_growth(evidence: Evidence, row: int, driver: Driver) -> Driver:
    days = evidence.streams[driver.metric].values[row, -2 * FOUR_WEEKS - 1 : -1]
    return replace(driver, **growth(days, evidence.snapshot.today))


def growth(days: Floats, today: date) -> dict[str, Any]:
    """Of eight weeks up to yesterday: whether one day or week makes most of what the last four have more.

    The fields of a Driver; none where the usage did not grow or eight weeks are not known.
    """
    if len(days) < 2 * FOUR_WEEKS or not np.isfinite(days).all():
        return {}
    before, after = days[:FOUR_WEEKS], days[FOUR_WEEKS:]
    more = float(after.sum() - before.sum())
    if more <= GREW * before.sum() or more <= 0:
        return {}
    of_days = (after - np.tile(before.reshape(4, 7).mean(0), 4)) / more  # each against its usual weekday
    of_weeks = of_days.reshape(4, 7).sum(1)
    day, week = int(np.argmax(of_days)), int(np.argmax(of_weeks))
    if of_days[day] >= DAY_MOST:
        return _burst("day", of_days[day], today, day)
    if of_weeks[week] >= WEEK_MOST:
        return _burst("week", of_weeks[week], today, 7 * week)
    return {"burst_share": round(float(of_weeks[week]), 4)}


def _burst(kind: str, share: float, today: date, day: int) -> dict[str, Any]:
    on = today - timedelta(days=FOUR_WEEKS - day)
    return {"burst": kind, "burst_share": round(float(share), 4), "burst_on": on}
