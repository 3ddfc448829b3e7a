"""What Slack told us of the people who work opportunities, so that it need not be asked each time."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select

from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, rep
from bot.store.writing import upsert


@dataclass(frozen=True, slots=True)
class Rep:
    """One person. The e-mail address finds them in the CRM."""

    slack_user_id: str
    email: str | None
    name: str | None
    tz: str | None
    fetched_at: datetime


def get(tx: Transaction, slack_user_id: str) -> Rep | None:
    columns = [rep.c[name] for name in Rep.__slots__]
    chosen = (rep.c.workspace == WORKSPACE, rep.c.slack_user_id == slack_user_id)
    row = tx.execute(select(*columns).where(*chosen)).one_or_none()
    return Rep(*row) if row else None


def save(tx: Transaction, person: Rep) -> None:
    upsert(tx, rep, [{"workspace": WORKSPACE, **asdict(person)}])
