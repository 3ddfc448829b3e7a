"""The fit finds weights that are known, and writes them as Python."""

import numpy as np

from detectors.forecast.normal import from_log_odds
from sandbox.bench.fit import fit, written


def test_known_weights_are_found() -> None:
    rng = np.random.default_rng(0)
    near, rising = rng.normal(3, 2, 20_000), rng.normal(0, 1, 20_000)
    passed = rng.random(20_000) < from_log_odds(-1 + 0.5 * near - 0.8 * rising)
    half = slice(0, 9000), slice(9000, None)
    found = fit([({"near": near[part], "rising": rising[part]}, passed[part]) for part in half])
    assert list(found) == ["even", "near", "rising"]
    assert np.allclose(list(found.values()), [-1, 0.5, -0.8], atol=0.08)


def test_what_is_written_can_be_read() -> None:
    space: dict[str, dict[str, float]] = {}
    exec(written("GAUGE", {"even": -1.23456, "near": 0.5}), space)  # noqa: S102  # our own text, as the file will be
    assert space["GAUGE"] == {"even": -1.235, "near": 0.5}
