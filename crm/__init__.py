"""Adapters to CRMs, one module each: a draft in, a record out."""

from collections.abc import Mapping
from importlib import import_module
from typing import cast

import httpx

from crm.base import Crm, Setup


def connect(kind: str, client: httpx.Client, url: str, credentials: Mapping[str, str], setup: Setup) -> Crm:
    """The adapter `crm.<kind>`, imported only if asked for; each says which credentials it wants."""
    return cast(Crm, import_module(f"crm.{kind}").connect(client, url, credentials, setup))
