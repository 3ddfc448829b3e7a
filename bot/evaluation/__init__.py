"""One evaluation: usage from PostHog, signals from usage, opportunities from signals, cards to the outbox."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from bot.config import Config, Thresholds
from bot.evaluation import drivers, health, sighted, standing, usage
from bot.evaluation.cases import Evidence
from bot.evaluation.decisions import Decision, carry_out, decide, explain
from bot.evaluation.drivers import Drivers
from bot.evaluation.restraint import HoldBack, Restraint
from bot.evaluation.signals import HeldBack, On, cases, gated, turned
from bot.evaluation.slots import StillOurs
from bot.evaluation.snapshot import Moment, Stream, snapshot
from bot.posthog.client import Client
from bot.posthog.errors import ReadFailedError
from bot.posthog.hogql import Accounts
from bot.posthog.reader import Progress, read
from bot.posthog.reading import Problem, Reading
from bot.posthog.state import ReadState
from bot.signal_json import driver_to_json
from bot.store import (
    Database,
    Transaction,
    accounts,
    deal_accounts,
    held_back,
    memory,
    open_deals,
    opportunities,
    problems,
    sightings,
    signal_state,
    standings,
    thresholds,
)
from bot.store.accounts import folded
from bot.store.open_deals import OpenDeal
from bot.store.writing import Write
from detectors import scan
from detectors.base import Rules

READ_STATE = "posthog"
PART = 200  # decisions a transaction
LOOK_BACK = timedelta(days=1)


class PastError(Exception):
    """An evaluation of the past would overwrite what was stored since."""

    def __init__(self, at: datetime, last: datetime) -> None:
        super().__init__(f"{at:%Y-%m-%d %H:%M} UTC lies before the last evaluation, {last:%Y-%m-%d %H:%M} UTC")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one pass over all accounts found."""

    at: datetime
    accounts: int
    calls: int
    decisions: tuple[Decision, ...]
    held_back: tuple[HeldBack, ...]
    problems: tuple[Problem, ...]  # that the reading met
    drivers: Drivers = field(default_factory=dict)  # of the accounts whose card is new or rose
    faults: tuple[Problem, ...] = ()  # of the data as a whole: tracking, keys, limits


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Everything an evaluation needs."""

    db: Database
    posthog: Client
    config: Config

    def evaluate(
        self,
        at: datetime,
        *,
        dry_run: bool = False,
        progress: Progress = lambda *_: None,
        still_ours: StillOurs = lambda _: None,
    ) -> Evaluation:
        """Evaluate as of `at`. A dry run works out everything and writes nothing.

        `still_ours` raises once another replica has taken the slot over: then nothing more is written.
        """
        with self.db.read() as tx:
            state = ReadState.from_json(memory.get(tx, READ_STATE))
            rules = Rules(**current_thresholds(tx, self.config).model_dump())
        if state.watermark and at < state.watermark - LOOK_BACK:
            if not dry_run:
                raise PastError(at, state.watermark)
            state = ReadState()  # what was read on a later day says little of an earlier one
        try:
            reading, next_state = read(self.posthog, self.config, at, state, progress)
        except ReadFailedError as failed:
            if failed.remember is not None and not dry_run:
                self._store([partial(memory.put, name=READ_STATE, value=failed.remember.to_json())], still_ours)
            raise
        today = reading.at.astimezone(ZoneInfo(reading.timezone)).date()
        with self.db.read() as tx:
            updates = usage.update(tx, self.config, reading, today)
        if not dry_run:
            self._remember(reading, today, updates, next_state, still_ours)
        progress("usage stored", 1, 1)
        evidence = self._evidence(reading, today, {name: one.after for name, one in updates.items()}, rules)
        progress("signals worked out", 1, 1)
        found = self._settle(evidence, reading, dry_run=dry_run, still_ours=still_ours)
        accounts = Accounts.of(self.config.account, next_state.group_index)
        return self._explained(found, evidence, accounts, reading.timezone, None if dry_run else still_ours)

    def _remember(
        self,
        reading: Reading,
        today: date,
        updates: Mapping[str, usage.Update],
        state: ReadState,
        still_ours: StillOurs,
    ) -> None:
        """Only when all is stored is it remembered as read."""
        with self.db.read() as tx:
            writes = [*accounts.writes(tx, reading.accounts), *usage.writes(reading, today, updates)]
        if reading.first_fill:  # the series are about to go: who is killed now must not count on them
            writes.insert(0, partial(memory.put, name=READ_STATE, value={}))
        self._store([*writes, partial(memory.put, name=READ_STATE, value=state.to_json())], still_ours)

    def _store(self, writes: Iterable[Write], still_ours: StillOurs) -> None:
        """In short transactions, so that clicks need not wait."""
        for write in writes:
            with self.db.transaction() as tx:
                still_ours(tx)
                write(tx)

    def _evidence(self, reading: Reading, today: date, streams: Mapping[str, Stream], rules: Rules) -> Evidence:
        moment = Moment(
            at=reading.at,
            today=today,
            windows=reading.windows,
            active_people=reading.active_people,
            bad_values=usage.impossible(self.config, reading),
            lockouts=reading.lockouts,
            billing_visits=reading.billing_visits,
            save_visits=reading.save_visits,
            invited=reading.invited,
        )
        columns = snapshot(self.config, reading.accounts, streams, moment)
        trust = health.examine(self.config, reading.accounts, streams, columns, reading.at, reading.timezone)
        found = scan(trust.snapshot, rules)
        return Evidence(self.config, reading.at, reading.accounts, trust.snapshot, found, streams, trust.faults)

    def _settle(self, evidence: Evidence, reading: Reading, *, dry_run: bool, still_ours: StillOurs) -> Evaluation:
        with self.db.read() as tx:
            on, over = turned(evidence, signal_state.load(tx))
            deals = self._open_deals(tx, evidence)
            decided = self._decide(tx, evidence, on, deals)
        found = Evaluation(
            at=evidence.at,
            accounts=len(evidence.accounts),
            calls=reading.calls,
            decisions=decided,
            held_back=(*gated(evidence), *_declined(decided)),
            problems=(*reading.problems, *usage.impossible_levels(self.config, reading)),
            faults=(*evidence.faults, *health.silent(evidence, on)),
        )
        if not dry_run:
            with self.db.read() as tx:
                seen = sightings.writes(tx, sighted.to_json(reading))
                writes = [*signal_state.writes(tx, on, over), *seen, *_writes(tx, evidence, found)]
                if deals:
                    writes += open_deals.placings(tx, str(self.config.crm.kind), deals)
            self._store(writes, still_ours)
        return found

    def _explained(
        self, found: Evaluation, evidence: Evidence, accounts: Accounts, zone: str, still_ours: StillOurs | None
    ) -> Evaluation:
        """After the cards are on their way: they wait for nothing that only adds a line to them."""
        calls = self.posthog.calls
        told = drivers.explained(self.posthog, evidence, accounts, zone, found.decisions)
        if still_ours:
            stored = [(key, [driver_to_json(one) for one in some]) for key, some in told.items()]
            parts = range(0, len(stored), PART)
            self._store((partial(explain, drivers=dict(stored[at : at + PART])) for at in parts), still_ours)
        return replace(found, calls=found.calls + self.posthog.calls - calls, drivers=told)

    def _open_deals(self, tx: Transaction, evidence: Evidence) -> list[OpenDeal]:
        """With their accounts as they are named now; none where the CRM was not read for a day."""
        provider = self.config.crm.kind
        if provider is None or not open_deals.is_fresh(tx, provider):
            return []
        names = ((one.key, folded(one.name), one.domain) for one in evidence.accounts)
        return deal_accounts.matched(tx, provider, open_deals.listing(tx, provider), names)

    def _decide(self, tx: Transaction, evidence: Evidence, on: On, deals: Iterable[OpenDeal]) -> tuple[Decision, ...]:
        found = list(cases(evidence, on))
        by_key = {account.key: account for account in evidence.accounts}
        live = opportunities.live(tx)
        closed = opportunities.last_closed(tx, {case.account.key for case in found} - live.keys())
        rest = timedelta(days=self.config.crm.rest_days)
        restraint = Restraint(evidence.at, closed, open_deals.by_account(deals), rest)
        return tuple(decide(found, live, restraint, by_key, self.config.plans))


def _writes(tx: Transaction, evidence: Evidence, found: Evaluation) -> Iterator[Write]:
    """What is new of all this; written once more, it changes nothing."""
    for start in range(0, len(found.decisions), PART):
        yield partial(carry_out, decisions=found.decisions[start : start + PART], at=found.at)
    yield from held_back.writes(tx, found.held_back)
    yield from problems.writes(tx, "posthog", found.problems)
    yield from problems.writes(tx, "health", found.faults)
    yield from standings.writes(tx, found.at, dict(standing.of_all(evidence)))


def current_thresholds(tx: Transaction, config: Config) -> Thresholds:
    """The defaults: what managers set in Slack, else what the configuration says."""
    last = thresholds.current(tx)
    return last.values if last else config.thresholds.defaults


def _declined(decisions: tuple[Decision, ...]) -> Iterator[HeldBack]:
    for decision in decisions:
        if isinstance(decision, HoldBack):
            which = f"{decision.deal.title}: {decision.deal.url}" if decision.deal else None
            yield HeldBack(decision.case.account.key, decision.reason, detail=which)
