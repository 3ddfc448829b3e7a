"""`headroom doctor`: looks at everything that a run depends on, never stops at the first fault, names each fix."""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.config import Config
from bot.config.mistakes import ConfigError
from bot.doctor.checks import Check, Probe
from bot.model import Clock
from bot.redaction import redact
from bot.store import Database
from bot.store import problems as reported

log = logging.getLogger(__name__)
MOST_PROBLEMS = 50
DRIFT_WORTH_A_WORD = timedelta(seconds=60)
DRIFT_REFUSED = timedelta(seconds=300)  # https://docs.slack.dev/authentication/verifying-requests-from-slack
MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]look[/]", "fail": "[bold red]FAIL[/]"}
PLAIN_MARKS = {"ok": "ok", "warn": "look", "fail": "FAIL"}


def examine(probes: Mapping[str, Probe]) -> Iterator[Check]:
    """Run every probe, each on its own: one that fails is a finding like any other."""
    told: set[str] = set()
    for name, probe in probes.items():
        try:
            yield from probe()
        except ConfigError as error:
            yield from (Check.fail(name, mistake) for mistake in error.mistakes if mistake not in told)
            if told.issuperset(error.mistakes):  # most parts need the same settings
                yield Check.warn(name, "not looked at until the mistakes above are mended")
            told.update(error.mistakes)
        except Exception as error:  # an edge: whatever a vendor's library raises must not hide the other findings
            log.debug("doctor: %s", name, exc_info=True)
            yield Check.fail(name, _first_line(error))


def failed(checks: Iterable[Check]) -> bool:
    return any(check.status == "fail" for check in checks)


def _first_line(error: Exception) -> str:
    lines = redact(str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def configuration(read: Callable[[], Config]) -> Probe:
    """headroom.toml: its mistakes, and what is allowed but seldom meant."""

    def probe() -> Iterator[Check]:
        config = read()
        yield Check.ok("configuration", f"{len(config.metrics)} metrics, {len(config.plans)} plans")
        yield from (Check.warn("configuration", what, fix) for what, fix in _seldom_meant(config))

    return probe


def _seldom_meant(config: Config) -> Iterator[tuple[str, str]]:
    if config.plans and not config.account.plan:
        yield "plans are given, but no account's plan is known", "set account.plan to the property that holds it"
    for key, metric in config.metrics.items():
        if not metric.limit_property and not any(key in plan.limits for plan in config.plans.values()):
            yield f"nothing limits the metric {key}", f"add it to a plan's limits, or set metrics.{key}.limit_property"
    if not config.slack.managers:
        yield "nobody may change the thresholds in Slack", "add user or user group ids to slack.managers"


def settings(missing: Callable[[], list[str]]) -> Probe:
    """The names that this deployment needs and does not have."""

    def probe() -> Iterator[Check]:
        if lines := missing():
            raise ConfigError(lines)
        yield Check.ok("settings", "every name that is needed is set")

    return probe


def database(store: Database) -> Probe:
    """Whether it answers, and has the tables of this version."""

    def probe() -> Iterator[Check]:
        with store.read() as transaction:
            transaction.connection()
        if store.ready():
            yield Check.ok("database", f"{store.dialect} answers, with the tables of this version")
        else:
            yield Check.warn(
                "database", "it answers, without the tables of this version", "they are made when headroom next runs"
            )

    return probe


def open_problems(store: Database) -> Probe:
    """What evaluations and deliveries found and nobody has mended yet."""

    def probe() -> Iterator[Check]:
        if not store.ready():
            return
        with store.read() as tx:
            found = reported.listing(tx, MOST_PROBLEMS)
        for problem in found:
            about = f"{problem.account}: " if problem.account else ""
            yield Check.warn("problems", f"{problem.what}: {about}{problem.detail} (since {problem.at:%Y-%m-%d})")

    return probe


def clock(addresses: Mapping[str, str], now: Clock) -> Probe:
    """This machine's clock against the vendors', by the Date of any answer of theirs."""

    def probe() -> Iterator[Check]:
        for vendor, address in addresses.items():
            try:
                answer = httpx.head(address, timeout=5)
                drift = now() - parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                yield Check.warn(
                    "clock", f"{vendor} told no time ({type(error).__name__})", f"can you reach {address}?"
                )
                continue
            yield _drift(vendor, drift)

    return probe


def _drift(vendor: str, drift: timedelta) -> Check:
    what = f"{abs(drift.total_seconds()):.0f} s {'ahead of' if drift > timedelta() else 'behind'} {vendor}"
    fix = "switch on the machine's time synchronisation (NTP)"
    if abs(drift) > DRIFT_REFUSED:
        return Check.fail("clock", f"{what}: Slack refuses beyond 300 s, and periods end at the wrong time", fix)
    if abs(drift) > DRIFT_WORTH_A_WORD:
        return Check.warn("clock", what, fix)
    return Check.ok("clock", f"agrees with {vendor}")


class Trouble(Protocol):
    @property
    def what(self) -> str: ...
    @property
    def detail(self) -> str: ...


def problems(name: str, ask: Callable[[], Iterable[Trouble]], fine: str, mild: Collection[str] = ()) -> Probe:
    """A vendor that only speaks of problems: `fine` is said when there are none."""

    def probe() -> Iterator[Check]:
        found = list(ask())
        for trouble in found:
            say = Check.warn if trouble.what in mild else Check.fail
            yield say(name, trouble.detail)
        if not found:
            yield Check.ok(name, fine)

    return probe


def show(checks: Sequence[Check], console: Console) -> None:
    """A table for a person at a terminal, plain lines for a file or a log."""
    if not console.is_terminal:
        for check in checks:
            console.out(f"{PLAIN_MARKS[check.status]:<5} {check.name}: {_said(check)}", highlight=False)
        return
    table = Table("", "part", "what", "fix", box=None, pad_edge=False)
    for check in checks:
        table.add_row(MARKS[check.status], check.name, escape(check.what), escape(check.fix or ""))
    console.print(table)


def _said(check: Check) -> str:
    return f"{check.what} -> {check.fix}" if check.fix else check.what


def as_json(checks: Sequence[Check], at: datetime) -> str:
    """For scripts and monitoring."""
    shown = [asdict(check) for check in checks]
    return json.dumps({"at": at.isoformat(), "ok": not failed(checks), "checks": shown}, ensure_ascii=False, indent=2)
