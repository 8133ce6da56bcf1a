"""Measures of a denoised image that need no reference: brightness, contrast, and the removed noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.data.source_checks import Finding
from pellucid.errors import InputError

_PIECE = 1 << 20
"""Pixels that are converted to float64 at once."""
CELL = 8
"""Pixels along each side of the squares whose means are correlated."""
_DRIFT = 0.2
_CORRELATION = 0.3
_ERRORS = 3
"""Standard errors up to which a correlation may be due to chance."""

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


class PairMoments(NamedTuple):
    """PairMoments of two images, the removed noise and the result; those of parts add up to those of the whole.

    Attributes:
        number: the number of pixels, or of cells.
        mean, denoised_mean: the means of both.
        squares, denoised_squares: sums of the squared deviations from these.
        products: sum of the products of both deviations.
    """

    number: int = 0
    mean: float = 0.0
    denoised_mean: float = 0.0
    squares: float = 0.0
    denoised_squares: float = 0.0
    products: float = 0.0

    @classmethod
    def of(cls, noise: Values, denoised: Values) -> PairMoments:
        """The moments of one-dimensional values."""
        if noise.size == 0:
            return cls()
        mean, denoised_mean = float(noise.mean()), float(denoised.mean())
        noise, denoised = noise - mean, denoised - denoised_mean
        sums = (float(np.vdot(one, other)) for one, other in [(noise, noise), (denoised, denoised), (noise, denoised)])
        return cls(noise.size, mean, denoised_mean, *sums)

    def __add__(self, other: PairMoments) -> PairMoments:  # type: ignore[override]
        """The moments of both parts together (Chan et al. 1979)."""
        number = self.number + other.number
        if number == 0:
            return self
        share, between = other.number / number, self.number * other.number / number
        apart, denoised_apart = other.mean - self.mean, other.denoised_mean - self.denoised_mean
        return PairMoments(
            number,
            self.mean + share * apart,
            self.denoised_mean + share * denoised_apart,
            self.squares + other.squares + between * apart**2,
            self.denoised_squares + other.denoised_squares + between * denoised_apart**2,
            self.products + other.products + between * apart * denoised_apart,
        )

    @property
    def noisy_squares(self) -> float:
        """Sum of the squared deviations of the noisy image, the sum of the two."""
        return max(0.0, self.squares + 2 * self.products + self.denoised_squares)

    def deviation(self, squares: float) -> float:
        """The standard deviation for a sum of squared deviations; 0 without pixels."""
        return math.sqrt(squares / self.number) if self.number else 0.0


class RemovedNoise(NamedTuple):
    """PairMoments of noisy − denoised and of denoised, in the units of the images; parts add up to the whole.

    Attributes:
        pixels: the moments of the pixels. A mean far from 0 means that the brightness of the whole image was shifted.
        cells: the moments of means over 8×8 pixels, which contain little noise.
    """

    pixels: PairMoments = PairMoments()
    cells: PairMoments = PairMoments()

    def __add__(self, other: RemovedNoise) -> RemovedNoise:  # type: ignore[override]
        """The moments of both parts together."""
        return RemovedNoise(self.pixels + other.pixels, self.cells + other.cells)

    @property
    def noisy_mean(self) -> float:
        """Mean brightness of the noisy image."""
        return self.pixels.mean + self.denoised_mean

    @property
    def denoised_mean(self) -> float:
        """Mean brightness of the result."""
        return self.pixels.denoised_mean

    @property
    def deviation(self) -> float:
        """σ of the removed noise: the standard deviation of noisy − denoised."""
        return self.pixels.deviation(self.pixels.squares)

    @property
    def denoised_contrast(self) -> float:
        """Contrast of the result: its standard deviation."""
        return self.pixels.deviation(self.pixels.denoised_squares)

    @property
    def noisy_contrast(self) -> float:
        """Contrast of the noisy image, of structure and noise together: its standard deviation."""
        return self.pixels.deviation(self.pixels.noisy_squares)

    @property
    def correlation(self) -> float:
        """Pearson correlation of the removed noise with the result, in [−1, 1], by means over 8×8 pixels.

        The means contain structures of some pixels and more, and little noise; pixel by pixel, the noise would hide how
        much structure was removed. Near 0 for noise whose mean does not depend on the signal, even if its strength
        does. Otherwise, structure was removed with the noise (positive), or the result varies more than the noisy image
        (negative). 0 if either is constant.
        """
        spread = math.sqrt(self.cells.squares) * math.sqrt(self.cells.denoised_squares)
        return self.cells.products / spread if spread > 0 else 0.0

    def warnings(self) -> list[Finding]:
        """Problems that the user should look at."""
        return [*self._drift(), *self._structure()]

    def _drift(self) -> list[Finding]:
        drift = abs(self.pixels.mean)
        if drift <= _DRIFT * self.noisy_contrast:
            return []
        way = "darker" if self.pixels.mean > 0 else "brighter"
        text = (
            f"the result is {way} by {_short(drift)}, {_times(drift, self.noisy_contrast)} the contrast of the "
            "noisy image: was the model trained long enough, and on images of this kind and intensity range?"
        )
        return [Finding("brightness", drift, text)]

    def _structure(self) -> list[Finding]:
        by_chance = _ERRORS / math.sqrt(max(self.cells.number, 1))
        if abs(self.correlation) <= max(_CORRELATION, by_chance):
            return []
        text = (
            f"the removed noise resembles the result (correlation {self.correlation:.2f}): {self._resemblance()}; "
            "look at the images of --noise before you measure anything in the result"
        )
        return [Finding("structure", self.correlation, text)]

    def _resemblance(self) -> str:
        if self.correlation > 0:
            return "structure or contrast was removed with the noise"
        if self.cells.denoised_squares > self.cells.noisy_squares:
            return "contrast was increased, or structure was added"
        return "the result shows grain or structure that the noisy image does not"

    def __str__(self) -> str:
        if self.pixels.number == 0:
            return "no pixels were denoised"
        return (
            f"mean {_short(self.noisy_mean)} -> {_short(self.denoised_mean)}, "
            f"contrast {_short(self.noisy_contrast)} -> {_short(self.denoised_contrast)}, "
            f"removed noise σ {_short(self.deviation)}, correlation with structure {self.correlation:z.2f}"
        )


def removed_noise(
    noisy: ArrayLike, denoised: ArrayLike, valid: Mask | None = None, corner: tuple[int, int] = (0, 0)
) -> RemovedNoise:
    """Measure the noise that was removed from an image, or from a part of it.

    Cells form a grid from the image's first pixel. Cells cut by the border of a part are left out: parts add up exactly
    to the whole if they are cut at multiples of 8.

    Args:
        noisy: the noisy image, (..., Y, X), of any real dtype.
        denoised: the result, of the same shape.
        valid: the mask of pixels that count; all if not given. Cells count if half of their pixels do.
        corner: the row and column of a part's first pixel in its image.

    Raises:
        InputError: shapes that differ.
    """
    before, after = np.asarray(noisy), np.asarray(denoised)
    if before.shape != after.shape:
        raise InputError(f"noisy has shape {before.shape}, denoised has shape {after.shape}: they must be equal")
    chosen = np.ones(before.shape, bool) if valid is None else valid
    flat = before.reshape(-1), after.reshape(-1), chosen.reshape(-1)
    pixels, cells = _moments_of_pixels(*flat), _moments_of_cells(before, after, chosen, corner)
    return RemovedNoise(sum(pixels, PairMoments()), sum(cells, PairMoments()))


def _moments_of_pixels(noisy: NDArray[Any], denoised: NDArray[Any], valid: Mask) -> Iterator[PairMoments]:
    for start in range(0, noisy.size, _PIECE):
        piece = slice(start, start + _PIECE)
        chosen = valid[piece]
        after = denoised[piece][chosen].astype(np.float64)
        yield PairMoments.of(noisy[piece][chosen].astype(np.float64) - after, after)


def _moments_of_cells(
    noisy: NDArray[Any], denoised: NDArray[Any], valid: Mask, corner: tuple[int, int]
) -> Iterator[PairMoments]:
    if noisy.ndim < 2:
        return
    top, left = (-start % CELL for start in corner)
    height, width = noisy.shape[-2:]
    rows = CELL * max(1, _PIECE // (CELL * max(width, 1)))
    for place in np.ndindex(noisy.shape[:-2]):
        for start in range(top, height, rows):
            strip = *place, slice(start, start + rows), slice(left, None)
            yield PairMoments.of(*_means(noisy[strip], denoised[strip], valid[strip]))


def _means(noisy: NDArray[Any], denoised: NDArray[Any], valid: Mask) -> tuple[Values, Values]:
    """Means of the removed noise and of the result, over complete cells of which half or more is valid."""
    counts = _sums(valid)
    enough = counts >= CELL**2 / 2
    before, after = (_sums(np.where(valid, image, 0).astype(np.float64))[enough] for image in (noisy, denoised))
    return (before - after) / counts[enough], after / counts[enough]


def _sums(values: NDArray[Any]) -> Values:
    rows, columns = (size // CELL for size in values.shape)
    cells = values[: CELL * rows, : CELL * columns].reshape(rows, CELL, columns, CELL)
    sums: Values = cells.sum(axis=(1, 3), dtype=np.float64)
    return sums


def _short(value: float) -> str:
    """The value with three significant digits, or as a whole number: 128, 43.6, 19,990, 0.0123."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def _times(value: float, unit: float) -> str:
    return f"{value / unit:.2g} times" if unit > 0 else "beyond"
