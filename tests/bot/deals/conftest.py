"""The world of a push, on SQLite, over each CRM."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import Database
from sandbox.pipedrive import PipedriveServer
from sandbox.zoho import ZohoServer
from tests.bot.deals.vendors import PipedriveVendor, Vendor
from tests.bot.deals.world import World, http
from tests.bot.deals.zoho import ZohoVendor
from tests.databases import MovedClock


@pytest.fixture
def pipedrive(clock: MovedClock) -> Iterator[Vendor]:
    with PipedriveServer(clock) as server:
        yield PipedriveVendor(server)
        assert server.errors == []


@pytest.fixture
def zoho(clock: MovedClock) -> Iterator[Vendor]:
    with ZohoServer(clock) as server:
        yield ZohoVendor(server)
        assert server.errors == []


@pytest.fixture(params=["pipedrive", "zoho"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """A CRM more is a fixture more, and its name here."""
    found: Vendor = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def world(tmp_path: Path, clock: MovedClock, vendor: Vendor) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'headroom.db'}", clock)
    database.migrate()
    with http() as client:
        yield World(database, clock, vendor, client)
    database.close()
