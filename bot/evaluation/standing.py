"""Where accounts stand on their metrics, kept for those who ask later: as JSON in the store, as Standing outside."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from bot.config import Config
from bot.evaluation.cases import Evidence
from bot.model import Standing
from bot.signal_json import instant
from detectors.base import Usage
from detectors.gates import REASONS, SILENT

BAD = "bad"  # impossible values were seen
DOUBT = "doubt"  # why its figures are not to be trusted, seen over all accounts


def of_all(evidence: Evidence) -> Iterator[tuple[str, dict[str, Any]]]:
    """By account, by metric; metrics that an account neither uses nor is limited in are left out."""
    for row, account in enumerate(evidence.accounts):
        told = {}
        for metric, codes in evidence.scan.gates.items():
            standing = _to_json(evidence.standing(row, metric), REASONS[max(int(codes[row]), 0)] or None)
            if codes[row] != SILENT or standing["used"]:
                told[metric] = standing | _seen_of_all(evidence.snapshot.usages[metric], row)
        yield account.key, told


def _seen_of_all(usage: Usage, row: int) -> dict[str, Any]:
    """What cannot be told again from the account's own figures."""
    doubt = REASONS[usage.doubt[row]] if usage.doubt is not None else ""
    return ({BAD: True} if usage.bad[row] else {}) | ({DOUBT: doubt} if doubt else {})


def read(config: Config, stored: Mapping[str, Any]) -> tuple[Standing, ...]:
    """In the order of the configuration."""
    return tuple(_from_json(key, metric.label, stored[key]) for key, metric in config.metrics.items() if key in stored)


def _to_json(standing: Mapping[str, Any], held_back: str | None) -> dict[str, Any]:
    crosses_on, between = standing.get("crosses_on"), standing.get("crosses_between")
    return {
        "used": standing["used"],
        "limit": standing["limit"],
        "as_of": instant(standing["as_of"]),
        "probability": standing.get("probability"),
        "crosses_on": crosses_on and crosses_on.isoformat(),
        "crosses_between": between and [day.isoformat() for day in between],
        "held_back": held_back,
    }


def _from_json(metric: str, label: str, stored: Mapping[str, Any]) -> Standing:
    crosses_on, between = stored["crosses_on"], stored["crosses_between"]
    return Standing(
        metric=metric,
        label=label,
        used=stored["used"],
        limit=stored["limit"],
        as_of=datetime.fromisoformat(stored["as_of"]),
        probability=stored["probability"],
        crosses_on=crosses_on and date.fromisoformat(crosses_on),
        crosses_between=between and (date.fromisoformat(between[0]), date.fromisoformat(between[1])),
        held_back=stored["held_back"],
    )
