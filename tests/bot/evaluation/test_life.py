"""The life of a signal: it fires, holds, is resolved and fires again, and never flaps near the line."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.evaluation.life import live
from bot.model import Fired, SignalKey
from detectors.approaching_limit import detect
from detectors.base import Context, Findings, Rules
from tests.detectors.snapshots import gauge, quota, snapshot

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


@dataclass(frozen=True)
class Step:
    """What an evaluation finds: so many percent used of a limit, in a period of some number."""

    percent: float
    limit: float
    period: int


def judged(step: Step, kind: str) -> list[Findings]:
    """As the detector has it."""
    today = date(2026, 1, 1) + timedelta(days=30 * step.period + 10)
    used = step.percent / 100 * step.limit
    made = quota(used=used, limit=step.limit) if kind == "quota" else gauge(used, limit=step.limit, metric="storage")
    columns = replace(snapshot(made), today=today)
    return list(detect(Context(columns, Rules(), {made.metric: np.zeros(1, np.int8)}, {})))


# Values near and on the lines, and anywhere else.
PERCENT = st.one_of(st.sampled_from(LEVELS), st.sampled_from([75.0, 85.0, 95.0, 115.0]), st.floats(60, 130))
STEPS = st.tuples(PERCENT, st.sampled_from([0, 0, 0, 0, 0, 1, -1]), st.sampled_from([0, 0, 0, 0, 1]))


@settings(deadline=None)
@given(st.lists(STEPS, min_size=2, max_size=40), st.sampled_from(["quota", "gauge"]))
def test_between_two_firings_of_a_level_lies_a_fall_a_new_period_or_a_raised_limit(
    moves: list[tuple[float, int, int]], kind: str
) -> None:
    state: dict[SignalKey, Fired] = {}
    at: Step | None = None
    armed = dict.fromkeys(LEVELS, True)
    for hour, (percent, more, later) in enumerate(moves):
        was = at or Step(0, 1000, 0)
        at = Step(percent, was.limit * 1.25**more, was.period + later)
        again = at.limit > was.limit or (kind == "quota" and at.period > was.period)
        armed = {one: is_armed or again or percent < one - 5 for one, is_armed in armed.items()}
        now = NOW + timedelta(hours=hour)
        before, state = state, {one.key: one.fired for one in live(judged(at, kind), ["acme"], state, now)}
        reached = max((one.level or 0.0 for one in state.values()), default=0.0)
        held = 0.0 if again else max((one.level or 0.0 for one in before.values()), default=0.0)
        fires = [one for one in LEVELS if held < one <= reached]

        assert all(armed[one] for one in fires), "a level that is not armed does not fire"
        assert any(one.since == now for one in state.values()) == bool(fires), (
            "what fires begins now, and nothing else does"
        )
        assert reached >= max((one for one in LEVELS if percent >= one), default=0), "a value on the line counts"
        assert all(percent >= one - 5.000001 for one in LEVELS if one <= reached), "five points below, a level is over"
        armed |= dict.fromkeys(fires, False)


def test_a_new_period_and_a_raised_limit_arm_a_level_at_once() -> None:
    def run(*steps: Step) -> list[tuple[int, float | None]]:
        """Hour of the last firing and level, after each step."""
        state: dict[SignalKey, Fired] = {}
        told = []
        for hour, step in enumerate(steps):
            now = NOW + timedelta(hours=hour)
            state = {one.key: one.fired for one in live(judged(step, "quota"), ["acme"], state, now)}
            told += [((one.since - NOW) // timedelta(hours=1), one.level) for one in state.values()] or [(-1, None)]
        return told

    assert run(Step(95, 1000, 0), Step(82, 1000, 1)) == [(0, 90), (1, 80)]
    assert run(Step(95, 1000, 0), Step(78, 1000, 1)) == [(0, 90), (-1, None)]  # would hold within one period
    assert run(Step(95, 1000, 0), Step(86, 1100, 0)) == [(0, 90), (1, 80)]
    assert run(Step(82, 1000, 0), Step(78, 1050, 0)) == [(0, 80), (-1, None)]
    assert run(Step(95, 1000, 0), Step(96, 990, 0), Step(95, 1000, 0)) == [(0, 90), (0, 90), (2, 90)]
