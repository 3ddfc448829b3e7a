"""Opportunities: one live an account, moved by one of two who try, shown never older than before."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row, select

from bot.model import Account, Card, Deal, Signal
from bot.signal_json import to_json
from bot.store import Database, accounts, opportunities
from bot.store.tables import opportunity_event
from tests.databases import MovedClock

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SIGNAL = Signal("approaching_limit", "api_calls", 0.9, 30, level=90, used=92100, limit=100000, ratio=0.921, as_of=AT)
CASE: dict[str, Any] = {
    "polarity": "upsell",
    "score": 83,
    "points": {"approaching_limit": 83.0},
    "signals": [to_json(SIGNAL)],
    "plan": "starter",
    "recommended_plan": "growth",
    "delta_arr": Decimal("4800.00"),
    "overage_cost": None,
    "history": [1.0, 2.0],
    "period_day": 21,
    "period_days": 30,
}


@pytest.fixture
def stored(database: Database) -> Database:
    with database.transaction() as tx:
        accounts.save(tx, [Account(f"acct_{number}", f"Company {number}") for number in range(40)])
    return database


def opened(database: Database, account: str = "acct_1", at: datetime = AT, **values: Any) -> int:
    with database.transaction() as tx:
        made = opportunities.open_new(tx, account, at, CASE | values)
    assert made is not None
    return made


def lines(database: Database, identity: int) -> Sequence[Row[Any]]:
    """The history, the oldest first."""
    its_own = opportunity_event.c.opportunity_id == identity
    with database.read() as tx:
        return tx.execute(select(opportunity_event).where(its_own).order_by(opportunity_event.c.id)).all()


def amended(database: Database, *ids: int, seen: bool = True, **values: Any) -> dict[int, int]:
    with database.transaction() as tx:
        return opportunities.amend(tx, tx.now(), dict.fromkeys(ids, (CASE | values, seen)))


def test_it_comes_back_as_it_was_opened(stored: Database) -> None:
    with stored.read() as tx:
        one = opportunities.get(tx, opened(stored))
    assert one is not None
    assert (one.account.name, one.state, one.score, one.version) == ("Company 1", "open", 83, 1)
    assert (one.signals, one.delta_arr, one.opened_at) == ((SIGNAL,), Decimal("4800.00"), AT)
    assert one.key == opportunities.key_for("acct_1", AT)


def test_an_account_has_one_live_opportunity(stored: Database) -> None:
    first = opened(stored)
    later = AT.replace(hour=9)
    with stored.transaction() as tx:
        assert opportunities.open_new(tx, "acct_1", later, CASE) is None
        assert opportunities.move(tx, first, "resolved", who="headroom", what="resolved")
        assert opportunities.open_new(tx, "acct_1", later, CASE) is not None


def test_of_eight_who_claim_at_once_one_gets_it(stored: Database) -> None:
    ids = [opened(stored, f"acct_{number}") for number in range(30)]
    together = threading.Barrier(8)

    def claim_each(user: str) -> list[bool]:
        won = []
        for identity in ids:
            together.wait()
            with stored.transaction() as tx:
                won.append(opportunities.claim(tx, identity, user) is not None)
        return won

    users = [f"U{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as reps:
        rounds = list(zip(*reps.map(claim_each, users), strict=True))
    assert [won.count(True) for won in rounds] == [1] * 30
    with stored.read() as tx:
        owners = [one.owner for one in opportunities.listing(tx)]
        assert sorted(map(str, owners)) == sorted(users[won.index(True)] for won in rounds)
    assert len(lines(stored, ids[0])) == 2


def test_every_move_has_its_line_and_its_conditions(stored: Database, clock: MovedClock) -> None:
    identity = opened(stored)
    with stored.transaction() as tx:
        assert opportunities.claim(tx, identity, "U1") == 2
        assert opportunities.claim(tx, identity, "U2") is None
        assert opportunities.claim(tx, 999, "U2") is None
        opportunities.move(tx, identity, "dismissed", who="U1", what="dismissed", dismissed_reason="too small")
        assert opportunities.move(tx, identity, "snoozed", who="U1", what="snoozed") is None
    told = lines(stored, identity)
    assert [(line.who, line.what) for line in told] == [("headroom", "opened"), ("U1", "claimed"), ("U1", "dismissed")]
    assert told[2].before == {"state": "claimed", "owner": "U1"}
    assert told[2].at == clock.at


def test_a_snooze_ends_and_gives_it_back(stored: Database, clock: MovedClock) -> None:
    mine, nobodys = opened(stored, "acct_1"), opened(stored, "acct_2")
    until = clock.at.replace(hour=12)
    with stored.transaction() as tx:
        opportunities.claim(tx, mine, "U1")
        for identity in (mine, nobodys):
            opportunities.move(tx, identity, "snoozed", who="U1", what="snoozed", snoozed_until=until)
        assert opportunities.claim(tx, mine, "U2") is None
        assert opportunities.wake(tx, clock.at) == {}
        assert opportunities.wake(tx, until) == {mine: 4, nobodys: 3}
        states = {one.id: one.state for one in opportunities.listing(tx)}
    assert states == {mine: "claimed", nobodys: "open"}


def test_a_card_is_never_said_to_show_an_older_version(stored: Database) -> None:
    identity = opened(stored)
    with stored.transaction() as tx:
        opportunities.set_card(tx, identity, Card("C1", "1.0", 3))
        opportunities.set_card(tx, identity, Card("C1", "1.0", 2))
        one = opportunities.get(tx, identity)
        assert one is not None
        assert one.card == Card("C1", "1.0", 3)
        opportunities.set_card(tx, identity, None)
        one = opportunities.get(tx, identity)
        assert one is not None
        assert one.card is None


def test_the_deal_and_its_trouble_are_kept(stored: Database) -> None:
    identity = opened(stored)
    deal = Deal("42", "Acme: growth", "https://pipedrive.example/deal/42", "Rep One")
    with stored.transaction() as tx:
        opportunities.set_deal_state(tx, identity, "The stage is gone")
        opportunities.set_deal(tx, identity, deal)
        one = opportunities.get(tx, identity)
    assert one is not None
    assert (one.deal, one.deal_state, one.version) == (deal, None, 3)


def test_lists_put_the_highest_score_first(stored: Database) -> None:
    low, high = opened(stored, "acct_1", score=10), opened(stored, "acct_2", score=90)
    with stored.transaction() as tx:
        opportunities.claim(tx, low, "U1")
        assert [one.id for one in opportunities.listing(tx)] == [high, low]
        assert [one.id for one in opportunities.listing(tx, owner="U1")] == [low]
        assert opportunities.live(tx).keys() == {"acct_1", "acct_2"}


def test_new_evidence_raises_the_version_once_and_only_where_readers_see_it(stored: Database) -> None:
    told, quiet = opened(stored, "acct_1"), opened(stored, "acct_2")
    assert amended(stored, told, score=84, delta_arr=Decimal(9)) == {told: 2}
    assert amended(stored, told, score=84, delta_arr=Decimal("9.00")) == {}
    assert amended(stored, quiet, seen=False, history=[3.0]) == {}
    assert amended(stored, quiet, seen=False, history=[3.0]) == {}
    assert amended(stored, quiet, told, 999, score=85) == {quiet: 2, told: 3}
    with stored.read() as tx:
        live = opportunities.live(tx)
    assert [(one.score, one.version) for one in (live["acct_1"], live["acct_2"])] == [(85, 3), (85, 2)]


def test_new_evidence_of_what_people_closed_meanwhile_is_dropped(stored: Database, clock: MovedClock) -> None:
    closed, live = opened(stored, "acct_1"), opened(stored, "acct_2")
    with stored.transaction() as tx:
        opportunities.move(tx, closed, "dismissed", who="U1", what="dismissed")
    before = clock.at
    clock.move(hours=1)
    assert amended(stored, closed, live, score=12) == {live: 2}
    with stored.read() as tx:
        one = opportunities.get(tx, closed)
    assert one is not None
    assert (one.score, one.version, one.updated_at) == (83, 2, before)


def test_of_each_account_the_last_that_was_closed(stored: Database, clock: MovedClock) -> None:
    begun = clock.at
    for account in ("acct_1", "acct_2", "acct_3"):
        for _ in range(3):
            identity = opened(stored, account, clock.at)
            clock.move(hours=1)
            with stored.transaction() as tx:
                opportunities.move(tx, identity, "dismissed", who="U1", what="dismissed")
    opened(stored, "acct_1", clock.at)
    wanted = ("acct_1", "acct_3", "acct_4", "never seen", *(f"none_{number}" for number in range(5000)))
    with stored.read() as tx:
        found = opportunities.last_closed(tx, wanted)
    assert {key: (one.opened_at, at) for key, (one, at) in found.items()} == {
        "acct_1": (begun.replace(hour=11), begun.replace(hour=12)),
        "acct_3": (begun.replace(hour=17), begun.replace(hour=18)),
    }
    with stored.read() as tx:
        assert opportunities.last_closed(tx, ()) == {}
