"""The normal distribution and the logarithm of odds, which NumPy does not have."""

import numpy as np

from detectors.base import Floats

SURE = 0.997  # more than 90 days can prove


def cumulative(z: Floats) -> Floats:
    """Share of a standard normal below z, to 8e-8 (Abramowitz and Stegun, 26.2.17)."""
    size = np.minimum(np.abs(z), 38.0)
    t = 1.0 / (1.0 + 0.2316419 * size)
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = series * np.exp(-0.5 * size * size) * 0.3989422804014327
    return np.asarray(np.where(z > 0, 1.0 - tail, tail), np.float64)


def log_odds(share: Floats) -> Floats:
    """Of a share, kept away from certainty."""
    kept = np.clip(share, 1 - SURE, SURE)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)


def from_log_odds(value: Floats) -> Floats:
    """The share again."""
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -30.0, 30.0))), np.float64)
