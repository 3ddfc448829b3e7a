"""Notifications of changed deals: one channel for each address and secret, renewed before its week is over.

https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html: nothing is signed; a token of ours comes
back with each message.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

from crm.base import AuthFailed, Invalid, NotFound, Webhook
from crm.zoho.api import Row, ZohoApi
from crm.zoho.forms import moment

WATCH = "/actions/watch"
EVENTS = ["Deals.all"]
LIFE = timedelta(days=7) - timedelta(minutes=10)  # a week is the longest, and clocks differ
RENEW = timedelta(days=3)  # before it runs out: a bot that is down for a weekend still hears of everything
LONGEST_TOKEN = 50


def ensure(api: ZohoApi, hook: Webhook, now: datetime) -> datetime:
    """Until when it holds. What is left of older secrets is removed afterwards."""
    held = [row for row in api.pages(WATCH, under="watch") if row.get("notify_url") == hook.address]
    ours = [row for row in held if str(row.get("channel_id")) == channel(hook)]
    until = max((moment(row["channel_expiry"]) for row in ours if row.get("channel_expiry")), default=now)
    if until - now < RENEW:
        until = _renewed(api, hook, now, there=bool(ours))
    _remove(api, [str(row["channel_id"]) for row in held if row not in ours])
    return until


def deal_ids(hook: Webhook, body: bytes) -> list[str]:
    """Each deal once, in the order of telling."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not hook.secret or not _knows(hook, told.get("token")):
        raise AuthFailed("Somebody who does not know the secret called Zoho's webhook")
    ids = told.get("ids")
    if told.get("module") != "Deals" or not isinstance(ids, list):
        return []
    return list(dict.fromkeys(str(one) for one in ids if str(one).isdecimal()))


def channel(hook: Webhook) -> str:
    """A number of up to 18 digits. With the secret in it: the list may not show tokens, and must not have to."""
    return str(int(_digest(hook, "channel")[:14], 16) + 1)


def token(hook: Webhook) -> str:
    """What comes back with each message; Zoho takes no long ones, and need not know the secret itself."""
    return _digest(hook, "token")[:LONGEST_TOKEN]


def _renewed(api: ZohoApi, hook: Webhook, now: datetime, there: bool) -> datetime:
    until = (now + LIFE).astimezone(UTC).replace(microsecond=0)
    row = {
        "channel_id": channel(hook),
        "events": EVENTS,
        "notify_url": hook.address,
        "token": token(hook),
        "channel_expiry": until.isoformat(),  # neither Z nor parts of a second are taken
        "notify_on_related_action": False,
    }
    if there:
        with suppress(NotFound, Invalid):  # it ran out at this moment: made anew
            return _until(api.write("PUT", WATCH, row, under="watch"), until)
    return _until(api.write("POST", WATCH, row, under="watch"), until)


def _until(written: Row, asked: datetime) -> datetime:
    """What Zoho granted may be shorter than what was asked."""
    told = [row["channel_expiry"] for row in written.get("events") or () if row.get("channel_expiry")]
    return min((moment(one) for one in told), default=asked)


def _remove(api: ZohoApi, channels: Iterable[str]) -> None:
    for one in channels:
        with suppress(NotFound, Invalid):  # gone already
            api.done("DELETE", api.call("DELETE", WATCH, {"channel_ids": one}), under="watch")


def _knows(hook: Webhook, given: Any) -> bool:
    return compare_digest(str(given).encode(errors="replace"), token(hook).encode())


def _digest(hook: Webhook, purpose: str) -> str:
    return hashlib.sha256(f"Headroom {purpose}\n{hook.address}\n{hook.secret}".encode()).hexdigest()
