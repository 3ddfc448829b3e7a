"""Pushes and what follows from them: how they are enqueued, and what the answers to their questions do."""

from collections.abc import Mapping
from typing import Any

from bot import deals
from bot.config import Crm
from bot.evaluation.decisions import enqueue_card
from bot.model import LIVE, Opportunity, Question
from bot.slack.desk import Answer
from bot.store import Transaction, deal_owners, jobs, questions, reps

PUSH_PRIORITY, TASK_PRIORITY = 20, 30
ANSWERED = Answer(False, "That has been answered already. The card shows what came of it.")
GONE_FROM_CHOICE = Answer(False, "That one cannot be chosen any more. Push again to see what can.")


def enqueue_push(tx: Transaction, crm: Crm, identity: int, version: int, by: str, **wish: Any) -> None:
    """`wish` is what the rep answered: {"adopt": deal id} or {"new": True}."""
    payload = {"opportunity": identity, "by": by, **wish}
    _enqueue(tx, crm, deals.PUSH, payload, f"push:{identity}:{version}", PUSH_PRIORITY)


def enqueue_task(tx: Transaction, crm: Crm, identity: int, version: int) -> None:
    """A task for whoever claimed it, if the configuration wants one; it is made once, however often this is asked."""
    if crm.kind is not None and crm.follow_up is not None:
        _enqueue(tx, crm, deals.TASK, {"opportunity": identity}, f"task:{identity}:{version}", TASK_PRIORITY)


def use_deal(tx: Transaction, crm: Crm, user: str, now: Opportunity, deal: str) -> Answer:
    question = _open(now, "deal")
    if question is None:
        return ANSWERED
    if deal not in {one.id for one in question.deals}:
        return GONE_FROM_CHOICE
    return _push_again(tx, crm, now, user, adopt=deal)


def new_deal(tx: Transaction, crm: Crm, user: str, now: Opportunity) -> Answer:
    return ANSWERED if _open(now, "deal") is None else _push_again(tx, crm, now, user, new=True)


def choose_owner(tx: Transaction, crm: Crm, now: Opportunity, rep: str, owner: str) -> Answer:
    """Remembered for every later push of this rep."""
    question = _open(now, "owner")
    if question is None or question.by != rep:
        return ANSWERED
    if owner not in {one.id for one in deal_owners.search(tx)}:
        return GONE_FROM_CHOICE
    reps.choose(tx, rep, owner)
    if question.pushes:
        return _push_again(tx, crm, now, rep)
    version = questions.answer(tx, now.id, None)
    return ANSWERED if version is None else _go_on(tx, crm, now, version)


def _open(now: Opportunity, what: str) -> Question | None:
    return now.question if now.state in LIVE and now.question and now.question.what == what else None


def _push_again(tx: Transaction, crm: Crm, now: Opportunity, by: str, **wish: Any) -> Answer:
    version = questions.answer(tx, now.id, "pushing")
    if version is None:
        return ANSWERED
    enqueue_push(tx, crm, now.id, version, by, **wish)
    return _go_on(tx, crm, now, version)


def _go_on(tx: Transaction, crm: Crm, now: Opportunity, version: int) -> Answer:
    enqueue_task(tx, crm, now.id, version)
    enqueue_card(tx, now.id, version)
    return Answer(True)


def _enqueue(tx: Transaction, crm: Crm, kind: str, payload: Mapping[str, Any], ukey: str, priority: int) -> None:
    subject = f"deal:{payload['opportunity']}"
    jobs.enqueue(tx, kind, payload, ukey=ukey, subject=subject, priority=priority, scope=crm.kind)
