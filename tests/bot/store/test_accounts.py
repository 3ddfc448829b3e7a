"""Accounts: stored whole, marked when gone, found the way people ask for them."""

from decimal import Decimal

import pytest

from bot.model import Account
from bot.store import Database, Transaction, accounts
from tests.databases import MovedClock

ACME = Account("acct_1", "Acme Corp", "acme.example", "starter", Decimal("4800.50"), "rep.one@example.com", "31")
OTHERS = (
    Account("acct_2", "Acme Labs", limits={"seats": "10"}, levels={"storage_gb": "7"}),
    Account("acct_3", "Straße & Söhne", "strasse.example"),
    Account("acct_4", "100% Organic_Food"),
    Account("'; DROP TABLE account; --", "<!channel> \u202eevil"),
)


@pytest.fixture
def known(database: Database) -> Database:
    with database.transaction() as tx:
        accounts.save(tx, (ACME, *OTHERS))
    return database


def got(tx: Transaction, key: str) -> Account:
    (one,) = accounts.find(tx, key)
    return one


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("acct_1", ["acct_1"]),
        (" ACME  corp ", ["acct_1"]),
        ("Acme.Example", ["acct_1"]),
        ("acme", ["acct_1", "acct_2"]),
        ("LABS", ["acct_2"]),
        ("STRASSE & SÖHNE", ["acct_3"]),
        ("100% o", ["acct_4"]),
        ("0% ", ["acct_4"]),
        ("c_f", ["acct_4"]),
        ("%", ["acct_4"]),
        ("acme crop", ["acct_1"]),
        ("'; DROP TABLE account; --", ["'; DROP TABLE account; --"]),
        ("nothing like it", []),
        ("  ", []),
    ],
)
def test_people_find_accounts(known: Database, text: str, keys: list[str]) -> None:
    with known.read() as tx:
        assert [one.key for one in accounts.find(tx, text)] == keys


def test_an_account_comes_back_as_it_was_told(known: Database) -> None:
    with known.read() as tx:
        assert [got(tx, one.key) for one in (ACME, *OTHERS)] == [ACME, *OTHERS]


def test_what_changed_is_stored_and_the_gone_are_kept(known: Database, clock: MovedClock) -> None:
    clock.move(hours=1)
    richer = Account("acct_1", "Acme Corporation", arr=Decimal(9000))
    for _ in range(2):
        with known.transaction() as tx:
            accounts.save(tx, (richer, OTHERS[0]))
    with known.transaction() as tx:
        assert got(tx, "acct_1") == richer
        assert got(tx, "acct_3") == OTHERS[1]
        accounts.save(tx, (ACME, *OTHERS))
        assert got(tx, "acct_1") == ACME
