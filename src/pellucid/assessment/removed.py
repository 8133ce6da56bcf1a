"""What a denoiser removes from noisy images: its mean, its strength by intensity, its spectrum, and its structure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude, uniform_filter

from pellucid.assessment.pseudo_pairs import Images
from pellucid.assessment.squares import square_means

Floats = NDArray[np.float64]

LEVELS = 16
"""Number of intensities at which the strength is measured."""
ENOUGH = 500
"""Pixels from which the strength at an intensity is known."""
RINGS = 24
EDGE = 1.5
"""Width of the edges that removed noise is compared with, in pixels (σ of the Gaussian)."""
CELL = 8
"""Side of the squares over which strength and edges are averaged."""
LIKE = 0.25
"""Largest difference of a correlation between real and made noisy images that leaves the made noise believable."""
ROUNDING = 1e-9
"""Standard deviation, as a share of the largest value, below which values differ by rounding alone."""


@dataclass(frozen=True)
class Removed:
    """What was removed from images, in units of [−1, 1].

    Attributes:
        mean: positive if the result is darker.
        deviation: standard deviation.
        strength: standard deviation at each of `LEVELS` denoised intensities from −1 to 1; NaN where there are few.
        spectrum: power in each of `RINGS` of frequencies from 0 to 0.5 cycles per pixel; their mean is the variance.
        with_edges: correlation of the strength in squares of 8 pixels with the edges of the result there: structure is
            removed with the noise if it is higher than for noise alone.
        with_image: correlation of removed and denoised means over these squares.
    """

    mean: float
    deviation: float
    strength: Floats
    spectrum: Floats
    with_edges: float
    with_image: float


def what_was_removed(noisy: Images, denoised: Images) -> Removed:
    """Measure noisy − denoised, images (N, Y, X)."""
    removed = noisy.astype(np.float64) - denoised
    edges = np.stack([gaussian_gradient_magnitude(image.astype(np.float64), EDGE) for image in denoised])
    return Removed(
        mean=float(removed.mean()),
        deviation=float(removed.std()),
        strength=_strength(removed, denoised),
        spectrum=_spectrum(removed),
        with_edges=correlation(np.sqrt(square_means(removed**2, CELL)), square_means(edges, CELL)),
        with_image=correlation(square_means(removed, CELL), square_means(denoised.astype(np.float64), CELL)),
    )


def unlike_made(real: Removed, made: Removed) -> str | None:
    """Say how what was removed from real images goes with structure otherwise than from made ones; None if it does not.

    Strength and mean are left to the caller.
    """
    for words, one, other in (
        ("resembles the image", real.with_image, made.with_image),
        ("goes with edges", real.with_edges, made.with_edges),
    ):
        if abs(one - other) > LIKE:
            return (
                f"what is removed {words} by {one:.2f} in the real images, but by {other:.2f} in those made like them"
            )
    return None


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's correlation of all values; 0 if either is constant."""
    if any(each.std() <= ROUNDING * np.abs(each).max() for each in (one, other)):
        return 0.0
    one, other = one.ravel() - one.mean(), other.ravel() - other.mean()
    return float(one @ other) / float(np.sqrt((one @ one) * (other @ other)))


def _strength(removed: Floats, denoised: Images) -> Floats:
    level = np.clip((denoised + 1) * (LEVELS / 2), 0, LEVELS - 1).astype(int).ravel()
    local = (removed - np.stack([uniform_filter(image, 3 * CELL) for image in removed])).ravel()
    count = np.bincount(level, minlength=LEVELS)
    squares = np.bincount(level, local**2, minlength=LEVELS)
    return np.where(count >= ENOUGH, np.sqrt(squares / np.maximum(count, 1)), np.nan)


def _spectrum(removed: Floats) -> Floats:
    height, width = removed.shape[1:]
    window = np.hanning(height)[:, None] * np.hanning(width)
    window /= np.sqrt((window**2).mean())
    centred = removed - removed.mean((1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(centred * window)) ** 2).mean(0) / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bounds = pairwise(np.linspace(0, 0.5, RINGS + 1))
    return np.array([power[(radius >= inner) & (radius < outer)].mean() for inner, outer in bounds])
