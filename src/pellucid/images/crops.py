"""A few crops that stand for all images of a source: spread over its planes, where there is least padding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pellucid.images.image import Plane
from pellucid.images.layout import Array
from pellucid.images.padding import Borders, is_valid

SIDE = 512
PART = 256
CROPS = 8
_SMALLEST = 64
_LEAST_VALID = 0.7

T = TypeVar("T")
Crop = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]
"""Pixels (Y, X), those that are no image filled with the median of the others, and which are image."""


def crops_of(planes: Sequence[Plane] | Sequence[Array], most: int = CROPS) -> list[Crop]:
    """So many crops, 8 if not said, of up to 512×512 pixels from evenly spread places; only they are read.

    Left out are planes with a side below 64 pixels, and places with more than 30 % padding. Pixels may be not finite.
    """
    large = [plane for plane in planes if min(plane.shape) >= _SMALLEST]
    each = -(-most // len(large)) if large else 0
    places = [(plane, *corner) for plane in _spread(large, most) for corner in _spread(_corners(plane.shape), each)]
    crops = [_read(plane, top, left) for plane, top, left in _spread(places, most)]
    return [crop for crop in crops if crop[1].mean() >= _LEAST_VALID]


def parts_of(crop: Crop) -> list[Crop]:
    """Its four corners, of up to 256×256 pixels, which overlap in a crop below 512; itself if it is no larger."""
    pixels, valid = crop
    rows, columns = (sorted({0, max(0, size - PART)}) for size in pixels.shape)
    places = [(slice(top, top + PART), slice(left, left + PART)) for top in rows for left in columns]
    return [(pixels[place], valid[place]) for place in places if valid[place].mean() >= _LEAST_VALID]


def _spread(items: Sequence[T], count: int) -> list[T]:
    """So many of the items, from the middles of equal parts."""
    if len(items) <= count:
        return list(items)
    ends = np.linspace(0, len(items), count + 1)
    return [items[int((start + stop) / 2)] for start, stop in pairwise(ends)]


def _corners(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Of crops side by side, together in the middle of the plane."""
    rows, columns = (range(size % SIDE // 2, size - SIDE + 1, SIDE) if size >= SIDE else range(1) for size in shape)
    return [(top, left) for top in rows for left in columns]


def _read(plane: Plane | Array, top: int, left: int) -> Crop:
    rows, columns = (
        slice(start, min(start + SIDE, size)) for start, size in zip((top, left), plane.shape, strict=True)
    )
    pixels = plane[rows, columns]
    valid = is_valid(pixels, Borders.of(rows, columns, (plane.shape[0], plane.shape[1])))
    values = np.ma.getdata(pixels).astype(np.float64)
    if valid.any() and not valid.all():
        values = np.where(valid, values, np.median(values[valid]))
    return values, valid
