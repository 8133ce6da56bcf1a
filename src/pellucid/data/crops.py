"""A few crops that represent all images of a source: spread over its planes, without their padding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pellucid.data.padding import Borders, is_valid
from pellucid.io.image import Plane
from pellucid.io.layout import Array

SIDE = 512
_QUARTER = 256
CROPS = 8
_SMALLEST = 64
_FEW_HOLES = 0.95
"""Share of valid pixels from which a crop is used whole, with its holes filled."""
_CELL = 8
_LEAST_VALID = 0.75
_TRIES = 4
"""How many times more positions are tried if there is padding."""

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]
Crop = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]
"""Pixels (Y, X), the invalid ones filled with the median of the others, and the mask of the valid ones."""


class CropPosition(NamedTuple):
    """A plane and the upper left corner of a crop in it."""

    plane: Plane | Array
    top: int
    left: int

    @property
    def key(self) -> tuple[int, int, int]:
        """A hashable identifier."""
        return id(self.plane), self.top, self.left


def crops_of(planes: Sequence[Plane] | Sequence[Array], most: int = CROPS) -> list[Crop]:
    """Read up to `most` crops of up to 512×512 pixels at evenly spaced positions; nothing else is read.

    If more than a little of a crop is padding, its largest rectangle of valid pixels is used; if too few positions have
    such a rectangle of at least 64×64 pixels, others are tried. Planes with a side below 64 pixels are skipped.
    Pixels may be non-finite.
    """
    large = [plane for plane in planes if min(plane.shape) >= _SMALLEST]
    each = -(-most // len(large)) if large else 0
    first = _spread(_positions(_spread(large, most), each), most)
    crops = _read_all(first)
    if len(crops) == len(first):
        return crops
    tried = {position.key for position in first}
    more = _positions(_spread(large, _TRIES * most), _TRIES * each)
    others = [position for position in more if position.key not in tried]
    return [*crops, *_read_all(_spread(others, _TRIES * most))][:most]


def _positions(planes: Sequence[Plane | Array], each: int) -> list[CropPosition]:
    return [CropPosition(plane, *corner) for plane in planes for corner in _spread(_corners(plane.shape), each)]


def _read_all(positions: Sequence[CropPosition]) -> list[Crop]:
    """The crops at these positions that have enough valid pixels."""
    return [crop for position in positions if (crop := _read(position)) is not None]


def quarters_of(crop: Crop) -> list[Crop]:
    """The four corners of a crop, up to 256×256 pixels each, overlapping if it is below 512; the crop if it fits."""
    pixels, valid = crop
    rows, columns = (sorted({0, max(0, size - _QUARTER)}) for size in pixels.shape)
    windows = [(slice(top, top + _QUARTER), slice(left, left + _QUARTER)) for top in rows for left in columns]
    return [(pixels[window], valid[window]) for window in windows if valid[window].mean() >= _LEAST_VALID]


def _spread(items: Sequence[T], count: int) -> list[T]:
    """Up to `count` of the items, evenly spaced: the middle ones of equal parts."""
    if len(items) <= count:
        return list(items)
    ends = np.linspace(0, len(items), count + 1)
    return [items[int((start + stop) / 2)] for start, stop in pairwise(ends)]


def _corners(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Upper left corners of adjacent crops that together are centred on the plane."""
    rows, columns = (range(size % SIDE // 2, size - SIDE + 1, SIDE) if size >= SIDE else range(1) for size in shape)
    return [(top, left) for top in rows for left in columns]


def _read(position: CropPosition) -> Crop | None:
    plane, top, left = position
    height, width = plane.shape
    rows, columns = slice(top, min(top + SIDE, height)), slice(left, min(left + SIDE, width))
    pixels = plane[rows, columns]
    valid = is_valid(pixels, Borders.of(rows, columns, (height, width)))
    values = np.ma.getdata(pixels).astype(np.float64)
    if valid.mean() < _FEW_HOLES:
        image = _largest_rectangle(valid)
        if image is None:
            return None
        values, valid = values[image], valid[image]
    return (values if valid.all() else np.where(valid, values, np.median(values[valid]))), valid


def _largest_rectangle(valid: Mask) -> tuple[slice, slice] | None:
    """The largest rectangle of mostly valid 8×8 cells; None if none is at least 64×64 pixels."""
    rows, columns = (size // _CELL for size in valid.shape)
    shares = valid[: rows * _CELL, : columns * _CELL].reshape(rows, _CELL, columns, _CELL).mean(axis=(1, 3))
    filled, least = shares >= _LEAST_VALID, _SMALLEST // _CELL
    found: list[tuple[int, int, int, int, int]] = []
    for top in range(rows - least + 1):
        common = np.logical_and.accumulate(filled[top:], axis=0)
        for height in range(least, len(common) + 1):
            left, width = _longest_run(common[height - 1])
            if width < least:
                break
            found.append((height * width, top, height, left, width))
    if not found:
        return None
    _, top, height, left, width = max(found)
    return slice(top * _CELL, (top + height) * _CELL), slice(left * _CELL, (left + width) * _CELL)


def _longest_run(marks: Mask) -> tuple[int, int]:
    """Start and length of the longest run of marks."""
    ends = np.flatnonzero(np.concatenate(([True], ~marks, [True])))
    lengths = np.diff(ends) - 1
    longest = int(lengths.argmax())
    return int(ends[longest]), int(lengths[longest])
