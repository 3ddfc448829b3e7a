"""One account as the last evaluation saw it: its columns from what is stored, through the real gates and detectors."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bot.config import Config
from bot.evaluation import READ_STATE, current_thresholds, sighted
from bot.evaluation.cases import Evidence
from bot.evaluation.signals import On
from bot.evaluation.snapshot import Moment, Stream, snapshot
from bot.evaluation.standing import BAD, DOUBT
from bot.evaluation.usage import stored_as
from bot.model import Account
from bot.posthog.reading import REJECTIONS
from bot.posthog.state import ReadState
from bot.posthog.windows import people_metrics, trailing_metrics
from bot.store import Transaction, memory, series, sightings, signal_state, standings
from detectors import scan
from detectors.base import Rules, Snapshot
from detectors.gates import REASONS


@dataclass(frozen=True, slots=True)
class Trace:
    """`evidence` has one row. `on`: the signals that are on. `rules` are those in force now."""

    account: Account
    evidence: Evidence
    on: On
    rules: Rules


def rebuild(tx: Transaction, config: Config, account: Account) -> Trace | None:
    """None where no evaluation has seen the account."""
    stored = standings.get(tx, account.key)
    state = ReadState.from_json(memory.get(tx, READ_STATE))
    if stored is None or state.timezone is None:
        return None
    told, at = stored
    moment = _moment(tx, config, account, told, at.astimezone(ZoneInfo(state.timezone)))
    streams = {}
    for stream in (*config.metrics, REJECTIONS):
        name = stored_as(stream, config.metrics.get(stream))
        streams[stream] = Stream(*series.load(tx, name, {account.key: 0}, moment.today))
    rules = Rules(**current_thresholds(tx, config).model_dump())
    columns = _doubted(snapshot(config, [account], streams, moment), told)
    evidence = Evidence(config, at, [account], columns, scan(columns, rules), streams)
    return Trace(account, evidence, signal_state.of(tx, account.key), rules)


def _doubted(columns: Snapshot, told: dict[str, Any]) -> Snapshot:
    """With the doubts that were seen over all accounts."""
    codes = {metric: REASONS.index(told.get(metric, {}).get(DOUBT, "")) for metric in columns.usages}
    usages = {key: replace(usage, doubt=np.array([codes[key]], np.int8)) for key, usage in columns.usages.items()}
    return replace(columns, usages=usages)


def _moment(tx: Transaction, config: Config, account: Account, told: dict[str, Any], at: datetime) -> Moment:
    """What PostHog said then and no series holds: figures of windows, bad values, sightings."""
    exact = {**people_metrics(config), **trailing_metrics(config)}
    seen = sightings.of(tx, account.key)
    return Moment(
        at=at,
        today=at.date(),
        windows={metric: {account.key: told.get(metric, {}).get("used") or 0.0} for metric in exact},
        active_people={account.key: seen["active"] if seen else 0.0},
        bad_values={metric: [account.key] for metric, one in told.items() if one.get(BAD)},
        invited={account.key: seen.get("invited", 0.0)} if seen else {},
        **sighted.from_json(account.key, seen),
    )
