"""The CRM's webhook: asked for where the internet can reach us, and believed only as a hint."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.deals.follow import Trouble
from bot.deals.hints import Hints
from bot.store import Database, memory, problems
from crm.base import AuthFailed, Crm, CrmError, Webhook

PATH = "/crm/webhook"
SOURCE = "crm_webhook"  # of the problem that it reports


def webhook(public_url: str, secrets: Iterable[str]) -> Webhook:
    """The secret follows from those that we have, so that there is none to configure or to keep."""
    known = "\n".join(secrets).encode()
    secret = hmac.new(known, b"headroom crm webhook v1", hashlib.sha256).hexdigest()[:40]
    return Webhook(public_url.rstrip("/") + PATH, secret)


@dataclass(frozen=True, slots=True)
class Door:
    """What the CRM tells comes in here."""

    crm: Crm
    hook: Webhook
    hints: Hints

    def __call__(self, headers: Mapping[str, str], body: bytes) -> bool:
        """False: whoever tells it does not know the secret. Nobody is called."""
        try:
            self.hints.tell(self.crm.parse_webhook(self.hook, headers, body))
        except AuthFailed:
            return False
        return True


def ensure(db: Database, crm: Crm, hook: Webhook) -> dict[str, Any]:
    """Made or renewed as needed; what is remembered of it. That it failed is a problem, and raised as CrmError."""
    with db.read() as tx:
        now = tx.now()
    try:
        until = crm.ensure_webhook(hook, now)
    except CrmError as error:
        words = f"{crm.name} does not tell of changed deals, which are noticed at the next poll only: {error}"
        with db.transaction() as tx:
            problems.report(tx, SOURCE, [Trouble("webhook_refused", words)])
        raise
    told = {"address": hook.address, "until": until.isoformat() if until else None}
    with db.transaction() as tx:
        memory.put(tx, SOURCE, told)
        problems.report(tx, SOURCE, [])
    return told


def fingerprint(hook: Webhook) -> str:
    """Tells one address and secret from another, and neither to anybody."""
    return hashlib.sha256(f"{hook.address}\n{hook.secret}".encode()).hexdigest()[:12]
