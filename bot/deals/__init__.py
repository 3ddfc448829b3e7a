"""Deals at the CRM: the jobs that make them, keep them up to date and give the rep a task, each write made once."""

from collections.abc import Mapping

from bot.deals.amend import AmendDeal
from bot.deals.push import PushDeal
from bot.deals.task import ClaimTask
from bot.deals.work import Tools, show
from bot.evaluation import deal_news
from bot.outbox import Handler, Job
from bot.store import Transaction

PUSH, AMEND, TASK = "push_deal", deal_news.AMEND, "claim_task"
KINDS = (PUSH, AMEND, TASK)
GIVEN_UP = {PUSH: "", AMEND: "Not updated: ", TASK: "No task: "}  # as the card begins to say so


def handlers(tools: Tools) -> Mapping[str, Handler]:
    return {PUSH: PushDeal(tools), AMEND: AmendDeal(tools), TASK: ClaimTask(tools)}


def buried(tx: Transaction, job: Job, why: str) -> None:
    """The outbox gives it up: the card says so, and the button is there again."""
    show(tx, int(job.payload["opportunity"]), f"{GIVEN_UP[job.kind]}{why}")
