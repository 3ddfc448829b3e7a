"""Replaying the last day says what the evaluation of that day said: one truth, whichever way it is asked for."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.model import SignalKey
from bot.replay.days import KINDS, play
from bot.replay.past import load
from bot.store import signal_state
from detectors.base import Rules
from tests.test_fleet import Deployment, deployed


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("fleet"), sqlite_template) as deployment:
        deployment.evaluate()
        yield deployment


def evaluated(fleet: Deployment) -> dict[SignalKey, float | None]:
    with fleet.headroom.db.read() as tx:
        return {key: fired.level for key, (fired, _) in signal_state.load(tx).items() if key[1] in KINDS}


def replayed(fleet: Deployment) -> dict[SignalKey, float | None]:
    with fleet.headroom.db.read() as tx:
        past = load(tx, fleet.headroom.config)
    assert past is not None
    found: dict[SignalKey, float | None] = {}
    for part in past.parts(97):
        for (kind, metric), lives in play(part, 0, [Rules()]).courses[0].live.items():
            for row in np.flatnonzero(lives.on).tolist():
                found[part.accounts[row].key, kind, metric, None] = lives.fired(row, past.at).level
    return found


def test_the_last_day_of_a_replay_is_the_evaluation_of_that_day(fleet: Deployment) -> None:
    expected = evaluated(fleet)

    assert {kind for _, kind, _, _ in expected} == set(KINDS)
    assert len({metric for _, _, metric, _ in expected}) >= 7
    assert replayed(fleet) == expected
