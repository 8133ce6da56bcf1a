"""Which pixels are image, and which are padding: canvas around tissue, data bars, missing chunks, saturated bands.

Padding is where many neighbouring pixels are exactly equal: 16×16 of them anywhere, or 64 in a row along the border of
the image, as deep as they are equal. A detector's noise does not do that by chance, unless nearly all of it is
clipped. Every pixel's answer depends on what is at most `HALO` pixels away, so a plane of any size can be looked at
piece by piece. A cheap look comes first, so that images without padding wait for no scipy.

    valid = is_valid(piece, Borders.of(rows, columns, shape))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pellucid.images.layout import Array

Mask = npt.NDArray[np.bool_]

SIDE = 16
"""Of a square of equal pixels that is padding wherever it lies."""
LENGTH = 64
"""Of a row of equal pixels that is padding along the border."""
_STRIP = 2048
"""Rows that are looked at together."""
HALO = LENGTH - 1
"""How far away, in pixels, what decides about a pixel may be."""


class Borders(NamedTuple):
    """Which sides of a piece are borders of the image."""

    top: bool = True
    bottom: bool = True
    left: bool = True
    right: bool = True

    @classmethod
    def of(cls, rows: slice, columns: slice, shape: tuple[int, int]) -> Borders:
        """Of the piece at these rows and columns of an image (Y, X)."""
        return cls(rows.start == 0, rows.stop == shape[0], columns.start == 0, columns.stop == shape[1])


WHOLE = Borders()
"""Of an image as a whole."""


def is_valid(pixels: Array, borders: Borders = WHOLE) -> Mask:
    """Where pixels (Y, X) are image: finite numbers, and no padding.

    Args:
        pixels: an image, or a piece of one.
        borders: of the piece; at its other sides, the answer holds for pixels that are `HALO` or more away from them.
    """
    if len(pixels) > 2 * _STRIP:
        return np.concatenate(list(_strips(pixels, borders)))
    return is_finite(pixels) & ~is_padding(pixels, borders)


def _strips(pixels: Array, borders: Borders) -> Iterator[Mask]:
    """The same from strip to strip, in less memory."""
    height = len(pixels)
    for top in range(0, height, _STRIP):
        rows = slice(max(0, top - HALO), min(height, top + _STRIP + HALO))
        own = Borders(
            borders.top and rows.start == 0, borders.bottom and rows.stop == height, borders.left, borders.right
        )
        yield is_valid(pixels[rows], own)[top - rows.start :][:_STRIP]


def image_pixels(pixels: Array) -> Array:
    """The pixels of an image (Y, X) that are valid, in one row; a view if all are."""
    given, valid = np.ma.getdata(pixels), is_valid(pixels)
    return given.reshape(-1) if valid.all() else given[valid]


def is_finite(pixels: Array) -> Mask:
    """Where pixels are numbers: neither infinite nor not a number, nor masked in a masked array."""
    given = np.ma.getdata(pixels)
    finite = np.isfinite(given) if given.dtype.kind == "f" else np.ones(given.shape, bool)
    return finite & ~np.ma.getmaskarray(pixels) if np.ma.isMaskedArray(pixels) else finite


def is_padding(pixels: Array, borders: Borders = WHOLE) -> Mask:
    """Where pixels (Y, X) lie in a large area, or along the border in a long one, of exactly equal numbers.

    Args:
        pixels: an image, or a piece of one.
        borders: as for `is_valid`.
    """
    pixels = np.ma.getdata(pixels)
    if pixels.dtype == np.float16:  # which scipy does not take
        pixels = pixels.astype(np.float32)
    found = _in_squares(pixels)
    for turns, is_border in zip((0, 2, 3, 1), borders, strict=True):  # the quarter turns that bring a side to the top
        if is_border:
            np.rot90(found, turns)[:SIDE] |= _in_rows(np.rot90(pixels, turns)[:SIDE])
    return found


def _in_squares(pixels: Array) -> Mask:
    sides = tuple(min(SIDE, size) for size in pixels.shape)
    if not _may_hold_squares(pixels, sides):
        return np.zeros(pixels.shape, bool)
    # each square by the pixel in its middle, as scipy has it
    middles = np.zeros(pixels.shape, bool)
    inner = tuple(slice(side // 2, size - (side - 1) // 2) for side, size in zip(sides, pixels.shape, strict=True))
    middles[inner] = _is_constant(pixels, sides)[inner]
    return _grown(middles, sides)


def _may_hold_squares(pixels: Array, sides: tuple[int, ...]) -> bool:
    """A cheap look that lets nothing slip: every square holds a cell of half its side, which has equal corners."""
    steps = tuple(max(1, side // 2) for side in sides)
    height, width = (size // step * step for size, step in zip(pixels.shape, steps, strict=True))
    cells = pixels[:height, :width].reshape(height // steps[0], steps[0], width // steps[1], steps[1])
    first = cells[:, 0, :, 0]
    alike = first == cells[:, -1, :, -1]
    alike &= first == cells[:, 0, :, -1]
    alike &= first == cells[:, -1, :, 0]
    at = np.nonzero(alike)
    if not len(at[0]):
        return False
    chosen = cells[at[0], :, at[1], :]
    return bool((chosen == chosen[:, :1, :1]).all((1, 2)).any())


def _in_rows(top: Array) -> Mask:
    """Equal pixels below a long row of equal ones, in the upper rows (at most `SIDE`) of an image."""
    length = min(LENGTH, top.shape[1])
    if not _holds_row(top[0], length):
        return np.zeros(top.shape, bool)
    from scipy import ndimage

    depths = np.logical_and.accumulate(top == top[:1], axis=0).sum(0)
    inner = slice(length // 2, top.shape[1] - (length - 1) // 2)
    least = np.zeros_like(depths)
    least[inner] = np.where(_is_constant(top[0], (length,)), ndimage.minimum_filter1d(depths, length), 0)[inner]
    reached = ndimage.maximum_filter1d(least, length, origin=_mirrored(length), mode="constant")
    below: Mask = np.arange(len(top))[:, None] < reached
    return below


def _holds_row(row: Array, length: int) -> bool:
    """Whether so many pixels in a row are equal, or infinite alike."""
    alike = np.append(0, np.cumsum(row[1:] == row[:-1]))
    return bool((alike[length - 1 :] - alike[: len(row) - length + 1] == length - 1).any())


def _is_constant(pixels: Array, sides: tuple[int, ...]) -> Mask:
    """Whether all pixels around each are equal; not-a-number equals nothing."""
    from scipy import ndimage

    high, low = ndimage.maximum_filter(pixels, sides), ndimage.minimum_filter(pixels, sides)
    constant: Mask = high == low
    if pixels.dtype.kind == "f":
        constant &= ndimage.minimum_filter(is_finite(pixels), sides)
    return constant


def _grown(middles: Mask, sides: tuple[int, ...]) -> Mask:
    """The squares around their middles."""
    from scipy import ndimage

    grown: Mask = ndimage.maximum_filter(
        middles, sides, origin=[_mirrored(side) for side in sides], mode="constant", cval=False
    )
    return grown


def _mirrored(side: int) -> int:
    """A window of even length has its middle right of the centre; seen from its pixels, it lies to the left."""
    return -1 if side % 2 == 0 else 0
