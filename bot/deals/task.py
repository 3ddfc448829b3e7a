"""A task for the rep who claimed an opportunity: made once, on the deal if there is one, else on the organisation."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.config import FollowUp
from bot.deals import fence, organisation
from bot.deals.once import Step
from bot.deals.work import Tools, Work
from bot.model import LIVE, Question
from bot.outbox import Ending, Job, JobContext, Retry
from bot.slack.text import called, clean, shorten
from bot.store import jobs, reps
from crm.base import CrmError, Record, Task

LONGEST = 200
SATURDAY = 5
PUSH_SECONDS = 15.0  # a push under way makes the deal that the task belongs to


@dataclass(frozen=True, slots=True)
class ClaimTask:
    """The handler of "claim_task" jobs."""

    tools: Tools

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any] | None:
        wish = self.tools.config.crm.follow_up
        if wish is None:
            return {"left": "no task is configured"}
        try:
            with fence.around(context):
                return _make(self.tools.work(job, context), wish)
        except (CrmError, Ending) as error:
            raise self.tools.ending(error) from error


def due(today: date, working_days: int) -> date:
    """So many working days from now; none from now is the next working day, today included."""
    day = _working(today)
    for _ in range(working_days):
        day = _working(day + timedelta(days=1))
    return day


def _make(work: Work, wish: FollowUp) -> dict[str, Any]:
    one = work.opportunity
    if one.owner is None or one.state not in LIVE:
        return {"left": "nobody's"}
    if work.remote_id(work.task_key) is not None:
        return {"left": "made already"}
    if one.question is not None:
        return {"left": "a question is open"}  # the answer to it has the task made as well
    if _is_pushed(work):
        raise Retry("The deal is on its way", PUSH_SECONDS)
    owner = work.owners.owner(one.owner)
    if owner is None:
        work.ask(Question("owner", one.owner, pushes=False))
        return {"asked": "owner"}
    parents = _parents(work)
    task = Task(one.key, _subject(work, wish), due(_today(work, one.owner), wish.due_in_days), owner.id)

    def look(_: object) -> str | None:
        return next((found for parent in parents if (found := work.crm.find_task(parent, one.key))), None)

    made = work.once.do(Step(work.task_key, "the task", look, lambda: work.crm.create_task(parents[0], task)))
    return {"task": made}


def _is_pushed(work: Work) -> bool:
    with work.db.read() as tx:
        return jobs.is_waiting(tx, "push_deal", f"deal:{work.opportunity.id}")


def _parents(work: Work) -> list[Record]:
    """Where the task belongs, and where an earlier attempt may have put it."""
    deal = work.remote_id(work.deal_key)
    known = work.remote_id(work.organisation_key)
    if deal is None:
        return [Record("organisation", known or organisation.find_or_make(work)[0])]
    return [Record("deal", deal), *([Record("organisation", known)] if known else [])]


def _subject(work: Work, wish: FollowUp) -> str:
    one = work.opportunity
    plan = work.evidence.labels.plan(one.plan) if one.plan else "an unknown plan"
    return shorten(clean(wish.subject.format(account=called(one.account), plan=plan)), LONGEST)


def _today(work: Work, rep: str) -> date:
    """Where the rep is."""
    with work.db.read() as tx:
        person = reps.get(tx, rep)
    return _local(work.once.context.now(), person.tz if person else None).date()


def _local(now: datetime, zone: str | None) -> datetime:
    try:
        return now.astimezone(ZoneInfo(zone) if zone else UTC)
    except (ZoneInfoNotFoundError, ValueError):  # as Slack names it, and nobody else
        return now.astimezone(UTC)


def _working(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= SATURDAY else day
