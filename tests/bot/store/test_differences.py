"""What an evaluation stores of 50,000 accounts: compared beforehand, and only what differs, in small parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import event

from bot.model import Account, Fired, Signal, SignalKey
from bot.store import Database, accounts, held_back, problems, signal_state, standings
from bot.store.writing import PART, Write

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MANY = 2 * PART + 1
SIGNAL = Signal("approaching_limit", "seats", 0.9, 30, level=90, used=9, limit=10, ratio=0.9, as_of=AT)


@dataclass(frozen=True)
class Found:
    account: str
    reason: str = "stale_data"
    metric: str | None = None
    what: str = "malformed_row"
    detail: str = "no name"


def stored(database: Database, writes: Sequence[Write]) -> int:
    """Each part in a transaction of its own; how many rows were written."""
    rows = 0

    def count(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        nonlocal rows
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            assert not many or len(values) <= PART
            rows += len(values) if many else 1

    event.listen(database.engine, "before_cursor_execute", count)
    for write in writes:
        with database.transaction() as tx:
            write(tx)
    event.remove(database.engine, "before_cursor_execute", count)
    return rows


def named(number: int, **told: Any) -> Account:
    return Account(f"acct_{number}", f"Company {number}", arr=Decimal("10.50"), limits={"seats": "10"}, **told)


def test_of_many_accounts_those_that_differ_are_stored(database: Database) -> None:
    def save(told: Sequence[Account]) -> int:
        with database.read() as tx:
            writes = accounts.writes(tx, told)
        return stored(database, writes)

    odd = Account("odd\0key", "Odd")
    everyone = [odd, *(named(number) for number in range(MANY))]
    assert save(everyone) == MANY + 1
    assert save([odd, named(0, plan="growth"), *everyone[2:]]) == 1
    assert save(everyone[:-1]) == 1 + 1  # one is told anew, one is gone
    assert save(everyone[:-1]) == 0
    assert save(everyone) == 1
    with database.read() as tx:
        assert accounts.find(tx, "acct_0") == [named(0)]


def test_of_many_reasons_those_that_differ_are_stored(database: Database) -> None:
    def replace(found: Sequence[Found]) -> int:
        with database.read() as tx:
            writes = held_back.writes(tx, found)
        return stored(database, writes)

    everyone = [Found("odd\0key"), *(Found(f"acct_{number}") for number in range(MANY))]
    assert replace(everyone) == MANY + 1
    assert replace(everyone) == 0
    assert replace([Found("odd\0key", "limit_unknown"), *everyone[3:]]) == 1 + 2
    with database.read() as tx:
        assert [one.reason for one in held_back.of(tx, "odd\ufffdkey")] == ["limit_unknown"]
        assert held_back.of(tx, "acct_1") == []
        assert [one.reason for one in held_back.of(tx, "acct_2")] == ["stale_data"]


def test_of_many_problems_those_that_differ_are_stored(database: Database) -> None:
    def report(found: Sequence[Found]) -> int:
        with database.read() as tx:
            writes = problems.writes(tx, "posthog", found)
        return stored(database, writes)

    everyone = [Found("odd\0key"), *(Found(f"acct_{number}") for number in range(MANY))]
    assert report(everyone) == MANY + 1
    assert report(everyone) == 0
    assert report([Found("odd\0key", detail="no key"), *everyone[3:]]) == 1 + 2
    with database.read() as tx:
        assert len(problems.listing(tx, limit=2 * MANY)) == MANY - 1


def test_of_many_signals_those_that_differ_are_stored(database: Database) -> None:
    def save(on: Mapping[SignalKey, tuple[Fired, Signal]], over: Sequence[SignalKey] = ()) -> int:
        with database.read() as tx:
            writes = signal_state.writes(tx, on, over)
        return stored(database, writes)

    keys: list[SignalKey] = [(f"acct_{number}", "approaching_limit", "seats", None) for number in range(MANY)]
    on = {key: (Fired(AT, 90), SIGNAL) for key in keys}
    assert save(on) == MANY
    assert save(on) == 0
    assert save({keys[0]: (Fired(AT, 100), SIGNAL)}, keys[1:3]) == 1 + 2
    assert save({}, keys[1:3]) == 0
    with database.read() as tx:
        known = signal_state.load(tx)
    assert known.keys() == on.keys() - set(keys[1:3])
    assert (known[keys[0]], known[keys[3]]) == (
        (Fired(AT, 100, SIGNAL.limit), SIGNAL),
        (Fired(AT, 90, SIGNAL.limit), SIGNAL),
    )


def test_of_many_standings_those_that_differ_are_stored(database: Database) -> None:
    def save(hours: int, metrics: Mapping[str, Any]) -> int:
        with database.read() as tx:
            writes = standings.writes(tx, AT + timedelta(hours=hours), metrics)
        return stored(database, writes)

    told = {f"acct_{number}": {"seats": {"used": number / 7, "limit": None}} for number in range(MANY)}
    moment = 1
    assert save(0, told) == MANY + moment
    assert save(1, told) == moment
    assert save(2, {**told, "acct_0": {}}) == 1 + moment
    gone = {key: value for key, value in told.items() if key != "acct_1"}
    assert save(3, {**gone, "acct_0": {}}) == 1 + moment
    assert save(4, {**gone, "acct_0": {}}) == moment
    with database.read() as tx:
        assert standings.get(tx, "acct_0") == ({}, AT + timedelta(hours=4))
        assert standings.get(tx, "acct_1") == (told["acct_1"], AT + timedelta(hours=2))  # the last time it was there
        assert standings.get(tx, "acct_2") == (told["acct_2"], AT + timedelta(hours=4))
        assert standings.get(tx, "never") is None
    assert save(5, told) == 2 + moment
    with database.read() as tx:
        assert standings.get(tx, "acct_1") == (told["acct_1"], AT + timedelta(hours=5))
