"""The map from a source's grey levels to the networks' range [−1, 1] and back: one per source, not one per tile."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

from pellucid.data.sample import SEED, Pages, sample_pixels
from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.io.image import Plane, check_dtype
from pellucid.io.layout import Array

Method = Literal["auto", "dtype", "percentile"]

#: The percentiles of the pixels that become −1 and 1.
PERCENTILES = (0.1, 99.9)


class IntensityRange(BaseModel):
    """Maps ``low`` to −1 and ``high`` to 1, linearly; values outside are not clipped.

    Attributes:
        low, high: In the units of the source's pixels; finite, low < high.
        how: How they were chosen, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    how: str = "given"

    @model_validator(mode="after")
    def _check(self) -> IntensityRange:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise InputError(f"intensity range {self.low:g} to {self.high:g}: give two finite numbers, the lower first")
        return self

    def normalize(self, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """``(x − low) / (high − low) · 2 − 1`` in float32, of any shape; not clipped."""
        # 32-bit integers and float64 have more digits than float32: shift them before rounding
        wide = array.dtype.itemsize >= 4 and array.dtype != np.float32
        x: npt.NDArray[Any] = array.astype(np.float64 if wide else np.float32)
        x -= self.low
        x *= 2 / (self.high - self.low)
        x -= 1
        return x.astype(np.float32, copy=False)

    def network_input(self, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The networks' input: ``normalize``, with 0 (middle grey) for NaN and infinite pixels."""
        return np.nan_to_num(self.normalize(array), copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def denormalize(self, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The inverse of ``normalize``, in float32, of any shape; not clipped and not rounded."""
        x = array.astype(np.float32)
        x += 1
        x *= (self.high - self.low) / 2
        x += self.low
        return x

    @classmethod
    def from_dtype(cls, dtype: npt.DTypeLike) -> IntensityRange:
        """The range of an integer type: 0 to 255 for uint8, which is the paper's ``x / 255 · 2 − 1``.

        Raises:
            InputError: It is a floating-point type, which has no natural range.
        """
        kind = check_dtype(np.dtype(dtype), "intensity range")
        if kind.kind == "f":
            raise InputError(f"intensity range: {kind.name} has no natural one; use percentiles or give low and high")
        limits = np.iinfo(kind)
        return cls(low=limits.min, high=limits.max, how="dtype")

    @classmethod
    def from_limits(cls, low: float, high: float) -> IntensityRange:
        """Limits given by the user, low < high.

        Raises:
            InputError: They are not finite, or not in this order.
        """
        return cls(low=low, high=high, how="given")

    @classmethod
    def from_source(cls, source: Source | Pages, method: Method = "auto") -> IntensityRange:
        """The range of a source, or of a sequence of planes or (Y, X) arrays.

        Args:
            source: The images; up to 1,000,000 of their pixels are sampled with a fixed seed.
            method: ``dtype`` (integers only), ``percentile`` (0.1 and 99.9), or ``auto``: the former for uint8,
                the latter else.

        Raises:
            BlankError: The images contain nothing but padding and non-finite pixels.
            InputError: The method is unknown or does not fit the dtype.
        """
        pages: Pages = source.planes if isinstance(source, Source) else source
        if len(pages) == 0:
            raise InputError("intensity range: there are no images; give at least one")
        if method not in ("auto", "dtype", "percentile"):
            raise InputError(f"intensity range: unknown method {method!r}; use auto, dtype or percentile")
        sample = sample_pixels(pages)
        _refuse_blank(sample, pages)
        if method == "dtype" or (method == "auto" and sample.dtype == np.uint8):
            return cls.from_dtype(sample.dtype)
        return _percentile(sample)


def _percentile(sample: Array) -> IntensityRange:
    low, high = (float(limit) for limit in np.percentile(sample.astype(np.float64), PERCENTILES))
    pixels = f"of {sample.size:,} pixels, seed {SEED}"
    if low < high:
        return IntensityRange(low=low, high=high, how=f"percentile {PERCENTILES[0]}–{PERCENTILES[1]} {pixels}")
    # nearly all pixels are equal; only the few others show anything
    return IntensityRange(low=float(sample.min()), high=float(sample.max()), how=f"smallest and largest {pixels}")


class BlankError(InputError):
    """All images are blank."""


def _refuse_blank(sample: Array, pages: Pages) -> None:
    if sample.size == 0 or sample.min() == sample.max():
        first = pages[0].name if isinstance(pages[0], Plane) else "the array"
        others = f" and {len(pages) - 1} more" if len(pages) > 1 else ""
        raise BlankError(
            f"{first}{others}: contains only areas of one value, NaN and infinite pixels, "
            "so there is nothing to learn from; leave it out"
        )
