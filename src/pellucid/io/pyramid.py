"""Coarser levels of an image: how they shrink, and the means of pixels that theirs are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.io.layout import Array

Factors = Mapping[str, int]

#: Levels are added until a plane is no larger than this: it fits on a screen.
COARSEST = 512
#: Sums of so many 16-bit numbers are exact in float32.
_EXACT = 64


def halvings(sizes: Mapping[str, int], pixels: Mapping[str, float]) -> list[dict[str, int]]:
    """The factors of every level but the first, relative to the level above, until Y and X are at most 512.

    Y and X are halved at each level; Z with them once its pixel is no longer than theirs, so that pixels become cubes.

    Args:
        sizes: The size of every axis at full resolution.
        pixels: The extent of a pixel along Z, Y, X in one unit; without it Z is never halved.
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
    """The sizes of the next level; a cell that the border cuts makes a pixel too."""
    return {axis: -(-size // factors.get(axis, 1)) for axis, size in sizes.items()}


def downsample(block: Array, factors: Sequence[int]) -> Array:
    """The mean of every cell of ``factors`` pixels, in the block's own dtype.

    Cells that the far border cuts are the mean of what they have. Integers are rounded half to even. NaN is left out
    of a cell that has other pixels.

    Args:
        block: Of any number of dimensions, beginning at the start of a cell.
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
    """Sums over cells, one axis after the other: the first pixels of all cells, plus the second ones, and so on."""
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
    """How many of ``size`` pixels fall into each cell."""
    starts = np.arange(0, size, factor)
    counted: Array = np.minimum(starts + factor, size) - starts
    return counted


def _along(axis: int, values: Array, dimensions: int) -> Array:
    return values.reshape([-1 if other == axis else 1 for other in range(dimensions)])
