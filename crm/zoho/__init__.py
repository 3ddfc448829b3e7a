"""Zoho CRM: API v8, with an OAuth client of the company's own.

https://www.zoho.com/crm/developer/docs/api/v8/. A field that Zoho itself keeps unique holds our key: whoever makes a
deal that is there already is told its id. Without such a field nothing is made.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from crm.api import TokenServer
from crm.base import AuthFailed, Crm, Setting, Setup
from crm.oauth import Grant, Granted, GrantStore
from crm.zoho.adapter import Zoho
from crm.zoho.api import ZohoApi

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"
ACCOUNTS_URL = "ZOHO_ACCOUNTS_URL"
CONSOLE = "Zoho's API console (api-console.zoho.com), Self Client"
SETTINGS = (
    Setting(CLIENT_ID, CONSOLE),
    Setting(CLIENT_SECRET, CONSOLE),
    Setting(REFRESH_TOKEN, "the answer of Zoho's accounts server to the code that the API console made"),
    Setting(ACCOUNTS_URL, "your data centre's accounts server", "https://accounts.zoho.com", secret=False, url=True),
)
NEEDS = ((CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN),)


def connect(client: httpx.Client, given: Mapping[str, str], setup: Setup, grants: GrantStore) -> Crm:
    """The API's address comes with each access token: it differs by data centre, and is never made up here."""
    server = TokenServer("Zoho", client, f"{given[ACCOUNTS_URL].rstrip('/')}/oauth/v2/token", setup.deadline)

    def renew(last: Grant | None) -> Grant:  # noqa: ARG001  # the refresh token stays the same
        form = {
            "grant_type": "refresh_token",
            "client_id": given[CLIENT_ID],
            "client_secret": given[CLIENT_SECRET],
            "refresh_token": given[REFRESH_TOKEN],
        }
        grant = server.ask(form)
        if grant.url is None:
            raise AuthFailed("Zoho's accounts server does not say where the API is")
        return grant

    access = Granted(grants, renew, lambda token: {"Authorization": f"Zoho-oauthtoken {token}"}, "")
    return Zoho(ZohoApi(client, access, setup.deadline), setup, home(given[ACCOUNTS_URL]))


def home(accounts_url: str) -> str:
    """The domain where people work: zoho.eu of https://accounts.zoho.eu, zohocloud.ca of https://accounts.zohocloud.ca."""
    host = urlsplit(accounts_url).hostname or ""
    return host.removeprefix("accounts.") if host.startswith("accounts.") else "zoho.com"
