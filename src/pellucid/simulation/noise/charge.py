"""Charge noise: what a charging specimen does to a scanning microscope's image, line by line.

A multiplicative field, 1 where nothing charges. Measured: a charged object is dark (grey level 26 where its
surroundings have 142) with dark tails along the fast-scan axis that fade over 100 to 300 px on both sides (130 at
300 px), sharp edges across it, and faint bright and dark bands of whole lines beside it; beneath lies fine noise of
standard deviation 6 of 142, correlated along the scan only (0.45 at lag 1, 0.04 at lag 2, 0 across).
The fast-scan axis is x: rows are scan lines.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pellucid.simulation.noise.levels import Pixels

BASE = 142.0
CENTRE = 26.0
FINE_STD = 6.0 / BASE
# Moving average along the scan whose correlations are 0.45 at lag 1 and 0.04 at lag 2, of unit power.
_TAPS = (0.8697, 0.4914, 0.0460)
TILE = 512 * 512


def charge(plane: Pixels, rng: np.random.Generator, strength: float, *, objects: float = 2.5) -> Pixels:
    """Intensities of a charging specimen: `plane` times `charge_field`.

    Args:
        plane: intensities (Y, X) from 0 to 1; rows are scan lines.
        rng: where the field comes from.
        strength: 1 is the measured charging, 0 none.
        objects: mean number of charged objects on 512×512 px.
    """
    return plane * charge_field(plane.shape, rng, strength, objects)


def charge_field(
    shape: tuple[int, ...], rng: np.random.Generator, strength: float = 1.0, objects: float = 2.5
) -> Pixels:
    """Relative intensity (Y, X) under charging, not negative.

    Fine noise and bands are scaled by `strength`. The objects' shadows are raised to that power up to 1 only: as
    measured they are nearly black, and a deeper one would erase the specimen, where more charging or a shorter dwell
    time in truth makes lines and grain rougher.
    """
    fine = FINE_STD * _along_scan(shape, rng)
    shadow = np.ones(shape)
    bands = np.zeros(shape[0])
    for _ in range(_count(shape, rng, objects)):
        top, height = int(rng.integers(shape[0])), rng.uniform(10, 38)
        _shade(shadow, top, height, rng)
        bands += _bands(shape[0], top, height, rng)
    return np.maximum((1 + strength * (fine + bands[:, None])) * shadow ** min(strength, 1.0), 0)


def _count(shape: tuple[int, ...], rng: np.random.Generator, objects: float) -> int:
    """About `objects` a tile, more even than a Poisson count: the fraction is left to chance."""
    return int(objects * shape[0] * shape[1] / TILE + rng.random())


def _along_scan(shape: tuple[int, ...], rng: np.random.Generator) -> Pixels:
    white = rng.standard_normal((shape[0], shape[1] + len(_TAPS) - 1))
    return np.asarray(sum(tap * white[:, k : k + shape[1]] for k, tap in enumerate(_TAPS)))


def _shade(shadow: Pixels, top: int, height: float, rng: np.random.Generator) -> None:
    """Multiply in one object and its tails: rows it spans are dark, fading along x with a length of their own."""
    rows = np.arange(max(int(top - height), 0), min(int(top + height) + 1, len(shadow)))
    across = (rows - top) / height
    rough = ndimage.gaussian_filter1d(rng.standard_normal(len(rows)), 2.0, mode="nearest")
    width = height * rng.uniform(0.6, 1.4) * np.sqrt(np.maximum(1 - across**2, 0)) * (1 + 0.4 * rough)
    darkness = (1 - CENTRE / BASE) * np.clip(rng.uniform(0.85, 1.0) + 0.06 * rng.standard_normal(len(rows)), 0, 1)
    # The tail's length follows the charge a line has met: short at the object's tips, up to 130 px at its middle.
    fade = rng.uniform(70, 132) * (0.35 + 0.65 * np.sqrt(np.maximum(1 - across**2, 0)))
    x = np.arange(shadow.shape[1]) - rng.uniform(0, shadow.shape[1])
    side = np.where(x < 0, rng.uniform(0.75, 1.0), 1.0)
    beyond = np.maximum(np.abs(x)[None, :] - np.maximum(width, 1)[:, None], 0)
    tail = darkness[:, None] * np.exp(-beyond / fade[:, None]) * np.where(beyond > 0, side, 1.0)
    shadow[rows] *= 1 - tail


def _bands(lines: int, top: int, height: float, rng: np.random.Generator) -> Pixels:
    """Offsets of whole lines around an object, in runs of a few lines, fading with distance from it."""
    offsets = np.zeros(lines)
    start = int(top - height - rng.uniform(10, 60))
    stop = int(top + height + rng.uniform(10, 60))
    line = start
    while line < stop:
        thick = int(rng.integers(1, 12))
        offsets[max(line, 0) : max(line + thick, 0)] = rng.normal(0, 0.035)
        line += thick
    distance = np.maximum(np.abs(np.arange(lines) - top) - height, 0)
    return np.asarray(offsets * np.exp(-distance / 25))
