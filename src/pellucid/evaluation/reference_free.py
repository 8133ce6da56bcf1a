"""What can be said about a denoised image without a truth: how its removed noise behaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pellucid.errors import InputError


@dataclass(frozen=True)
class RemovedNoise:
    """Statistics of noisy − denoised, in the intensity units of the images.

    Attributes:
        mean: brightness that was taken away on average; far from 0 means that the image as a whole was shifted.
        deviation: standard deviation of what was removed.
        correlation: Pearson correlation of what was removed with the denoised image, in [−1, 1]. Near 0 for additive
            noise. Noise that grows with the signal correlates by nature; beyond that, it hints at removed structure.
    """

    mean: float
    deviation: float
    correlation: float


def removed_noise(noisy: ArrayLike, denoised: ArrayLike) -> RemovedNoise:
    """Measure the noise that was removed from one image.

    Args:
        noisy: the image before, of any shape and real dtype.
        denoised: the image after, of the same shape.

    Raises:
        InputError: shapes that differ.
    """
    before, after = np.asarray(noisy, dtype=np.float64), np.asarray(denoised, dtype=np.float64)
    if before.shape != after.shape:
        raise InputError(f"noisy has shape {before.shape}, denoised has shape {after.shape}: they must be equal")
    noise = before - after
    spread = float(noise.std() * after.std())
    covariance = float(np.mean((noise - noise.mean()) * (after - after.mean())))
    # A constant image or constant noise correlates with nothing.
    correlation = covariance / spread if spread > 0 else 0.0
    return RemovedNoise(float(noise.mean()), float(noise.std()), correlation)
