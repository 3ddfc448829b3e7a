"""What the CRM's people did to a deal, carried over to its opportunity: each change once, with its line and card."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.evaluation.deal_news import AMEND
from bot.evaluation.decisions import enqueue_card, enqueue_thread
from bot.model import LIVE, State
from bot.store import Transaction, jobs, outcomes, references
from bot.store.columns import storable
from bot.store.outcomes import Followed
from crm.base import DealRecord

log = logging.getLogger(__name__)
LONGEST_REASON = 500
WRITERS = ("push_deal", AMEND)
What = Literal["won", "lost", "reason_given", "reopened", "reopened_beside", "deal_changed", "deal_merged", "deal_gone"]


@dataclass(frozen=True, slots=True)
class Books:
    """Where it is written down. `name` is what people call the CRM, `names` those of its users by id."""

    provider: str
    name: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the new state, if there is one, and columns of the opportunity."""

    what: What
    to: State | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def change(seen: Followed, record: DealRecord, owner: str | None) -> Change | None:
    """How the opportunity lags behind its deal; None: it does not."""
    facts = _facts(seen, record, owner)
    reason = storable(" ".join((record.lost_reason or "").split()))[:LONGEST_REASON] or None
    match record.status, seen.state:
        case "won", state if state != "won":
            return Change("won", "won", {**facts, "outcome_reason": None})
        case "lost", "open" | "claimed" | "snoozed" | "won":
            return Change("lost", "lost", {**facts, "outcome_reason": reason})
        case "lost", "lost" if reason != seen.outcome_reason:
            return Change("reason_given", None, {**facts, "outcome_reason": reason})
        case "open", "won" | "lost":
            back: State = "claimed" if seen.owner else "open"
            return Change("reopened", back, {**facts, "outcome_reason": None, "snoozed_until": None})
    return Change("deal_changed", None, facts) if facts else None


def _facts(seen: Followed, record: DealRecord, owner: str | None) -> dict[str, Any]:
    """Columns of the deal that differ. The name of an owner who left the company is not told: it stays as it is."""
    now = {"deal_title": storable(record.title), "deal_url": storable(record.url)}
    now |= {"deal_owner_name": storable(owner)} if owner else {}
    return {name: value for name, value in now.items() if getattr(seen, name) != value}


def follow(tx: Transaction, books: Books, seen: Followed, record: DealRecord) -> What | None:
    """What was changed in this transaction, if anything; `seen` is read anew, since calls take their time."""
    now = outcomes.get(tx, books.provider, seen.id)
    if now is None or now.deal_id != record.id:
        return None
    due = change(now, record, books.names.get(record.owner_id or ""))
    if due is None:
        return None
    if due.what == "reopened" and outcomes.has_another(tx, now):
        return _beside(tx, books, now)
    return _done(tx, books, now, due)


def _beside(tx: Transaction, books: Books, now: Followed) -> What | None:
    """The account has a newer live opportunity, which goes on: this one stays closed, and its history tells why."""
    if outcomes.last_return(tx, now.id) == "reopened_beside":
        return None
    return _done(tx, books, now, Change("reopened_beside"))


def merge(tx: Transaction, books: Books, seen: Followed, survivor: DealRecord) -> What | None:
    """Our deal was merged into this one, which has its key now."""
    now = outcomes.get(tx, books.provider, seen.id)
    if now is None or now.deal_id != seen.deal_id:
        return None
    facts = _facts(now, survivor, books.names.get(survivor.owner_id or ""))
    done = _done(tx, books, now, Change("deal_merged", None, {"deal_id": survivor.id, **facts}))
    if done:
        references.confirm(tx, books.provider, f"deal:{now.key}", survivor.id)
    return done


def _is_written_to(tx: Transaction, opportunity: int) -> bool:
    """Whether a push or an amendment is still to be done, for the first time or again."""
    return any(jobs.is_waiting(tx, kind, f"deal:{opportunity}") for kind in WRITERS)


def drop(tx: Transaction, books: Books, seen: Followed) -> What | None:
    """The deal is gone: it is forgotten, so that a push makes a new one. While one is under way, that one decides."""
    now = outcomes.get(tx, books.provider, seen.id)
    if now is None or now.deal_id != seen.deal_id or _is_written_to(tx, seen.id):
        return None
    words = f"No deal any more: it was deleted or archived in {books.name}. A push makes a new one."
    nothing: dict[str, Any] = dict.fromkeys(("deal_id", "deal_title", "deal_url", "deal_owner_name"))
    due = Change("deal_gone", None, {**nothing, "deal_state": words if now.state in LIVE else None})
    done = _done(tx, books, now, due)
    if done:
        for record in ("deal", "note"):
            references.forget(tx, books.provider, f"{record}:{now.key}")
    return done


def _done(tx: Transaction, books: Books, now: Followed, due: Change) -> What | None:
    version = outcomes.change(tx, now, books.provider, due.what, to=due.to, **due.values)
    if version is None:
        return None
    enqueue_card(tx, now.id, version)
    words = told(due, books.name)
    log.info("opportunity %s: %s", now.id, words or due.what)
    if words:
        enqueue_thread(tx, now.id, f"{due.what}:{version}", {"text": words})
    return due.what


def told(due: Change, crm: str) -> str | None:
    """What happened, for the thread of the card; None: the card alone tells it."""
    match due.what:
        case "won":
            return f"The deal was won in {crm}."
        case "lost":
            reason = due.values.get("outcome_reason")
            return f"The deal was lost in {crm}" + (f": {reason}" if reason else ", without a reason.")
        case "reopened":
            return f"The deal was reopened in {crm}, and so is this card."
        case "reopened_beside":
            return f"The deal was reopened in {crm}. The account has a newer card, so this one stays closed."
        case "deal_merged":
            return f"The deal was merged into another one in {crm}, which is followed from now on."
        case "deal_gone":
            return f"The deal was deleted or archived in {crm}. A push makes a new one."
    return None
