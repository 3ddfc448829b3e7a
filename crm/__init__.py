"""Adapters to CRMs, one module each: a draft in, a record out."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

import httpx

from crm.base import Crm, Setting, Setup
from crm.oauth import GrantStore

SHARED = {"api", "base", "oauth", "text"}  # modules that are no adapter


def kinds() -> list[str]:
    """The adapters that there are: every other module of this folder is one."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name not in SHARED)


@dataclass(frozen=True, slots=True)
class Adapter:
    """The module `crm.<kind>`: what it wants from the environment, and how it is connected.

    `needs` are groups of settings of which one has to be complete, the usual one first.
    """

    kind: str
    settings: tuple[Setting, ...]
    needs: tuple[tuple[str, ...], ...]

    def connect(self, client: httpx.Client, given: Mapping[str, str], setup: Setup, grants: GrantStore) -> Crm:
        """`given` holds the settings by name, defaults included."""
        return cast(Crm, import_module(f"crm.{self.kind}").connect(client, given, setup, grants))


def adapter(kind: str) -> Adapter:
    """Imported only if asked for."""
    found = import_module(f"crm.{kind}")
    return Adapter(kind, found.SETTINGS, found.NEEDS)
