"""Pipedrive: API v2, and v1 for notes, users and currencies, which v2 does not have.

https://developers.pipedrive.com/docs/api/v1 (both versions). There is no upsert, no unique custom field and no
idempotency key: deals carry our key in a text field of their own, and whoever creates one looks it up by that.
"""

from collections.abc import Mapping

import httpx

from crm.base import Setting, Setup
from crm.oauth import Fixed, GrantStore
from crm.pipedrive.adapter import Pipedrive
from crm.pipedrive.api import PipedriveApi

TOKEN, URL = "PIPEDRIVE_API_TOKEN", "PIPEDRIVE_URL"
SETTINGS = (
    Setting(TOKEN, "Pipedrive, Personal preferences, API"),
    Setting(URL, "where Pipedrive's API is", "https://api.pipedrive.com", secret=False, url=True),
)
NEEDS = ((TOKEN,),)


def connect(client: httpx.Client, given: Mapping[str, str], setup: Setup, grants: GrantStore) -> Pipedrive:  # noqa: ARG001  # a fixed token needs none
    access = Fixed(given[URL], {"x-api-token": given[TOKEN]}, given[TOKEN])
    return Pipedrive(PipedriveApi(client, access, setup.deadline), setup)
