"""Checks that predictions and references have the same intensity scale, which PSNR and SSIM assume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_APART = 20.0
"""Ratio of two ranges of values beyond which their scales differ: contrast alone, or hot pixels, change it less."""
_TYPES_APART = 8.0
"""The same for an integer type and another type, such as 8 and 12 bits."""


@dataclass(frozen=True)
class Extent:
    """The range of values of images, and their pixel types.

    Attributes:
        low: the smallest value.
        high: the largest value.
        dtypes: all pixel types.
    """

    low: float = math.inf
    high: float = -math.inf
    dtypes: frozenset[np.dtype[Any]] = frozenset()

    def including(self, image: ArrayLike) -> Extent:
        """The extent of these images and one more; its masked pixels do not count."""
        values = image.compressed() if isinstance(image, np.ma.MaskedArray) else np.asarray(image)
        if not values.size:
            return self
        low, high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        return Extent(low, high, self.dtypes | {values.dtype})

    @property
    def span(self) -> float:
        """The largest minus the smallest value."""
        return self.high - self.low

    @property
    def integer(self) -> bool:
        """Whether all pixels are of integer types."""
        return all(dtype.kind in "iu" for dtype in self.dtypes)

    @property
    def within_unit(self) -> bool:
        """Whether the values are fractions, in [0, 1]."""
        return not self.integer and self.low >= 0 and self.high <= 1

    def __str__(self) -> str:
        types = " and ".join(sorted(dtype.name for dtype in self.dtypes))
        return f"{types} from {self.low:.4g} to {self.high:.4g}"


def scale_warnings(prediction: Extent, reference: Extent, data_range: float) -> list[str]:
    """Mismatches between two extents and the data range of their scores, one line each."""
    warnings = []
    if _on_other_scales(prediction, reference):
        warnings.append(
            f"values of {prediction} do not have the scale of the reference, {reference}: convert them to one scale, "
            "as PSNR and SSIM compare the values themselves"
        )
    if not reference.integer and _apart(data_range, reference.span) > _APART:  # for integers it follows from the type
        warnings.append(
            f"the data range {data_range:g} is not that of the reference, {reference}: PSNR and SSIM depend on it"
        )
    return warnings


def _on_other_scales(one: Extent, other: Extent) -> bool:
    if one.low > other.high or other.low > one.high:
        return True
    if any(a.within_unit and b.integer and b.high > 1 for a, b in ((one, other), (other, one))):
        return True
    differ = one.dtypes != other.dtypes and (one.integer or other.integer)
    return _apart(one.span, other.span) > (_TYPES_APART if differ else _APART)


def _apart(one: float, other: float) -> float:
    """The ratio of the wider range to the other; 1 if one is zero, as for constant images."""
    return max(one / other, other / one) if one > 0 and other > 0 else 1.0
