"""What is over and old is deleted: nobody asks for it, and it names customers."""

from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, and_, delete

from bot.store.database import Transaction
from bot.store.delivery_tables import inbox, job, run
from bot.store.tables import WORKSPACE, problem

OVER = ("done", "failed", "dead")


def purge(tx: Transaction, before: datetime) -> dict[str, int]:
    """Delete what ended before then; the number of rows by table. An opportunity and its history stay."""
    ended = {
        job: and_(job.c.state.in_(OVER), job.c.updated_at < before),
        inbox: inbox.c.received_at < before,
        run: and_(run.c.state != "running", run.c.scheduled_for < before),
        problem: problem.c.resolved_at < before,
    }
    counts = {}
    for table, condition in ended.items():
        deleted = tx.execute(delete(table).where(table.c.workspace == WORKSPACE, condition))
        counts[table.name] = cast("CursorResult[tuple[()]]", deleted).rowcount
    return counts
