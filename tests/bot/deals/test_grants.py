"""An OAuth grant is renewed once for everybody, outlives restarts, and is never stored in clear."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.deals.grants import SealedGrants
from bot.store import Database
from bot.store.delivery_tables import oauth_grant
from crm.base import AuthFailed
from crm.oauth import Grant
from tests.databases import MovedClock

SECRET = "a-client-secret"


@dataclass
class Vendor:
    """Hands out numbered tokens, slowly; refuses while it is told to."""

    refuses: bool = False
    seconds: float = 0.2
    given: list[Grant | None] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def renew(self, last: Grant | None) -> Grant:
        with self._lock:
            self.given.append(last)
            number = len(self.given)
        threading.Event().wait(self.seconds)
        if self.refuses:
            raise AuthFailed("the refresh token is refused")
        return Grant(f"access-{number}", timedelta(hours=1), f"refresh-{number}", "https://api.example", "deals:full")


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def store(database: Database, secret: str = SECRET) -> SealedGrants:
    return SealedGrants(database, "zoho", [secret])


def test_ten_workers_of_two_replicas_renew_once(database: Database, vendor: Vendor) -> None:
    replicas = [store(database), store(database)]
    with ThreadPoolExecutor(10) as workers:
        asked = [workers.submit(replicas[number % 2].current, vendor.renew) for number in range(10)]
        assert {one.result().access for one in asked} == {"access-1"}
    assert vendor.given == [None]


def test_who_comes_right_after_a_renewal_does_not_renew_again(database: Database, vendor: Vendor) -> None:
    vendor.seconds = 0.002
    replicas = [store(database) for _ in range(6)]
    for number in range(1, 9):
        stale = f"access-{number - 1}"
        with ThreadPoolExecutor(18) as workers:
            asked = [workers.submit(replicas[n % 6].current, vendor.renew, stale) for n in range(18)]
            assert {one.result().access for one in asked} == {f"access-{number}"}


def test_a_grant_outlives_a_restart_until_it_runs_out(database: Database, clock: MovedClock, vendor: Vendor) -> None:
    first = store(database).current(vendor.renew)
    assert store(database).current(vendor.renew) == first
    clock.move(minutes=59, seconds=30)
    assert store(database).current(vendor.renew).access == "access-2"
    assert vendor.given == [None, first], "the vendor may want the refresh token that it gave last"


def test_a_token_that_the_vendor_refused_is_replaced_once(database: Database, vendor: Vendor) -> None:
    grants = store(database)
    stale = grants.current(vendor.renew).access
    with ThreadPoolExecutor(10) as workers:
        asked = [workers.submit(grants.current, vendor.renew, stale) for _ in range(10)]
        assert {one.result().access for one in asked} == {"access-2"}


def test_all_who_waited_hear_the_refusal_and_the_next_may_try(database: Database, vendor: Vendor) -> None:
    vendor.refuses = True
    grants = store(database)
    together = threading.Barrier(5)

    def ask() -> Exception | None:
        together.wait()
        return grants_error(grants, vendor)

    with ThreadPoolExecutor(5) as workers:
        errors = [one.result() for one in [workers.submit(ask) for _ in range(5)]]
    assert all(isinstance(error, AuthFailed) for error in errors)
    assert len(vendor.given) == 1
    vendor.refuses = False
    assert grants.current(vendor.renew).access == "access-2"


def grants_error(grants: SealedGrants, vendor: Vendor) -> Exception | None:
    try:
        grants.current(vendor.renew)
    except AuthFailed as error:
        return error
    return None


def test_the_database_holds_no_token_in_clear_and_new_secrets_begin_anew(database: Database, vendor: Vendor) -> None:
    store(database).current(vendor.renew)
    with database.read() as tx:
        (sealed,) = tx.scalars(select(oauth_grant.c.sealed))
    assert b"access-1" not in sealed
    assert b"refresh-1" not in sealed
    assert store(database, "another-secret").current(vendor.renew).access == "access-2"
    assert vendor.given == [None, None]


def test_who_died_while_renewing_is_replaced(database: Database, clock: MovedClock, vendor: Vendor) -> None:
    class Died(BaseException):
        pass

    def dies(_: Grant | None) -> Grant:
        raise Died

    with pytest.raises(Died):
        store(database).current(dies)
    clock.move(seconds=31)
    assert store(database).current(vendor.renew).access == "access-1"
