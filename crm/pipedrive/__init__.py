"""Pipedrive: API v2, and v1 for what v2 does not have: notes, users, currencies, kinds of activities and webhooks.

https://developers.pipedrive.com/docs/api/v1 (both versions). There is no upsert, no unique custom field and no
idempotency key: deals carry our key in a text field of their own, and whoever creates one looks it up by that.
"""

from collections.abc import Mapping

import httpx

from crm.api import TokenServer
from crm.base import Crm, Setting, Setup
from crm.oauth import Access, Fixed, Grant, Granted, GrantStore
from crm.pipedrive.adapter import Pipedrive
from crm.pipedrive.api import PipedriveApi
from crm.pipedrive.check import APP

TOKEN, URL = "PIPEDRIVE_API_TOKEN", "PIPEDRIVE_URL"
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "PIPEDRIVE_CLIENT_ID", "PIPEDRIVE_CLIENT_SECRET", "PIPEDRIVE_REFRESH_TOKEN"
OAUTH_URL = "PIPEDRIVE_OAUTH_URL"
USUAL_URL = "https://api.pipedrive.com"
SETTINGS = (
    Setting(TOKEN, "Pipedrive, Personal preferences, API"),
    Setting(CLIENT_ID, APP),
    Setting(CLIENT_SECRET, APP),
    Setting(REFRESH_TOKEN, "the answer of Pipedrive's OAuth server when the app was installed"),
    Setting(URL, "where Pipedrive's API is", USUAL_URL, secret=False, url=True),
    Setting(OAUTH_URL, "where Pipedrive's OAuth server is", "https://oauth.pipedrive.com", secret=False, url=True),
)
NEEDS = ((TOKEN,), (CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN))


def connect(client: httpx.Client, given: Mapping[str, str], setup: Setup, grants: GrantStore) -> Crm:
    return Pipedrive(PipedriveApi(client, _access(client, given, setup, grants), setup.deadline), setup)


def _access(client: httpx.Client, given: Mapping[str, str], setup: Setup, grants: GrantStore) -> Access:
    """A user's own token where there is one, else that of an app."""
    if TOKEN in given:
        return Fixed(given[URL], {"x-api-token": given[TOKEN]}, given[TOKEN])
    server = TokenServer("Pipedrive", client, f"{given[OAUTH_URL].rstrip('/')}/oauth/token", setup.deadline)

    def renew(last: Grant | None) -> Grant:
        """Each refresh token is good for one renewal: the answer brings the next."""
        refresh = (last and last.refresh) or given[REFRESH_TOKEN]
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        return server.ask(form, (given[CLIENT_ID], given[CLIENT_SECRET]))

    pinned = given[URL] != USUAL_URL
    return Granted(grants, renew, lambda access: {"Authorization": f"Bearer {access}"}, given[URL], pinned)
