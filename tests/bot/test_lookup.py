"""Why an account has no card: one sentence for each reason, and what became of the last opportunity first."""

from dataclasses import dataclass
from typing import Any

import pytest

from bot import lookup
from bot.config import AllThresholds, Config
from bot.model import Account
from bot.store import Database, accounts, held_back, opportunities, standings

CONFIG = Config.model_validate(
    {
        "account": {"group_type": "company"},
        "metrics": {
            key: {"label": label, "event": "used", "measure": "count", "window": "billing_period"}
            for key, label in (("api_calls", "API calls"), ("seats", "Seats"), ("storage", "Storage"))
        },
        "plans": {"starter": {"price": 99, "limits": {"seats": 10}}},
        "slack": {"channel": "C0SALES"},
    }
)
CASE = {"polarity": "upsell", "score": 83, "points": {}, "signals": [], "history": []}


@dataclass(frozen=True)
class Held:
    account: str
    metric: str | None
    reason: str


def stands(used: float, limit: float | None, probability: float | None = None, held: str | None = None) -> Any:
    figures = {"used": used, "limit": limit, "as_of": "2026-11-23T08:00:00Z", "probability": probability}
    return {**figures, "crosses_on": None, "crosses_between": None, "held_back": held}


def reasons(database: Database, metrics: dict[str, Any], ended: Any = None, config: Config = CONFIG) -> tuple[str, ...]:
    account = Account("acme", "Acme", plan="legacy-2019")
    with database.transaction() as tx:
        accounts.save(tx, [account])
        standings.save(tx, tx.now(), {"acme": metrics})
        held = [(key, one["held_back"]) for key, one in metrics.items() if one["held_back"]]
        held_back.replace(tx, [Held("acme", metric, reason) for metric, reason in held])
        if ended:
            made = opportunities.open_new(tx, "acme", tx.now(), CASE)
            assert made is not None
            opportunities.move(tx, made, ended, who="U0REP1", what=ended)
        return lookup.report(tx, config, account).reasons


def test_one_sentence_tells_that_nothing_is_near(database: Database) -> None:
    told = reasons(database, {"api_calls": stands(5, 100, 0.35), "seats": stands(5, 10, 0.0)})
    assert told == (
        "nothing is near a limit; the highest is Seats, 50 %; the likeliest to be passed is that of API calls, 35 %",
    )


def test_what_holds_for_several_metrics_is_said_once(database: Database) -> None:
    unknown = stands(5, None, held="limit_unknown")
    told = reasons(database, {"api_calls": unknown, "seats": unknown, "storage": stands(5, 10, held="stale_data")})
    assert told == (
        (
            "API calls, Seats: no limit is known: plan legacy-2019 is not in headroom.toml,"
            " and the account has none of its own"
        ),
        "Storage: no event has come in for far longer than usual",
    )


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (
            "dismissed",
            (
                "its last opportunity was dismissed, and nothing graver has happened since;"
                " until Wed 23 Dec the same again brings no card"
            ),
        ),
        ("resolved", "its last opportunity was closed, and nothing new has happened since"),
        ("upgraded", "its last opportunity ended with an upgrade, and nothing graver has happened since"),
    ],
)
def test_the_end_of_the_last_opportunity_comes_first(database: Database, state: str, says: str) -> None:
    assert reasons(database, {"seats": stands(9, 10)}, ended=state) == (says,)


def test_a_metric_that_is_high_without_a_signal_is_not_said_to_be_low(database: Database) -> None:
    assert reasons(database, {"seats": stands(9, 10)}) == ("no signal is on; the highest is Seats, 90 %",)


def test_what_is_near_is_for_the_levels_of_the_metric_to_say(database: Database) -> None:
    own = AllThresholds.model_validate({"metrics": {"seats": {"approaching": (60.0,)}}})
    with_own = CONFIG.model_copy(update={"thresholds": own})
    assert reasons(database, {"seats": stands(7, 10)}, config=with_own) == (
        "no signal is on; the highest is Seats, 70 %",
    )
    assert reasons(database, {"seats": stands(7, 10)}) == ("nothing is near a limit; the highest is Seats, 70 %",)
