"""The strength of noise for a given peak signal-to-noise ratio."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.simulation.noise.levels import GreyLevels, Range, intensity_range
from pellucid.simulation.noise.registry import find, simulate

_STEPS = 24


def strength_for_psnr(
    clean: GreyLevels, kind: str, psnr: float, seed: int = 0, *, data_range: Range | None = None, **options: Any
) -> float:
    """Strength at which `simulate(clean, kind, strength, seed)` has the PSNR `psnr` (dB) against `clean`.

    The PSNR is that of the mean squared error over all planes, with black to white as data range. Found by bisection
    to about 0.01 dB (scipy.optimize would stop by the strength instead).

    Raises:
        InputError: as `simulate`, or no strength reaches so low a PSNR.
    """
    levels = intensity_range(np.asarray(clean), data_range)
    target = (levels[1] - levels[0]) ** 2 * 10 ** (-psnr / 10)

    def error(strength: float) -> float:
        noisy = simulate(clean, kind, strength, seed, data_range=data_range, **options)
        return float(np.mean((noisy.astype(np.float64) - clean) ** 2))

    simulator = find(kind)
    low, high = 0.0, min(simulator.strength, simulator.highest)
    while error(high) < target:
        if high >= min(simulator.highest, 1000 * simulator.strength):
            raise InputError(f"{kind} noise cannot reach {psnr:g} dB on this image: ask for a higher PSNR")
        low, high = high, min(2 * high, simulator.highest)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        found = error(middle)
        if abs(10 * np.log10(max(found, 1e-30) / target)) < 0.005:
            return middle
        low, high = (middle, high) if found < target else (low, middle)
    return (low + high) / 2
