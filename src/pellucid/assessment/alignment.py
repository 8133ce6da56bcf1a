"""How far one frame is shifted against another of the same place: phase correlation (Kuglin & Hines 1975)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.pseudo_pairs import Images

COARSE = 0.12
"""σ of the Gaussian, in cycles per pixel, that weighs frequencies: fine detail is mostly noise."""
CLEAR = 12.0
"""Height of the peak, in standard deviations of the rest, from which two frames show the same place: 40
is common if they do, 8 the most that other places reach."""
NEAR = 2
"""Pixels around the peak that do not count as the rest."""


class Shift(NamedTuple):
    """How a frame lies against another.

    Attributes:
        down: in pixels.
        right: in pixels.
        peak: height of the peak of the phase correlation, in standard deviations of the rest.
    """

    down: float
    right: float
    peak: float

    @property
    def clear(self) -> bool:
        """Whether both frames show the same place at all."""
        return self.peak >= CLEAR

    @property
    def size(self) -> float:
        """The larger of both, in pixels."""
        return max(abs(self.down), abs(self.right))


def shift_between(first: Images, second: Images) -> Shift:
    """The shift of the second frame against the first, each (N, side, side), the same for all N places."""
    side = first.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    x, y = (np.fft.fft2((each - each.mean((1, 2), keepdims=True)) * window) for each in (first, second))
    cross = (y * x.conj()).sum(0)
    along = np.fft.fftfreq(side)
    weight = np.exp(-(along[:, None] ** 2 + along**2) / (2 * COARSE**2))
    surface = np.fft.fftshift(np.fft.ifft2(weight * cross / np.maximum(np.abs(cross), 1e-12)).real)
    top, left = (int(at) for at in np.unravel_index(surface.argmax(), surface.shape))
    rest = np.hypot(*np.ogrid[-top : side - top, -left : side - left]) > NEAR / COARSE
    peak = (surface[top, left] - surface[rest].mean()) / max(float(surface[rest].std()), 1e-12)
    return Shift(_vertex(surface[:, left], top) - side // 2, _vertex(surface[top], left) - side // 2, float(peak))


def _vertex(line: NDArray[np.float64], at: int) -> float:
    """Where the Gaussian through a peak and its two neighbours is highest."""
    if not 0 < at < len(line) - 1:
        return float(at)
    before, here, after = np.log(np.maximum(line[at - 1 : at + 2], 1e-12))
    bend = before - 2 * here + after
    return float(at + (before - after) / (2 * bend)) if bend < 0 else float(at)
