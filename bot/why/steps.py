"""What the explanation of an account is made of: rules with their values, read from a trace."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.evaluation.cases import plain
from bot.evaluation.trace import Trace
from bot.model import Fired
from bot.slack.text import number
from detectors.base import Findings

LEVEL = "% of the limit"  # as the rule about each level ends
Seen = Mapping[str, Any]  # a row of evidence


@dataclass(frozen=True, slots=True)
class Step:
    """One rule. `met` is None where there was nothing to judge."""

    rule: str
    value: str
    needs: str
    met: bool | None
    since: datetime | None = None  # the signal is on


@dataclass(frozen=True, slots=True)
class Part:
    """The rules about one metric, or about the whole account."""

    title: str
    steps: tuple[Step, ...]


def state_of(trace: Trace, kind: str, metric: str | None, subject: str | None = None) -> Fired | None:
    found = trace.on.get((trace.account.key, kind, metric, subject))
    return found[0] if found else None


def seen(trace: Trace, kind: str, metric: str | None) -> Seen:
    """The evidence of the only row; nothing where the detector has no word on it."""
    return next(rows(trace, kind, metric), {})


def rows(trace: Trace, kind: str, metric: str | None) -> Iterator[Seen]:
    for found in trace.evidence.scan.findings:
        if (found.kind, found.metric) == (kind, metric):
            yield from (_row(found, index) for index in range(len(found.rows)))


def _row(found: Findings, index: int) -> Seen:
    told = {name: plain(column[index]) for name, column in found.evidence.items()}
    level = None if found.level is None else plain(found.level[index])
    subject = None if found.subject is None else found.subject[index]
    return {**told, "fires": bool(found.fires[index]), "level": level, "subject": subject}


def figure(value: float) -> str:
    return number(float(value))


def in_days(value: int) -> str:
    return f"{value} {'day' if value == 1 else 'days'}"


def in_hours(value: float) -> str:
    return "never" if value != value else f"{value:.0f} h"
