"""Sightings of an evaluation, kept for those who ask later: as JSON by account, with people and sessions as numbers."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from bot.posthog.reading import Reading, Sighting

KINDS = ("lockouts", "billing_visits", "save_visits")  # as they are called in a Reading, a Moment and a Snapshot


def to_json(reading: Reading) -> dict[str, Any]:
    """Of the accounts where anybody was seen. Who it was stays in PostHog: numbers tell people apart."""
    found: dict[str, dict[str, Any]] = {}
    numbers: dict[str, dict[str, str]] = {}
    for account, invited in reading.invited.items():
        if invited:
            found[account] = {"active": reading.active_people.get(account, 0.0), "invited": invited}
    for kind in KINDS:
        for one in getattr(reading, kind):
            known = numbers.setdefault(one.account, {"": ""})  # what PostHog does not tell stays untold
            told = found.setdefault(one.account, {"active": reading.active_people.get(one.account, 0.0)})
            person, session = (known.setdefault(it, str(len(known))) for it in (one.person, one.session))
            told.setdefault(kind, []).append([one.subject, person, session, one.day.isoformat()])
    return found


def from_json(account: str, stored: Mapping[str, Any] | None) -> dict[str, tuple[Sighting, ...]]:
    """By kind."""
    return {kind: tuple(_read(account, (stored or {}).get(kind, ()))) for kind in KINDS}


def _read(account: str, stored: Iterable[Any]) -> Iterable[Sighting]:
    for subject, person, session, day in stored:
        yield Sighting(account, subject, person, session, date.fromisoformat(day))
