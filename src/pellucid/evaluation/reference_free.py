"""Measures of a denoised image that need no reference: brightness, contrast, and the removed noise.

Noise that a detector or a file clips is one-sided: its mean depends on the brightness, and a good result differs from
the noisy image by it. So what was removed is compared with structure at equal brightness: with the difference of each
cell of 8×8 pixels to its eight neighbours, beyond what the brightness of the cell explains. Blur leaves such outlines
in the removed noise; noise does not, whatever its strength and its mean. What goes with brightness alone is contrast.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from pellucid.data.source_checks import Finding
from pellucid.errors import InputError

_PIECE = 1 << 20
"""Pixels that are converted to float64 at once."""
CELL = 8
"""Pixels along each side of the squares whose means are correlated."""
SQUARE = 4
"""Cells along each side of the squares whose inner cells are compared with all their neighbours."""
_DRIFT = 0.2
_CONTRAST = 0.8, 1.4
"""Contrast below and above which it is told; clipped noise, which takes contrast from the noisy image, makes 1.2."""
_CORRELATION = 0.5
_ERRORS = 3
"""Standard errors up to which a correlation may be due to chance."""
_ROUNDING = 1e-9
_LOOK = "look at the images of --noise before you measure anything in the result"

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


class PairMoments(NamedTuple):
    """Moments of two images, such as the removed noise and the result; those of parts add up to those of the whole.

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

    @property
    def correlation(self) -> float:
        """Pearson's correlation of the two; 0 if either is constant."""
        spread = math.sqrt(self.squares) * math.sqrt(self.denoised_squares)
        return self.products / spread if spread > 0 else 0.0

    def deviation(self, squares: float) -> float:
        """The standard deviation for a sum of squared deviations; 0 without pixels."""
        return math.sqrt(squares / self.number) if self.number else 0.0


class RemovedNoise(NamedTuple):
    """Moments of noisy − denoised and of denoised, in the units of the images; parts add up to the whole.

    Attributes:
        pixels: the moments of the pixels. A mean far from 0 means that the brightness of the whole image was shifted.
        cells: the moments of means over 8×8 pixels, which contain little noise.
        removed_outlines: of the same cells, what was removed, and the outlines of the result: how much brighter it is
            than in the eight neighbours.
        outlines: likewise these outlines, and the result.
    """

    pixels: PairMoments = PairMoments()
    cells: PairMoments = PairMoments()
    removed_outlines: PairMoments = PairMoments()
    outlines: PairMoments = PairMoments()

    def __add__(self, other: RemovedNoise) -> RemovedNoise:  # type: ignore[override]
        """The moments of both parts together."""
        return RemovedNoise(*(one + another for one, another in zip(self, other, strict=True)))

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
    def denoised_deviation(self) -> float:
        """Standard deviation of the result."""
        return self.pixels.deviation(self.pixels.denoised_squares)

    @property
    def noisy_deviation(self) -> float:
        """Standard deviation of the noisy image, of structure and noise together."""
        return self.pixels.deviation(self.pixels.noisy_squares)

    @property
    def contrast(self) -> float:
        """Contrast of the result as a multiple of that of the noisy image, whose noise does not count.

        The reciprocal of the slope of the noisy image over the result, by means over 8×8 pixels: 1 if the result is
        constant, infinite if it does not follow the image.
        """
        if not self.cells.denoised_squares:
            return 1.0
        slope = 1 + self.cells.products / self.cells.denoised_squares
        return 1 / slope if slope > 0 else math.inf

    @property
    def correlation(self) -> float:
        """Partial correlation of the removed noise with the outlines of the result at equal brightness, in [−1, 1].

        By means over 8×8 pixels, which contain structures of some pixels and more, and little noise. About 0 for noise,
        even if its strength or its mean depends on the brightness. Positive if structure was removed with the noise,
        negative if the result is sharper than the noisy image. 0 if there is nothing to compare.
        """
        by_brightness, outlined = self.cells.correlation, self.outlines.correlation
        rest = (1 - by_brightness**2) * (1 - outlined**2)
        direct = self.removed_outlines.correlation - by_brightness * outlined
        return direct / math.sqrt(rest) if rest > _ROUNDING else 0.0

    def warnings(self) -> list[Finding]:
        """Problems that the user should look at."""
        return [*self._drift(), *self._changed_contrast(), *self._structure()]

    def _drift(self) -> list[Finding]:
        drift = abs(self.pixels.mean)
        if drift <= _DRIFT * self.noisy_deviation:
            return []
        way = "darker" if self.pixels.mean > 0 else "brighter"
        text = (
            f"the result is {way} by {_short(drift)}, {_times(drift, self.noisy_deviation)} the standard deviation of "
            "the noisy image: was the model trained long enough, and on images of this kind and intensity range?"
        )
        return [Finding("brightness", drift, text)]

    def _changed_contrast(self) -> list[Finding]:
        cells, by_chance = self.cells, _ERRORS / math.sqrt(max(self.cells.number, 1))
        if _CONTRAST[0] <= self.contrast <= _CONTRAST[1] or abs(cells.correlation) <= by_chance:
            return []
        if self.contrast < 1:
            what = f"the contrast of the result is only {self.contrast:.2f} times that of the noisy image"
        elif cells.denoised_squares > cells.noisy_squares:
            what = f"contrast was increased ({self.contrast:.2f} times that of the noisy image), or structure was added"
        else:
            what = "the result shows grain or structure that the noisy image does not"
        return [Finding("contrast", self.contrast, f"{what}; {_LOOK}")]

    def _structure(self) -> list[Finding]:
        by_chance = _ERRORS / math.sqrt(max(self.cells.number, 1))
        if abs(self.correlation) <= max(_CORRELATION, by_chance):
            return []
        if self.correlation > 0:
            what = "structure was removed with the noise: what was removed follows outlines in the result"
        else:
            what = "the result is sharper than the noisy image, or shows structure that it does not"
        return [Finding("structure", self.correlation, f"{what} (correlation {self.correlation:.2f}); {_LOOK}")]

    def __str__(self) -> str:
        if self.pixels.number == 0:
            return "no pixels were denoised"
        return (
            f"mean {_short(self.noisy_mean)} -> {_short(self.denoised_mean)}, "
            f"standard deviation {_short(self.noisy_deviation)} -> {_short(self.denoised_deviation)}, of the removed "
            f"noise {_short(self.deviation)}, correlation with structure {self.correlation:z.2f}"
        )


def removed_noise(
    noisy: ArrayLike, denoised: ArrayLike, valid: Mask | None = None, corner: tuple[int, int] = (0, 0)
) -> RemovedNoise:
    """Measure the noise that was removed from an image, or from a part of it.

    Cells form squares of 4×4 from the image's first pixel, whose inner cells count. Squares cut by the border of a part
    are left out: parts add up exactly to the whole if they are cut at multiples of 32.

    Args:
        noisy: the noisy image, (..., Y, X), of any real dtype.
        denoised: the result, of the same shape.
        valid: the mask of pixels that count; all if not given. Cells count if half of their pixels do,
            and of those of their neighbours.
        corner: the row and column of a part's first pixel in its image.

    Raises:
        InputError: shapes that differ.
    """
    before, after = np.asarray(noisy), np.asarray(denoised)
    if before.shape != after.shape:
        raise InputError(f"noisy has shape {before.shape}, denoised has shape {after.shape}: they must be equal")
    chosen = np.ones(before.shape, bool) if valid is None else valid
    pixels = _moments_of_pixels(before.reshape(-1), after.reshape(-1), chosen.reshape(-1))
    cells = _moments_of_cells(before, after, chosen, corner)
    return sum(cells, RemovedNoise(sum(pixels, PairMoments())))


def _moments_of_pixels(noisy: NDArray[Any], denoised: NDArray[Any], valid: Mask) -> Iterator[PairMoments]:
    for start in range(0, noisy.size, _PIECE):
        piece = slice(start, start + _PIECE)
        chosen = valid[piece]
        after = denoised[piece][chosen].astype(np.float64)
        yield PairMoments.of(noisy[piece][chosen].astype(np.float64) - after, after)


def _moments_of_cells(
    noisy: NDArray[Any], denoised: NDArray[Any], valid: Mask, corner: tuple[int, int]
) -> Iterator[RemovedNoise]:
    if noisy.ndim < 2:
        return
    side = SQUARE * CELL
    top, left = (-start % side for start in corner)
    height, width = noisy.shape[-2:]
    rows = side * max(1, _PIECE // (side * max(width, 1)))
    for place in np.ndindex(noisy.shape[:-2]):
        for start in range(top, height - side + 1, rows):
            strip = *place, slice(start, start + rows), slice(left, None)
            yield _compared(noisy[strip], denoised[strip], valid[strip])


def _compared(noisy: NDArray[Any], denoised: NDArray[Any], valid: Mask) -> RemovedNoise:
    """The moments of those inner cells of complete squares of which, and of whose neighbours, half or more is valid."""
    counts = _sums(valid)
    images = (_sums(np.where(valid, image, 0).astype(np.float64)) for image in (noisy, denoised))
    before, after = (sums / np.maximum(counts, 1) for sums in images)
    enough = _neighbourhoods(counts >= CELL**2 / 2).all(1)
    removed, results = (_neighbourhoods(image)[enough] for image in (before - after, after))
    middle = removed.shape[1] // 2
    outlines = results[:, middle] - results.mean(1)
    return RemovedNoise(
        cells=PairMoments.of(removed[:, middle], results[:, middle]),
        removed_outlines=PairMoments.of(removed[:, middle], outlines),
        outlines=PairMoments.of(outlines, results[:, middle]),
    )


def _neighbourhoods(cells: NDArray[Any]) -> NDArray[Any]:
    """Each inner cell of the complete squares with its neighbours, (N, 9)."""
    rows, columns = (size // SQUARE * SQUARE for size in cells.shape)
    if not rows or not columns:
        return np.empty((0, 9), cells.dtype)
    around = sliding_window_view(cells[:rows, :columns], (3, 3))
    inner = (np.flatnonzero(np.arange(size) % SQUARE < SQUARE - 2) for size in around.shape[:2])
    return around[np.ix_(*inner)].reshape(-1, 9)


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
