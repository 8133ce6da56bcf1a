"""What can be said about a denoised image without a truth: brightness, contrast, and what was removed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import InputError

_PIECE = 1 << 20
"""Pixels that are held as float64 at once."""
_DRIFT = 0.2
_CORRELATION = 0.3


class RemovedNoise(NamedTuple):
    """Moments of noisy − denoised and of denoised, in the units of the images; those of pieces add up to the whole's.

    Attributes:
        pixels: that were compared.
        mean: brightness that was taken away on average; far from 0 means that the image as a whole was shifted.
        denoised_mean: brightness that is left.
        squares: sum of the squared deviations of what was removed from its mean.
        denoised_squares: likewise of the denoised image.
        products: sum of the products of both deviations.
    """

    pixels: int = 0
    mean: float = 0.0
    denoised_mean: float = 0.0
    squares: float = 0.0
    denoised_squares: float = 0.0
    products: float = 0.0

    def __add__(self, other: RemovedNoise) -> RemovedNoise:  # type: ignore[override]
        """Of both pieces together (Chan et al. 1979)."""
        pixels = self.pixels + other.pixels
        if pixels == 0:
            return self
        share, between = other.pixels / pixels, self.pixels * other.pixels / pixels
        apart, denoised_apart = other.mean - self.mean, other.denoised_mean - self.denoised_mean
        return RemovedNoise(
            pixels,
            self.mean + share * apart,
            self.denoised_mean + share * denoised_apart,
            self.squares + other.squares + between * apart**2,
            self.denoised_squares + other.denoised_squares + between * denoised_apart**2,
            self.products + other.products + between * apart * denoised_apart,
        )

    @property
    def noisy_mean(self) -> float:
        """Mean brightness of the noisy image."""
        return self.mean + self.denoised_mean

    @property
    def deviation(self) -> float:
        """σ of what was removed: the standard deviation of noisy − denoised."""
        return math.sqrt(self.squares / self.pixels) if self.pixels else 0.0

    @property
    def denoised_contrast(self) -> float:
        """Contrast that is left: the standard deviation of the denoised image."""
        return math.sqrt(self.denoised_squares / self.pixels) if self.pixels else 0.0

    @property
    def noisy_contrast(self) -> float:
        """Contrast before, of structure and noise together: the standard deviation of the noisy image."""
        squares = self.squares + 2 * self.products + self.denoised_squares
        return math.sqrt(max(0.0, squares) / self.pixels) if self.pixels else 0.0

    @property
    def correlation(self) -> float:
        """Pearson correlation of what was removed with the denoised image, in [−1, 1].

        Near 0 for noise whose mean does not depend on the signal, also if its strength does. Beyond that, structure was
        removed with the noise (positive) or strengthened (negative). 0 where either is constant.
        """
        spread = math.sqrt(self.squares) * math.sqrt(self.denoised_squares)
        return self.products / spread if spread > 0 else 0.0

    def warnings(self) -> list[str]:
        """What of it a person should look at, one line each."""
        return [*self._drift(), *self._structure()]

    def _drift(self) -> list[str]:
        if abs(self.mean) <= _DRIFT * self.noisy_contrast:
            return []
        way, drift = "darker" if self.mean > 0 else "brighter", abs(self.mean)
        return [
            f"the result is {way} by {_short(drift)}, {_times(drift, self.noisy_contrast)} the contrast of the "
            "noisy image: is it of the kind that the model was trained on, in the same range of intensities?"
        ]

    def _structure(self) -> list[str]:
        if abs(self.correlation) <= _CORRELATION:
            return []
        what = "structure or contrast went with the noise" if self.correlation > 0 else "contrast was strengthened"
        return [
            f"what was removed resembles the result (correlation {self.correlation:.2f}): {what}; "
            "look at --noise before you measure anything in the result"
        ]

    def __str__(self) -> str:
        if self.pixels == 0:
            return "no pixels were denoised"
        return (
            f"mean {_short(self.noisy_mean)} -> {_short(self.denoised_mean)}, "
            f"contrast {_short(self.noisy_contrast)} -> {_short(self.denoised_contrast)}, "
            f"removed noise σ {_short(self.deviation)}, correlation with structure {self.correlation:z.2f}"
        )


def removed_noise(noisy: ArrayLike, denoised: ArrayLike, valid: NDArray[np.bool_] | None = None) -> RemovedNoise:
    """Measure the noise that was removed from an image, or from a part of it.

    Args:
        noisy: the image before, of any shape and real dtype.
        denoised: the image after, of the same shape.
        valid: which pixels count, of the same shape; all if not given.

    Raises:
        InputError: shapes that differ.
    """
    before, after = np.asarray(noisy), np.asarray(denoised)
    if before.shape != after.shape:
        raise InputError(f"noisy has shape {before.shape}, denoised has shape {after.shape}: they must be equal")
    chosen = np.ones(before.shape, bool) if valid is None else valid
    flat = before.reshape(-1), after.reshape(-1), chosen.reshape(-1)
    return reduce(RemovedNoise.__add__, _pieces(*flat), RemovedNoise())


def _pieces(noisy: NDArray[Any], denoised: NDArray[Any], valid: NDArray[np.bool_]) -> Iterator[RemovedNoise]:
    for start in range(0, noisy.size, _PIECE):
        piece = slice(start, start + _PIECE)
        chosen = valid[piece]
        after = denoised[piece][chosen].astype(np.float64)
        yield _moments(noisy[piece][chosen].astype(np.float64) - after, after)


def _moments(noise: NDArray[np.float64], denoised: NDArray[np.float64]) -> RemovedNoise:
    if noise.size == 0:
        return RemovedNoise()
    mean, denoised_mean = float(noise.mean()), float(denoised.mean())
    noise, denoised = noise - mean, denoised - denoised_mean
    sums = (float(np.vdot(one, other)) for one, other in [(noise, noise), (denoised, denoised), (noise, denoised)])
    return RemovedNoise(noise.size, mean, denoised_mean, *sums)


def _short(value: float) -> str:
    """With three figures, and whole numbers whole: 128, 43.6, 19,990, 0.0123."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def _times(value: float, unit: float) -> str:
    return f"{value / unit:.2g} times" if unit > 0 else "beyond"
