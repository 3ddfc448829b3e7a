"""Replays that can be reasoned about by hand: the day of each card, what became of it, and how early it was."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pytest

from bot.config import Config, Thresholds
from bot.model import Account
from bot.posthog.reading import REJECTIONS
from bot.replay import NothingStoredError, Replay, ReplayedCard, replay
from bot.replay.days import Said
from bot.store import Database, thresholds
from tests.bot.replay.stories import API, DAYS, STORAGE, config, day, one, remember, steady

LEVELS = Thresholds(growth_probability=0.999)  # so sure that nothing is foretold: levels alone


def replayed(
    database: Database, *pasts: tuple[Account, dict[str, Any]], days: int = 29, told: Config | None = None, **more: Any
) -> Replay:
    told = told or config()
    with database.transaction() as tx:
        remember(tx, told, pasts)
        thresholds.change(tx, "U0BOSS", 0, LEVELS)
    return replay(database, told, days, **more)


def summary(card: ReplayedCard) -> tuple[str, date, tuple[float | None, ...], str, int | None]:
    return card.account, card.day, tuple(said.level for said in card.signals), card.outcome, card.lead_days


def test_a_quota_that_is_passed_on_a_known_day(database: Database) -> None:
    """20 a day; 2,300 more on the 10th make 2,500 of 3,000, 600 on the 16th pass it."""
    found = replayed(database, (one(), {"api_calls": steady(d10=2320, d16=620)}))

    assert [summary(card) for card in found.today.cards] == [("acme", day(10), (80.0,), "passed", 6)]
    assert (found.today.precision, found.today.lead_days) == (1.0, 6.0)
    assert (found.today.crossings.count, found.today.recall, found.today.early_recall) == (1, 1.0, 1.0)
    assert (found.today.false_alarms, found.today.owners) == (0.0, (("owner@acme.example", 1),))
    assert (found.first_day, found.last_day, found.accounts) == (day(2), day(30), 1)


def test_one_that_is_not_passed_is_a_false_alarm_once_its_period_is_over(database: Database) -> None:
    """A period of its own that began on the 15th of October and ended on the 14th of November."""
    early = {"api_calls": steady(d5=2000)}
    found = replayed(database, (one(anchor="15"), early), (one("calendar"), early))

    assert [summary(card) for card in found.today.cards] == [
        ("acme", day(5), (80.0,), "not_passed", None),
        ("calendar", day(21), (80.0,), "undecided", None),
    ]
    assert found.today.precision == 0.0
    assert found.today.account_months == pytest.approx(2 * 29 / 30)
    assert found.today.false_alarms == pytest.approx(100 / (2 * 29 / 30))


def test_a_period_that_begins_arms_the_level_again(database: Database) -> None:
    """2,800 on the 26th of October and 2,900 at its end; in November 2,880 on the 20th, and 3,000 on the 26th."""
    days = steady(d20=2500)
    days[DAYS - 1 - 35] = 2300
    found = replayed(database, (one(), {"api_calls": days}), days=40)

    assert [summary(card) for card in found.today.cards] == [
        ("acme", date(2026, 10, 26), (90.0,), "not_passed", None),
        ("acme", day(20), (90.0,), "passed", 6),
    ]
    assert found.today.precision == 0.5


def test_side_by_side(database: Database) -> None:
    """70 % on the 10th, 80 % on the 14th, all of it on the 20th."""
    past = {"api_calls": steady(0.0, d1=100, d10=2000, d14=300, d20=700)}
    past["api_calls"][: DAYS - 30] = 20
    proposed = Thresholds(approaching=(70.0, 90.0), growth_probability=0.999)
    found = replayed(database, (one(), past), proposed=proposed)

    assert [summary(card) for card in found.today.cards] == [("acme", day(14), (80.0,), "passed", 6)]
    assert found.proposed is not None
    assert [summary(card) for card in found.proposed.cards] == [("acme", day(10), (70.0,), "passed", 10)]
    assert (found.today.thresholds, found.proposed.thresholds) == (LEVELS, proposed)
    assert dict(found.today.weeks)[day(10)] == 1
    assert sum(count for _, count in found.today.weeks) == 1


def test_growth_is_foretold_before_a_level_is_reached(database: Database) -> None:
    """60 a day in October, 160 in November: 80 % on the 15th, all of it on the 19th."""
    days = np.full(DAYS, 60.0)
    days[-30:] = 160.0
    found = replayed(database, (one(), {"api_calls": days}), days=33, proposed=Thresholds())

    assert [summary(card) for card in found.today.cards] == [("acme", day(15), (80.0,), "passed", 4)]
    assert found.proposed is not None
    (card,) = found.proposed.cards
    assert card.signals == (Said("growth_trajectory", "api_calls", None),)
    assert day(2) < card.day < day(12)
    assert (card.outcome, card.lead_days) == ("passed", 19 - card.day.day)


def test_a_card_on_the_first_day_is_no_new_one(database: Database) -> None:
    past = {"api_calls": steady(d3=2500, d25=400)}
    found = replayed(database, (one(), past), days=10)

    assert (found.today.standing, found.today.cards) == (1, ())
    assert (found.today.crossings.count, found.today.crossings.told, found.today.early_recall) == (1, 1, 1.0)


def test_a_limit_that_is_passed_in_one_day_is_told_of_on_that_day_and_not_before(database: Database) -> None:
    found = replayed(database, (one(), {"api_calls": steady(d12=4000)}))

    assert [summary(card) for card in found.today.cards] == [("acme", day(12), (120.0,), "passed", 0)]
    assert (found.today.crossings.count, found.today.recall) == (1, 0.0)


def test_a_level_has_thirty_days_and_is_judged_by_its_middle(database: Database) -> None:
    """70 of 100 until the 4th of October, then 85: the median follows two days later, and nothing more comes."""
    levels = np.full(DAYS, 70.0)
    levels[DAYS - 57 :] = 85.0
    told = config(api_calls=API, storage_gb=STORAGE)
    past = {"api_calls": steady(), "storage_gb": levels}
    found = replayed(database, (one(levels={"storage_gb": "85"}), past), days=80, told=told)

    assert [summary(card) for card in found.today.cards] == [("acme", date(2026, 10, 6), (80.0,), "not_passed", None)]


def test_a_handful_of_days_is_not_judged(database: Database) -> None:
    young = steady(0.0, **{f"d{number}": 200.0 for number in range(17, 31)})
    young[: DAYS - 14] = np.nan
    found = replayed(database, (one(), {"api_calls": young}))

    assert (found.today.cards, found.today.crossings.count) == ((), 0)


def test_no_news_is_no_fall(database: Database) -> None:
    """90 % by the 10th, then three weeks of silence: the card of the 10th lives on, and there is no second one."""
    days = steady(d10=2600, **{f"d{number}": 0.0 for number in range(11, 28)})
    found = replayed(database, (one(), {"api_calls": days}))

    assert [card.day for card in found.today.cards] == [day(10)]


def test_rejected_requests_foretell_nothing(database: Database) -> None:
    hits = np.zeros(DAYS)
    hits[[-9, -7, -5]] = 30.0
    found = replayed(database, (one(), {"api_calls": steady(), REJECTIONS: hits}))

    assert [(card.day, card.signals, card.outcome) for card in found.today.cards] == [
        (day(26), (Said("overage_pattern", None, None),), "fact")
    ]
    assert found.today.precision is None


def test_a_sample_is_the_same_each_time(database: Database) -> None:
    pasts = [(one(f"acct_{number}"), {"api_calls": steady(d10=2320)}) for number in range(20)]
    found = replayed(database, *pasts, most=5)

    assert (found.accounts, found.looked_at, len(found.today.cards)) == (20, 5, 5)
    again = replay(database, config(), 29, most=5)
    assert again == found


def test_nothing_stored_yet(database: Database) -> None:
    with pytest.raises(NothingStoredError):
        replay(database, config(), 90)


def test_no_more_days_than_are_stored(database: Database) -> None:
    days: Mapping[str, Any] = {"api_calls": np.where(np.arange(DAYS) < DAYS - 40, np.nan, 20.0)}
    found = replayed(database, (one(), dict(days)), days=90)

    assert (found.known_since, found.first_day) == (date(2026, 10, 22), date(2026, 10, 23))
