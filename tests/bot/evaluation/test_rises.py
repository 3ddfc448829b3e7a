"""What counts as a rise: further than the card showed and the history tells, and never a mere context."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.evaluation.rises import reached, rises
from bot.model import Opportunity, Signal
from tests.bot.evaluation.test_decisions import NEAR, VISITS, case, opportunity

EARLIER = datetime(2026, 11, 20, tzinfo=UTC)
LOCKOUT = Signal("feature_lockout", None, 0.5, 1.3, subject="sso")
SEATS = replace(NEAR, metric="seats", ratio=0.85)
FORECAST = Signal("growth_trajectory", "api_calls", 0.9, 2.2, ratio=0.7)


def at(level: float, ratio: float | None = None) -> Signal:
    return replace(NEAR, level=level, ratio=ratio or level / 100)


def told(*signals: Signal, **changes: Any) -> list[tuple[datetime, Any]]:
    return [(EARLIER, reached(case(*signals, **changes)))]


def keys(signals: list[Signal], shown: Opportunity, *history: tuple[datetime, Any], **changes: Any) -> list[str]:
    return [rise.key for rise in rises(case(*signals, **changes), shown, history)]


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ([at(80)], []),
        ([at(90)], ["level:90"]),
        ([at(90), replace(SEATS, level=100.0)], ["level:100"]),
        ([at(80), SEATS], []),
        ([at(80), VISITS], []),
        ([at(80), LOCKOUT], ["kind:feature_lockout"]),
        ([at(80), LOCKOUT, replace(LOCKOUT, subject="audit_log")], ["kind:feature_lockout"]),
        ([at(120), LOCKOUT], ["level:120", "kind:feature_lockout"]),
        ([at(80), FORECAST], ["kind:growth_trajectory"]),
        ([at(80), replace(FORECAST, ratio=1.01)], []),
        ([], []),
    ],
)
def test_what_is_beyond_the_card_rose(signals: list[Signal], expected: list[str]) -> None:
    assert keys(signals, opportunity()) == expected


def test_what_the_history_tells_of_rises_no_more() -> None:
    shown = opportunity(signals=(at(80),))
    assert keys([at(100)], shown, *told(at(100))) == []
    assert keys([at(120)], shown, *told(at(100))) == ["level:120"]
    assert keys([at(80), LOCKOUT], shown, *told(at(80), LOCKOUT), *told(at(90))) == []
    assert keys([at(80), VISITS], shown, *told(VISITS, polarity="save"), polarity="save") == []


def test_lines_of_an_older_release_say_nothing() -> None:
    assert keys([at(90)], opportunity(), (EARLIER, {"score": 40}), (EARLIER, None)) == ["level:90"]


def test_a_turn_to_save_is_a_rise_with_its_reason() -> None:
    leaving = replace(VISITS, evidence={"saves": True})
    (rise,) = rises(case(at(80), leaving, polarity="save"), opportunity())
    assert (rise.key, rise.ends_snooze, rise.told["signal"]["kind"]) == ("save", True, "billing_page_visits")
    assert keys([at(80), leaving], opportunity(polarity="save"), polarity="save") == []
    assert keys([at(80), leaving], opportunity(polarity="save")) == []


@pytest.mark.parametrize(("level", "ends"), [(90, False), (99, False), (100, True), (120, True)])
def test_a_snooze_ends_where_the_limit_is_reached(level: float, ends: bool) -> None:
    (rise,) = rises(case(at(level)), opportunity())
    assert rise.ends_snooze is ends
    (began,) = rises(case(at(80), LOCKOUT), opportunity())
    assert not began.ends_snooze


def test_a_level_is_compared_with_the_same_metric_when_people_last_heard_of_it() -> None:
    (rise,) = rises(case(at(100)), opportunity(), [*told(at(80, 0.84)), *told(at(90, 0.92)), *told(SEATS)])
    assert rise.told["before"] == {"ratio": 0.92, "at": "2026-11-20T00:00:00Z"}
    (first,) = rises(case(at(100)), opportunity(), told(SEATS))
    assert first.told["before"] is None
