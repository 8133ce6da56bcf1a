"""Conversion of results to a file's pixel type: round, clip, and count the clipped pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.io.image import check_dtype, check_finite
from pellucid.io.layout import Array


@dataclass(frozen=True)
class ClipReport:
    """How many pixels were outside the range of the pixel type and were set to its nearest limit."""

    clipped: int = 0
    pixels: int = 0

    @property
    def share(self) -> float:
        """Clipped pixels as a fraction of all, 0 to 1."""
        return self.clipped / self.pixels if self.pixels else 0.0

    def __add__(self, other: ClipReport) -> ClipReport:
        return ClipReport(self.clipped + other.clipped, self.pixels + other.pixels)

    def __str__(self) -> str:
        percent = 100 * self.share
        if self.clipped == 0:
            return "result not clipped"
        return (
            f"{percent:.2f} % of the result clipped" if percent >= 0.005 else "less than 0.01 % of the result clipped"
        )


class Conversion:
    """Converts planes to one pixel type: half-to-even rounding for integers, then clipping to the type's range.

    Attributes:
        report: Clipped pixels in all planes so far.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = check_dtype(np.dtype(dtype), "the output")
        self.report = ClipReport()

    def __call__(self, plane: Array, name: str = "the result") -> Array:
        """The plane in ``dtype``; returned unchanged if it has this type already.

        Raises:
            InputError: A pixel is NaN or infinite.
        """
        check_finite(name, plane)
        if plane.dtype == self.dtype:
            self.report += ClipReport(0, plane.size)
            return plane
        low, high = _limits(self.dtype)
        # float32 cannot represent the limits of 32-bit integers, nor float16 those of 16-bit ones
        exact = plane if plane.dtype == np.float32 and self.dtype.itemsize < 4 else plane.astype(np.float64)
        rounded = np.rint(exact) if self.dtype.kind in "iu" else exact
        clipped = int(np.count_nonzero((rounded < low) | (rounded > high)))
        self.report += ClipReport(clipped, plane.size)
        converted: Array = np.clip(rounded, low, high).astype(self.dtype)
        return converted


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return float(limits.min), float(limits.max)
