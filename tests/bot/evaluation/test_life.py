"""The life of a signal: it fires, holds, is resolved and fires again, and never flaps near the line."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.life import live
from bot.model import Fired, SignalKey
from detectors.base import Findings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY: SignalKey = ("acme", "approaching_limit", "api_calls", None)
LEVELS = (80.0, 90.0, 100.0, 120.0)


def findings(percent: float) -> list[Findings]:
    """What a detector with levels says of one account at so many percent."""

    def highest(value: float) -> float:
        return max((level for level in LEVELS if value >= level), default=np.nan)

    level, held = highest(percent), highest(percent + 5)
    if np.isnan(held):
        return []
    column = np.array([level]), np.array([held])
    return [
        Findings("approaching_limit", "api_calls", 1.2, np.array([0]), ~np.isnan(column[0]), np.array([0.5]), *column)
    ]


def step(percent: float, before: dict[SignalKey, Fired], now: datetime) -> dict[SignalKey, Fired]:
    return {one.key: one.fired for one in live(findings(percent), ["acme"], before, now)}


def test_a_level_fires_on_the_line_holds_five_points_below_and_is_then_over() -> None:
    assert step(79.9, {}, NOW) == {}
    fired = step(80, {}, NOW)
    assert fired == {KEY: Fired(NOW, 80.0)}
    later = NOW + timedelta(hours=1)
    assert step(75, fired, later) == fired
    assert step(74.9, fired, later) == {}


def test_a_graver_level_fires_anew_and_a_lesser_one_does_not() -> None:
    first = step(81, {}, NOW)
    graver = step(92, first, NOW + timedelta(hours=1))
    assert graver[KEY] == Fired(NOW + timedelta(hours=1), 90.0)
    assert step(86, graver, NOW + timedelta(hours=2)) == graver
    assert step(84, graver, NOW + timedelta(hours=3))[KEY] == Fired(NOW + timedelta(hours=1), 80.0)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.sampled_from(LEVELS))
def test_noise_of_less_than_five_points_fires_a_level_at_most_once(noise: list[float], level: float) -> None:
    state: dict[SignalKey, Fired] = {}
    firings = 0
    for hour, wobble in enumerate(noise):
        now = NOW + timedelta(hours=hour)
        state = step(level - 2.5 + wobble, state, now)
        firings += any(fired.since == now and fired.level == level for fired in state.values())

    assert firings <= 1
