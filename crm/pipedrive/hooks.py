"""Webhooks: one for each address, known to be ours by its name; and what Pipedrive tells through it.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2: nothing is signed, HTTP basic authentication is all there is.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from hmac import compare_digest
from typing import Any

from crm.base import AuthFailed, Webhook
from crm.pipedrive.api import PipedriveApi, Row

WEBHOOKS = "/api/v1/webhooks"
OURS = "Headroom"
USER = "headroom"


def ensure(api: PipedriveApi, hook: Webhook) -> None:
    """A changed secret makes a new one; what is left of older ones is removed afterwards."""
    held = [row for row in api.call("GET", WEBHOOKS).get("data") or () if _is_ours(row, hook)]
    good = sorted(int(row["id"]) for row in held if row["name"] == _name(hook) and row.get("is_active"))
    if not good:
        api.write("POST", WEBHOOKS, _row(hook))
    for row in held:
        if int(row["id"]) not in good[:1]:
            api.remove(f"{WEBHOOKS}/{int(row['id'])}")


def deal_ids(hook: Webhook, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Each deal once, in the order of telling."""
    if not _knows_secret(hook, headers):
        raise AuthFailed("Somebody who does not know the secret called Pipedrive's webhook")
    return list(dict.fromkeys(str(meta["entity_id"]) for meta in _metas(body) if _is_of_deal(meta)))


def _row(hook: Webhook) -> Row:
    return {
        "subscription_url": hook.address,
        "event_action": "*",
        "event_object": "deal",
        "name": _name(hook),
        "http_auth_user": USER,
        "http_auth_password": hook.secret,
        "version": "2.0",
    }


def _name(hook: Webhook) -> str:
    """With a fingerprint: the list does not show the secret, and this name must not give it away."""
    return f"{OURS} {hashlib.sha256(f'{OURS} webhook {hook.secret}'.encode()).hexdigest()[:12]}"


def _is_ours(row: Row, hook: Webhook) -> bool:
    return row.get("subscription_url") == hook.address and str(row.get("name", "")).startswith(f"{OURS} ")


def _knows_secret(hook: Webhook, headers: Mapping[str, str]) -> bool:
    given = next((value for name, value in headers.items() if name.casefold() == "authorization"), "")
    kind, _, encoded = given.partition(" ")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        return False
    return compare_digest(pair, f"{USER}:{hook.secret}".encode()) and kind.casefold() == "basic" and bool(hook.secret)


def _metas(body: bytes) -> Iterator[dict[str, Any]]:
    """What cannot be read tells nothing: it was but a hint."""
    try:
        told = json.loads(body)
    except ValueError:
        return
    for event in told if isinstance(told, list) else [told]:
        if isinstance(event, dict) and isinstance(event.get("meta"), dict):
            yield event["meta"]


def _is_of_deal(meta: Mapping[str, Any]) -> bool:
    return meta.get("entity") == "deal" and str(meta.get("entity_id", "")).isdecimal()
