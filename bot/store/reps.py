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
    crm_user_id: str | None = None  # as the rep chose, where the CRM knows another address or none


def get(tx: Transaction, slack_user_id: str) -> Rep | None:
    columns = [rep.c[name] for name in Rep.__slots__]
    chosen = (rep.c.workspace == WORKSPACE, rep.c.slack_user_id == slack_user_id)
    row = tx.execute(select(*columns).where(*chosen)).one_or_none()
    return Rep(*row) if row else None


def save(tx: Transaction, person: Rep) -> None:
    """What Slack tells of a person; who they are in the CRM is theirs to say, and stays."""
    upsert(tx, rep, [{"workspace": WORKSPACE, **asdict(person)}], keep=("crm_user_id",))


def choose(tx: Transaction, slack_user_id: str, crm_user_id: str) -> None:
    """Who this person is in the CRM, whatever the addresses say."""
    row = {"workspace": WORKSPACE, "slack_user_id": slack_user_id, "fetched_at": tx.now(), "crm_user_id": crm_user_id}
    upsert(tx, rep, [row], keep=("fetched_at",))
