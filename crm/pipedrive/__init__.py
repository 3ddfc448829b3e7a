"""Pipedrive: API v2, and v1 for notes, users and currencies, which v2 does not have.

https://developers.pipedrive.com/docs/api/v1 (both versions). There is no upsert, no unique custom field and no
idempotency key: deals carry our key in a text field of their own, and whoever creates one looks it up by that.
"""

from collections.abc import Mapping

import httpx

from crm.base import Crm, Setup
from crm.pipedrive.adapter import Pipedrive
from crm.pipedrive.api import PipedriveApi


def connect(client: httpx.Client, url: str, credentials: Mapping[str, str], setup: Setup) -> Crm:
    """Credentials: `token`, a personal API token."""
    return Pipedrive(PipedriveApi(client, url, {"x-api-token": credentials["token"]}, setup.deadline), setup)
