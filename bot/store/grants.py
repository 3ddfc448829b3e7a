"""OAuth grants at rest: sealed with a key made from the deployment's own secrets, renewed by one replica at a time."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, and_, or_, select, update

from bot.store.database import Transaction
from bot.store.delivery_tables import oauth_grant
from bot.store.tables import WORKSPACE
from bot.store.writing import changed, inserted


@dataclass(frozen=True, slots=True)
class Seal:
    """Who replaces a secret cannot read what was sealed with the old one: then a grant is asked for anew."""

    _fernet: Fernet

    @classmethod
    def of(cls, secrets: Iterable[str]) -> "Seal":
        material = json.dumps(sorted(secrets)).encode()
        key = HKDF(SHA256(), length=32, salt=None, info=b"headroom oauth grant").derive(material)
        return cls(Fernet(base64.urlsafe_b64encode(key)))

    def close(self, value: Any) -> bytes:
        return self._fernet.encrypt(json.dumps(value).encode())

    def open(self, sealed: bytes | None) -> Any:
        """None where it was sealed with other secrets."""
        try:
            return None if sealed is None else json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None


def get(tx: Transaction, provider: str, seal: Seal) -> tuple[Any, datetime | None]:
    """The grant as it was put, and when it runs out; None where there is none that can be read."""
    row = tx.execute(select(oauth_grant.c.sealed, oauth_grant.c.expires_at).where(_of(provider))).one_or_none()
    return (seal.open(row.sealed), row.expires_at) if row else (None, None)


def put(tx: Transaction, provider: str, seal: Seal, value: Any, expires_at: datetime) -> None:
    """Replace it; whoever renewed it has done so."""
    now = {"sealed": seal.close(value), "expires_at": expires_at, "lease_owner": None, "lease_until": None}
    tx.execute(update(oauth_grant).where(_of(provider)).values(now))


def take(tx: Transaction, provider: str, owner: str, lease: timedelta) -> bool:
    """Whether `owner` is the one to renew it now."""
    leased = {"lease_owner": owner, "lease_until": tx.now() + lease}
    if inserted(tx, oauth_grant, provider=provider, **leased):
        return True
    free = or_(oauth_grant.c.lease_until.is_(None), oauth_grant.c.lease_until < tx.now())
    return changed(tx, update(oauth_grant).where(_of(provider), free).values(leased)) == 1


def release(tx: Transaction, provider: str, owner: str) -> None:
    """It was not renewed; another may try."""
    mine = and_(_of(provider), oauth_grant.c.lease_owner == owner)
    tx.execute(update(oauth_grant).where(mine).values(lease_owner=None, lease_until=None))


def _of(provider: str) -> ColumnElement[bool]:
    return and_(oauth_grant.c.workspace == WORKSPACE, oauth_grant.c.provider == provider)
