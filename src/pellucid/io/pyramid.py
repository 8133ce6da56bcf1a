"""Coarser levels of an image: their sizes, and their pixels, which are means over those of the finer level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.io.layout import Array

Factors = Mapping[str, int]

#: Levels are added until a plane is no larger than this: it fits on a screen.
COARSEST = 512
#: Sums of this many 16-bit numbers are exact in float32.
_EXACT = 64


def halvings(sizes: Mapping[str, int], pixels: Mapping[str, float]) -> list[dict[str, int]]:
    """The factors of each level but the first, relative to the finer one, until Y and X are at most 512.

    Y and X are halved at each level; so is Z once its pixels are not longer than theirs, so that they become cubes.

    Args:
        sizes: The size of every axis at full resolution.
        pixels: The size of a pixel along Z, Y, X in one unit; if it is not known, Z is never halved.
    """
    sizes, pixels = dict(sizes), dict(pixels)
    levels = []
    while max(sizes["Y"], sizes["X"]) > COARSEST:
        halved = "ZYX" if _is_cube(pixels) else "YX"
        factors = {axis: 2 if axis in halved and size > 1 else 1 for axis, size in sizes.items()}
        levels.append(factors)
        sizes = shrunk(sizes, factors)
        pixels = {axis: pixel * factors.get(axis, 1) for axis, pixel in pixels.items()}
    return levels


def _is_cube(pixels: Mapping[str, float]) -> bool:
    return {"Z", "Y", "X"} <= set(pixels) and pixels["Z"] <= min(pixels["Y"], pixels["X"])


def shrunk(sizes: Mapping[str, int], factors: Factors) -> dict[str, int]:
    """The sizes of the next level; cells cut by the border count as pixels."""
    return {axis: -(-size // factors.get(axis, 1)) for axis, size in sizes.items()}


def downsample(block: Array, factors: Sequence[int]) -> Array:
    """The mean of each cell of ``factors`` pixels, in the block's own dtype.

    Cells cut by the far border are means over the pixels they have. Integers are rounded half to even. NaN pixels are
    ignored in cells that have others.

    Args:
        block: Of any number of dimensions; it begins at the start of a cell.
        factors: Along each of its axes, at least 1.

    Returns:
        An array of ceil(size / factor) along each axis.
    """
    if block.dtype.kind == "f" and (holes := np.isnan(block)).any():
        counts = _sums(~holes, factors, np.float64)
        sums = _sums(np.where(holes, 0, block), factors, np.float64)
        means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    else:
        exact = block.dtype.itemsize <= 2 and math.prod(factors) <= _EXACT
        means = _sums(block, factors, np.float32 if exact else np.float64)
        for axis, (size, factor) in enumerate(zip(block.shape, factors, strict=True)):
            means /= _along(axis, _counts(size, factor), block.ndim)
    return (np.rint(means) if block.dtype.kind in "iu" else means).astype(block.dtype)


def _sums(block: Array, factors: Sequence[int], dtype: Any) -> Array:
    """Sums over cells along one axis after the other; several times faster than ``np.add.reduceat``."""
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        shape = list(block.shape)
        shape[axis] = -(-shape[axis] // factor)
        sums = np.zeros(shape, dtype)
        for first in range(min(factor, block.shape[axis])):
            part = block[(slice(None),) * axis + (slice(first, None, factor),)]
            sums[(slice(None),) * axis + (slice(part.shape[axis]),)] += part
        block = sums
    return block.astype(dtype)


def _counts(size: int, factor: int) -> Array:
    """The number of pixels in each cell along an axis."""
    starts = np.arange(0, size, factor)
    counted: Array = np.minimum(starts + factor, size) - starts
    return counted


def _along(axis: int, values: Array, dimensions: int) -> Array:
    return values.reshape([-1 if other == axis else 1 for other in range(dimensions)])
