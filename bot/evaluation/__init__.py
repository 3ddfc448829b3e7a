"""One evaluation: usage from PostHog, signals from usage, opportunities from signals, cards to the outbox."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.config import Config, Thresholds
from bot.evaluation import decisions as opportunities
from bot.evaluation import life, standing, usage
from bot.evaluation.cases import Case, Evidence
from bot.evaluation.snapshot import Moment, Stream, snapshot
from bot.model import Fired, Signal, SignalKey
from bot.posthog.client import Client
from bot.posthog.reader import read
from bot.posthog.reading import Problem, Reading
from bot.posthog.state import ReadState
from bot.store import Database, Transaction, accounts, memory, signal_state, standings, thresholds
from bot.store import held_back as held
from bot.store import opportunities as stored
from bot.store import problems as reported
from detectors import scan
from detectors.base import Rules
from detectors.gates import REASONS

READ_STATE = "posthog"
FROZEN = frozenset({"limit_unknown", "limit_invalid", "impossible_values", "stale_data"})  # no news is not good news
Progress = Callable[[str], None]
On = dict[SignalKey, tuple[Fired, Signal]]


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Why an account, or one metric of it, gets no card."""

    account: str
    reason: str
    metric: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one pass over all accounts found."""

    at: datetime
    accounts: int
    calls: int
    decisions: tuple[opportunities.Decision, ...]
    held_back: tuple[HeldBack, ...]
    problems: tuple[Problem, ...]


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
        progress: Progress = lambda _: None,
        still_ours: Callable[[Transaction], None] = lambda _: None,
    ) -> Evaluation:
        """Evaluate as of `at`. A dry run works out everything and writes nothing.

        `still_ours` raises once another replica has taken the slot over: then nothing more is written.
        """
        with self.db.read() as tx:
            state = _known_at(at, ReadState.from_json(memory.get(tx, READ_STATE)))
            rules = Rules(**current_thresholds(tx, self.config).model_dump())
        reading, next_state = read(self.posthog, self.config, at, state)
        progress(f"{len(reading.accounts):,} accounts read from PostHog in {reading.calls} calls")
        today = reading.at.astimezone(ZoneInfo(reading.timezone)).date()
        with self.db.read() as tx:
            updates = usage.update(tx, self.config, reading, today)
        if not dry_run:
            self._remember(reading, today, updates, next_state, still_ours)
            progress("usage stored")
        evidence = self._evidence(reading, today, {name: one.after for name, one in updates.items()}, rules)
        progress("signals worked out")
        return self._settle(evidence, reading, dry_run=dry_run, still_ours=still_ours)

    def _remember(
        self,
        reading: Reading,
        today: date,
        updates: Mapping[str, usage.Update],
        state: ReadState,
        still_ours: Callable[[Transaction], None],
    ) -> None:
        """In short transactions, so that clicks need not wait; only when all is stored is it remembered as read."""
        with self.db.transaction() as tx:
            still_ours(tx)
            accounts.save(tx, reading.accounts)
        for write in usage.writes(reading, today, updates):
            with self.db.transaction() as tx:
                write(tx)
        with self.db.transaction() as tx:
            still_ours(tx)
            memory.put(tx, READ_STATE, state.to_json())

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
        )
        columns = snapshot(self.config, reading.accounts, streams, moment)
        return Evidence(self.config, reading.at, reading.accounts, columns, scan(columns, rules), streams)

    def _settle(
        self, evidence: Evidence, reading: Reading, *, dry_run: bool, still_ours: Callable[[Transaction], None]
    ) -> Evaluation:
        with self.db.read() as tx:
            on, over = turned(evidence, signal_state.load(tx))
            decisions = self._decide(tx, evidence, on)
        held_back = (*gated(evidence), *_declined(decisions))
        problems = (*reading.problems, *usage.impossible_levels(self.config, reading))
        if not dry_run:
            for write in _writes(evidence, (on, over), decisions, (held_back, problems)):
                with self.db.transaction() as tx:
                    still_ours(tx)
                    write(tx)
        return Evaluation(evidence.at, len(evidence.accounts), reading.calls, decisions, held_back, problems)

    def _decide(self, tx: Transaction, evidence: Evidence, on: On) -> tuple[opportunities.Decision, ...]:
        cases = list(_cases(evidence, on))
        by_key = {account.key: account for account in evidence.accounts}
        live = stored.live(tx)
        closed = stored.last_closed(tx, {case.account.key for case in cases} - live.keys())
        return tuple(opportunities.decide(cases, live, closed, by_key, self.config.plans))


def _writes(
    evidence: Evidence,
    signals: tuple[On, list[SignalKey]],
    decisions: Sequence[decisions_.Decision],
    reports: tuple[Sequence[HeldBack], Sequence[Problem]],
) -> Iterator[Callable[[Transaction], None]]:
    """In parts for a short transaction each, so that clicks need not wait. Done once more, they change nothing."""
    yield lambda tx: signal_state.save(tx, *signals)
    for start in range(0, len(decisions), PART):
        yield partial(decisions_.carry_out, decisions=decisions[start : start + PART], at=evidence.at)
    yield lambda tx: held.replace(tx, reports[0])
    yield lambda tx: reported.report(tx, "posthog", reports[1])
    standings_now = list(standing.of_all(evidence))
    for start in range(0, len(standings_now), PART):
        yield partial(standings.save, at=evidence.at, metrics=dict(standings_now[start : start + PART]))


def _known_at(at: datetime, state: ReadState) -> ReadState:
    """What was read on a later day says little of an earlier one, which is read as if for the first time."""
    return ReadState() if state.watermark and at < state.watermark - timedelta(days=1) else state


def current_thresholds(tx: Transaction, config: Config) -> Thresholds:
    """What managers set in Slack, else what the configuration says."""
    last = thresholds.current(tx)
    return last.values if last else config.thresholds


def turned(evidence: Evidence, before: On) -> tuple[On, list[SignalKey]]:
    """The signals that are on now, and the keys of those that are over.

    A signal whose usage cannot be judged just now (stale, impossible, limit gone) stays as it was: a failed
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
        if _unjudged(evidence, rows, key):
            on[key] = known
        else:
            over.append(key)
    return on, over


def _unjudged(evidence: Evidence, rows: Mapping[str, int], key: SignalKey) -> bool:
    account, _, metric, _ = key
    if account not in rows:
        return True
    codes = evidence.scan.gates.get(metric or "")
    return codes is not None and codes[rows[account]] > 0 and REASONS[codes[rows[account]]] in FROZEN


def _cases(evidence: Evidence, on: On) -> Iterator[Case]:
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


def _declined(decisions: tuple[opportunities.Decision, ...]) -> Iterator[HeldBack]:
    for decision in decisions:
        if isinstance(decision, opportunities.HoldBack):
            yield HeldBack(decision.case.account.key, decision.reason)
