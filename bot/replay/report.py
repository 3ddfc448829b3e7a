"""A replay for people at a terminal and, as JSON, for other programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.config import Config
from bot.replay import Replay, ReplayedCard, Side
from bot.replay.days import KINDS, Said
from bot.replay.outcomes import EARLY, Outcome
from bot.slack.text import clean
from detectors import load

FIRST = 10  # cards and owners that are shown
OUTCOMES: Mapping[Outcome, str] = {
    "passed": "passed its limit",
    "not_passed": "did not pass it",
    "undecided": "not decided yet",
    "fact": "tells of what had happened",
}
ASSUMED = """\
Replayed are the signals that stored days can tell: approaching limit, growth trajectory and overage pattern. Visits of
billing pages, lock-outs and invitations are not stored day by day, so cards that come from them alone are missing here.
Today's limits, plans and billing anchors are taken for all of the past, and nobody clicks: a card lives as long as one
of its signals. Each day is looked at once, as it ended; faults of the tracking are not looked for."""


def as_json(found: Replay) -> dict[str, Any]:
    """The contract of `replay --json`: keys may be added, none changes its meaning."""
    return {
        "first_day": found.first_day.isoformat(),
        "last_day": found.last_day.isoformat(),
        "known_since": found.known_since.isoformat(),
        "accounts": found.accounts,
        "looked_at": found.looked_at,
        "today": _side(found.today),
        "proposed": _side(found.proposed) if found.proposed else None,
        "not_replayed": sorted(load().keys() - set(KINDS)),
        "metrics_left_out": list(found.left_out),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "thresholds": side.thresholds.model_dump(mode="json"),
        "cards": [_card(card) for card in side.cards],
        "on_the_first_day": side.standing,
        "weeks": [{"from": day.isoformat(), "cards": count} for day, count in side.weeks],
        "owners": [{"owner_email": owner, "cards": count} for owner, count in side.owners],
        "outcomes": {outcome: side.count(outcome) for outcome in OUTCOMES},
        "precision": _rounded(side.precision),
        "median_lead_days": side.lead_days,
        "crossings": side.crossings.count,
        "recall": _rounded(side.recall),
        "recall_five_days_ahead": _rounded(side.early_recall),
        "false_alarms_per_100_account_months": _rounded(side.false_alarms),
        "account_months": round(side.account_months, 2),
    }


def _card(card: ReplayedCard) -> dict[str, Any]:
    return {
        "account": card.account,
        "name": card.name,
        "owner_email": card.owner_email,
        "day": card.day.isoformat(),
        "signals": [{"kind": one.kind, "metric": one.metric, "level": one.level} for one in card.signals],
        "outcome": card.outcome,
        "lead_days": card.lead_days,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def show(found: Replay, config: Config, console: Console) -> None:
    """The numbers side by side, then the first cards of each setting, then what to bear in mind."""
    sides = {"today": found.today} | ({"proposed": found.proposed} if found.proposed else {})
    some = f", a sample of {found.looked_at:,}" if found.looked_at < found.accounts else ""
    days = (found.last_day - found.first_day).days + 1
    head = f"{found.first_day} to {found.last_day} ({days} days), {found.accounts:,} accounts{some}"
    console.print(head, highlight=False)
    console.print(_numbers(sides))
    for title, side in sides.items():
        weeks = " ".join(f"{count:,}" for _, count in side.weeks)
        console.print(f"new cards week by week, {title}: {weeks}", highlight=False, soft_wrap=True)
    for title, side in sides.items():
        _print_cards(title, side, config, console)
    for line in (" ".join(ASSUMED.split()), *_of_this(found)):
        console.print(escape(clean(line)), highlight=False, soft_wrap=True, style="dim")


def _numbers(sides: dict[str, Side]) -> Table:
    table = Table("", *sides, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    rows = [_rows(side) for side in sides.values()]
    for number, (label, _) in enumerate(rows[0]):
        table.add_row(label, *(row[number][1] for row in rows))
    return table


def _rows(side: Side) -> Sequence[tuple[str, str]]:
    levels = ", ".join(f"{level:g}" for level in side.thresholds.approaching)
    return [
        ("approaching, % of the limit", levels),
        ("growth probability", f"{side.thresholds.growth_probability:g}"),
        ("new cards", f"{len(side.cards):,}"),
        ("  there on the first day already", f"{side.standing:,}"),
        ("cards a week", f"{_a_week(side):.1f}"),
        *((f"  {OUTCOMES[outcome]}", f"{side.count(outcome):,}") for outcome in OUTCOMES),
        ("precision, of those decided", _percent(side.precision)),
        ("lead time, median days", "-" if side.lead_days is None else f"{side.lead_days:g}"),
        ("limits passed", f"{side.crossings.count:,}"),
        ("  told of a day ahead or more", _percent(side.recall)),
        (f"  told of {EARLY} days ahead or more", _percent(side.early_recall)),
        ("false alarms in 100 account-months", "-" if side.false_alarms is None else f"{side.false_alarms:.1f}"),
    ]


def _a_week(side: Side) -> float:
    return 7 * len(side.cards) / side.days if side.days else 0.0


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _print_cards(title: str, side: Side, config: Config, console: Console) -> None:
    if not side.cards:
        return
    table = Table("day", "account", "owner", "why", "then", box=None, pad_edge=False)
    for card in side.cards[:FIRST]:
        why = ", ".join(_why(one, config) for one in card.signals)
        then = OUTCOMES[card.outcome] + (f" {card.lead_days} days later" if card.lead_days else "")
        table.add_row(str(card.day), *(escape(clean(text)) for text in (card.name, card.owner_email or "-", why, then)))
    more = f", the first {FIRST} of {len(side.cards):,}" if len(side.cards) > FIRST else ""
    console.print(f"\nnew cards, {title}{more}", highlight=False)
    console.print(table)
    owners = [f"{owner or 'nobody'} {count:,}" for owner, count in side.owners]
    more = f" and {len(owners) - FIRST} more" if len(owners) > FIRST else ""
    console.print(escape(clean(f"by owner: {', '.join(owners[:FIRST])}{more}")), highlight=False, soft_wrap=True)


def _why(said: Said, config: Config) -> str:
    label = f" {config.metrics[said.metric].label}" if said.metric in config.metrics else ""
    level = f" {said.level:g} %" if said.level is not None else ""
    return f"{said.kind.replace('_', ' ')}{label}{level}"


def _of_this(found: Replay) -> Iterator[str]:
    if found.left_out:
        yield f"Not stored day by day, and so left out: {', '.join(found.left_out)}."
    yield f"History is stored since {found.known_since}; a forecast needs five weeks of it."
