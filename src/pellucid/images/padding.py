"""Which pixels are image, and which are padding: canvas around tissue, data bars, missing chunks, saturated bands.

Padding is where many neighbouring pixels are exactly equal: 16×16 or 4×64 of them anywhere, or 64 in a row along the
border of the image, as deep as they are equal. A detector's noise does not do that by chance, unless nearly all of it
is clipped. What is written or drawn on padding belongs to it (`_on_it`). Every pixel's answer depends on what is at
most `HALO` pixels away, so a plane of any size can be looked at piece by piece. A cheap look comes first, so that
images without padding wait for no scipy.

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
_WIDE = SIDE**2 // LENGTH, LENGTH
"""Sides of an area of as many equal pixels that is padding wherever it lies, and so is a tall one."""
GAP = 40
"""Most rows or columns of text between two areas of padding."""
LINE = 6
"""Most rows or columns of anything between them."""
_AROUND = 8
"""How far away pixels tell whether there is text."""
_BARE = 4
"""One of so many must be bare there."""
_STRIP = 2048
"""Rows that are looked at together."""
HALO = LENGTH - 1 + GAP + _AROUND
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
    wide, tall = _in_areas(pixels, _WIDE), _in_areas(pixels, _WIDE[::-1])
    for turns, is_border in zip((0, 2, 3, 1), borders, strict=True):  # the quarter turns that bring a side to the top
        if is_border:
            found = tall if turns % 2 else wide
            np.rot90(found, turns)[:SIDE] |= _in_rows(np.rot90(pixels, turns)[:SIDE])
    found = wide | tall | _in_areas(pixels, (min(SIDE, pixels.shape[0]), min(SIDE, pixels.shape[1])))
    if found.any() and not found.all():
        found |= _on_it(pixels, found, wide) | _on_it(pixels.T, found.T, tall.T).T
    return found


def _in_areas(pixels: Array, sides: tuple[int, int]) -> Mask:
    """Areas of equal pixels, as large as these sides or larger."""
    middles = np.zeros(pixels.shape, bool)  # each area by the pixel in its middle, as scipy has it
    if sides[0] > pixels.shape[0] or sides[1] > pixels.shape[1] or not _may_hold(pixels, sides):
        return middles
    inner = tuple(slice(side // 2, size - (side - 1) // 2) for side, size in zip(sides, pixels.shape, strict=True))
    middles[inner] = _is_constant(pixels, sides)[inner]
    return _grown(middles, sides)


def _may_hold(pixels: Array, sides: tuple[int, int]) -> bool:
    """A cheap look that lets nothing slip: every area holds a cell of half its sides, which has equal corners."""
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


def _on_it(pixels: Array, found: Mask, wide: Mask) -> Mask:
    """Thin lines between padding above and below, and text between wide areas of it, which it leaves bare in part."""
    lines, _ = _between(pixels, found, LINE)
    text, bare = _between(pixels, wide, GAP)
    text, bare = text & ~found, bare & ~found
    y, x = np.nonzero(text)
    text[y, x] = _BARE * _counted(bare, y, x) >= _counted(text, y, x)
    return lines | text


def _between(pixels: Array, found: Mask, most: int) -> tuple[Mask, Mask]:
    """What lies between padding above and below, at most so many rows of it, and where it is as they are.

    Both must be of one value.
    """
    x, y = np.nonzero((found[1:] != found[:-1]).T)  # where it ends or begins, column by column
    top, below = y[:-1], y[1:] + 1
    chosen = found[top, x[:-1]] & (x[:-1] == x[1:]) & (below - top <= most + 1)
    chosen &= pixels[top, x[:-1]] == pixels[below, x[1:]]
    top, columns, heights = top[chosen], x[:-1][chosen], (below - top - 1)[chosen]
    at = (
        np.repeat(top + 1 - heights.cumsum() + heights, heights) + np.arange(heights.sum()),
        np.repeat(columns, heights),
    )
    gap, same = np.zeros_like(found), np.zeros_like(found)
    gap[at] = True
    same[at] = pixels[at] == np.repeat(pixels[top, columns], heights)
    return gap, same


def _counted(marks: Mask, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """How many pixels are marked around each of those at (y, x)."""
    sums = np.pad(marks.cumsum(0, np.int64).cumsum(1), ((1, 0), (1, 0)))
    top, bottom = np.maximum(y - _AROUND, 0), np.minimum(y + _AROUND + 1, marks.shape[0])
    left, right = np.maximum(x - _AROUND, 0), np.minimum(x + _AROUND + 1, marks.shape[1])
    counts: npt.NDArray[np.int64] = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return counts


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
