"""Who can own deals in the CRM: kept from the last time that somebody was not found there, for them to choose from."""

from collections.abc import Iterable
from dataclasses import asdict

from bot.model import DealOwner
from bot.store import memory
from bot.store.database import Transaction

NAME = "crm_users"


def save(tx: Transaction, owners: Iterable[DealOwner]) -> None:
    memory.put(
        tx, NAME, [asdict(owner) for owner in sorted(owners, key=lambda owner: (owner.name.casefold(), owner.id))]
    )


def search(tx: Transaction, text: str = "") -> list[DealOwner]:
    """Those with the text in their name or e-mail address, whatever its case; by name."""
    wanted = text.casefold().strip()
    known = (DealOwner(**stored) for stored in memory.get(tx, NAME) or ())
    return [owner for owner in known if wanted in f"{owner.name}\n{owner.email}".casefold()]
