"""Conversion of grey levels to intensities from 0 (black) to 1 (white), for which all noise is defined, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError

Pixels = NDArray[np.float64]
GreyLevels = NDArray[Any]
Range = tuple[float, float]


def intensity_range(image: GreyLevels, data_range: Range | None = None) -> Range:
    """Black and white level of `image`: the given ones, the range of an integer dtype, or (0, 1) for floats.

    Raises:
        InputError: the dtype is not a number, the given range is empty, or floats exceed (0, 1) and no range is given.
    """
    if data_range is not None:
        low, high = float(data_range[0]), float(data_range[1])
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f"data range ({low:g}, {high:g}) is empty: give black below white, both finite")
        return low, high
    if np.issubdtype(image.dtype, np.integer):
        info = np.iinfo(image.dtype)
        return float(info.min), float(info.max)
    if not np.issubdtype(image.dtype, np.floating):
        raise InputError(f"cannot add noise to pixels of type {image.dtype}: give integers or floats")
    if image.size and not (image.min() >= 0 and image.max() <= 1):
        raise InputError(
            "float pixels outside 0 to 1 (or NaN): set black and white with --intensity-range BLACK WHITE (in Python: "
            "data_range=(BLACK, WHITE))"
        )
    return 0.0, 1.0


def to_intensity(plane: GreyLevels, levels: Range) -> Pixels:
    """Grey levels to intensities, float64; black 0, white 1."""
    return np.asarray((plane.astype(np.float64) - levels[0]) / (levels[1] - levels[0]))


def from_intensity(plane: Pixels, levels: Range, dtype: np.dtype[Any]) -> GreyLevels:
    """Intensities to grey levels of `dtype`; integers are rounded half to even and clipped to the dtype's range."""
    values = plane * (levels[1] - levels[0]) + levels[0]
    if not np.issubdtype(dtype, np.integer):
        return np.asarray(values, dtype=dtype)
    info = np.iinfo(dtype)
    return np.clip(np.rint(values), info.min, info.max).astype(dtype)
