"""Which signals are on after an evaluation, which are over, and which metrics could not be judged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bot.evaluation import life
from bot.evaluation.cases import Case, Evidence
from bot.model import Fired, Signal, SignalKey
from detectors.base import Bools, Codes
from detectors.gates import DOUBTS, REASONS

# No news is not good news, and news that cannot be trusted is none.
FROZEN = frozenset({"limit_unknown", "limit_invalid", "impossible_values", "stale_data", *DOUBTS})
STANDS_STILL = np.array([reason in FROZEN for reason in REASONS])
On = dict[SignalKey, tuple[Fired, Signal]]


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Why an account, or one metric of it, gets no card."""

    account: str
    reason: str
    metric: str | None = None
    detail: str | None = None  # for people: which deal


def turned(evidence: Evidence, before: On) -> tuple[On, list[SignalKey]]:
    """The signals that are on now, and the keys of those that are over.

    A signal whose usage cannot be judged just now (stale, impossible, in doubt, limit gone) stays as it was: a failed
    reading never looks like a fall. So does that of an account which PostHog did not name.
    """
    keys = [account.key for account in evidence.accounts]
    fired = {key: fired for key, (fired, _) in before.items()}
    on = {
        one.key: (one.fired, evidence.signal(one))
        for one in life.live(evidence.scan.findings, keys, fired, evidence.at)
    }
    rows = {key: row for row, key in enumerate(keys)}
    over = []
    for key, known in before.items():
        if key in on:
            continue
        if unjudged(evidence, rows, key):
            on[key] = known
        else:
            over.append(key)
    return on, over


def unjudged(evidence: Evidence, rows: Mapping[str, int], key: SignalKey) -> str | None:
    """Why a signal stays as it was; None where its usage can be judged."""
    account, _, metric, _ = key
    if account not in rows:
        return "not_read"
    codes = evidence.scan.gates.get(metric or "")
    reason = REASONS[max(int(codes[rows[account]]), 0)] if codes is not None else ""
    return reason if reason in FROZEN else None


def frozen(gates: Codes) -> Bools:
    """Where usage cannot be judged just now, so that what was on stays on."""
    return np.asarray(STANDS_STILL[np.maximum(gates, 0)])


def cases(evidence: Evidence, on: On) -> Iterator[Case]:
    rows = {account.key: row for row, account in enumerate(evidence.accounts)}
    by_account: dict[str, On] = {}
    for key, known in on.items():
        by_account.setdefault(key[0], {})[key] = known
    for account, signals in sorted(by_account.items()):
        if account in rows:
            yield evidence.case(rows[account], signals)


def gated(evidence: Evidence) -> Iterator[HeldBack]:
    """Each account and metric that could not be judged, and why."""
    for metric, codes in evidence.scan.gates.items():
        for row in (codes > 0).nonzero()[0].tolist():
            yield HeldBack(evidence.accounts[row].key, REASONS[codes[row]], metric)
