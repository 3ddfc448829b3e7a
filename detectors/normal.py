"""The normal distribution, which NumPy does not have."""

import numpy as np

from detectors.base import Floats


def cumulative(z: Floats) -> Floats:
    """Share of a standard normal below z, to 8e-8 (Abramowitz and Stegun, 26.2.17)."""
    size = np.minimum(np.abs(z), 38.0)
    t = 1.0 / (1.0 + 0.2316419 * size)
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = series * np.exp(-0.5 * size * size) * 0.3989422804014327
    return np.asarray(np.where(z > 0, 1.0 - tail, tail), np.float64)
