"""Squares cut at the same place of several planes: neighbouring sections, or two frames of one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.pseudo_pairs import MULTIPLE, SIDE, SMALLEST, Images
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.padding import Borders, is_valid
from pellucid.io.image import Plane

MOST_PADDING = 0.05
"""Largest share of padding in a square; it is filled with the median of the rest."""


def common_side(planes: Sequence[Plane]) -> int | None:
    """Side of the largest squares that fit into all planes, up to `SIDE`; None below `SMALLEST`."""
    side = min(SIDE, *(size for plane in planes for size in plane.shape))
    return side // MULTIPLE * MULTIPLE if side >= SMALLEST else None


def cut_places(planes: Sequence[Plane], side: int, most: int, intensity_range: IntensityRange) -> list[Images]:
    """Cut squares from planes of one shape, those near the middle first.

    Args:
        planes: N of them.
        side: of the squares, which fit into the planes.
        most: number of squares.
        intensity_range: that is scaled to [−1, 1]; intensities beyond it are not clipped.

    Returns:
        Up to so many places, each (N, side, side); places with padding in any of the planes are left out.
    """
    places: list[Images] = []
    for window in _windows(planes[0].shape, side):
        cut = [square for plane in planes if (square := _square(plane, window, intensity_range)) is not None]
        if len(cut) == len(planes):
            places.append(np.stack(cut))
        if len(places) == most:
            break
    return places


def _windows(shape: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Squares that lie side by side around the middle of a plane, from there outwards."""
    tops, lefts = (np.arange(size % side // 2, size - side + 1, side) for size in shape)
    corners = [(int(top), int(left)) for top in tops for left in lefts]
    middle = [(size - side) / 2 for size in shape]
    for top, left in sorted(corners, key=lambda at: (at[0] - middle[0]) ** 2 + (at[1] - middle[1]) ** 2):
        yield slice(top, top + side), slice(left, left + side)


def _square(plane: Plane, window: tuple[slice, slice], intensity_range: IntensityRange) -> NDArray[np.float32] | None:
    pixels = plane[window]
    valid = is_valid(pixels, Borders.of(*window, plane.shape))
    if valid.mean() < 1 - MOST_PADDING:
        return None
    values = intensity_range.normalize(np.ma.getdata(pixels))
    return values if valid.all() else np.where(valid, values, np.median(values[valid]))
