"""Adapters to CRMs, one module each: a draft in, a record out."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import cast

import httpx

from crm.base import Crm, Setup

SHARED = {"api", "base"}  # modules that are no adapter


def kinds() -> list[str]:
    """The adapters that there are: every other module of this folder is one."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name not in SHARED)


def connect(kind: str, client: httpx.Client, url: str, credentials: Mapping[str, str], setup: Setup) -> Crm:
    """The adapter `crm.<kind>`, imported only if asked for; each says which credentials it wants."""
    return cast(Crm, import_module(f"crm.{kind}").connect(client, url, credentials, setup))
