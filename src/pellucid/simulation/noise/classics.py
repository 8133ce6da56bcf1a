"""The classical noise models, in intensities from 0 (black) to 1 (white)."""

from __future__ import annotations

import numpy as np

from pellucid.simulation.noise.levels import Pixels

# Quanta at white above which counts are drawn from the normal limit: beyond, they would overflow.
_COUNTABLE = 1e10


def gaussian(plane: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Add independent normal noise of standard deviation `strength`."""
    return plane + strength * rng.standard_normal(plane.shape)


def poisson(plane: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Shot noise: counts of 1 / strength² quanta at white; mean is the intensity, variance intensity · strength²."""
    light = np.maximum(plane, 0)
    if strength < _COUNTABLE**-0.5:
        return plane + strength * np.sqrt(light) * rng.standard_normal(plane.shape)
    return np.asarray(rng.poisson(light / strength**2) * strength**2)


def poisson_gaussian(plane: Pixels, rng: np.random.Generator, strength: float, *, readout: float = 0.5) -> Pixels:
    """Shot noise as `poisson`, and the normal noise of a detector's readout.

    Args:
        plane: intensities (Y, X) from 0 to 1.
        rng: where the noise comes from.
        strength: standard deviation of the shot noise at white.
        readout: standard deviation of the readout, as a fraction of `strength`.
    """
    return poisson(plane, rng, strength) + readout * strength * rng.standard_normal(plane.shape)


def speckle(plane: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Multiply with 1 + normal noise of standard deviation `strength`."""
    return plane * (1 + strength * rng.standard_normal(plane.shape))


def salt_and_pepper(plane: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Replace the fraction `strength` (at most 1) of the pixels, half of them by white and half by black."""
    chance = rng.random(plane.shape)
    salted = np.where(chance < strength / 2, 1.0, plane)
    return np.where(chance >= 1 - strength / 2, 0.0, salted)


def line(plane: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Add to every scan line (row) its own normal offset of standard deviation `strength`."""
    return plane + strength * rng.standard_normal((plane.shape[0], 1))
