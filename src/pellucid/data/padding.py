"""Detection of padding: canvas around tissue, data bars, missing chunks, saturated bands.

What becomes of such pixels is decided in `pellucid.blockwise.blocks`.

Padding is where many neighbouring pixels are exactly equal: 16×16 or 4×64 of them anywhere, or 64 in a row along the
border of the image, as deep as they are equal. Detector noise does not do that by chance, unless nearly all of it is
clipped. Text and lines on padding belong to it (`_text_and_lines`). Pixels are valid if they are finite and not
padding. The result for a pixel depends only on pixels at most `HALO` away, so a plane of any size can be processed
piece by piece. A cheap test comes first, so that images without padding are not slowed by scipy's filters.

    valid = is_valid(piece, Borders.of(rows, columns, shape))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pellucid.io.layout import Array

Mask = npt.NDArray[np.bool_]

SIDE = 16
"""Side of a square of equal pixels that counts as padding anywhere."""
LENGTH = 64
"""Length of a row of equal pixels that counts as padding along the border."""
_WIDE = SIDE**2 // LENGTH, LENGTH
"""Height and width of a band of equal pixels that counts as padding anywhere; so does the same band upright."""
GAP = 40
"""Largest height of text between two areas of padding, in rows (or width, in columns)."""
LINE = 6
"""Largest thickness of a line between two areas of padding, whatever it shows."""
_AROUND = 8
"""Distance within which bare pixels are counted to recognise text."""
_BARE = 4
"""At least one in this many pixels there must be bare padding."""
_STRIP = 2048
"""Rows that are processed at once."""
HALO = LENGTH - 1 + GAP + _AROUND
"""Largest distance, in pixels, at which other pixels influence whether a pixel is padding."""


class Borders(NamedTuple):
    """Which sides of a piece are borders of the image."""

    top: bool = True
    bottom: bool = True
    left: bool = True
    right: bool = True

    @classmethod
    def of(cls, rows: slice, columns: slice, shape: tuple[int, int]) -> Borders:
        """The borders of the piece at these rows and columns of an image of this shape (Y, X)."""
        return cls(rows.start == 0, rows.stop == shape[0], columns.start == 0, columns.stop == shape[1])


WHOLE = Borders()
"""The borders of a whole image."""


def is_valid(pixels: Array, borders: Borders = WHOLE) -> Mask:
    """The mask of valid pixels (Y, X): finite, and not padding.

    Args:
        pixels: an image, or a piece of one.
        borders: which sides of the piece are image borders; results are reliable `HALO` or more pixels from the others.
    """
    if len(pixels) > 2 * _STRIP:
        return np.concatenate(list(_strips(pixels, borders)))
    return is_finite(pixels) & ~is_padding(pixels, borders)


def _strips(pixels: Array, borders: Borders) -> Iterator[Mask]:
    """The mask of valid pixels in consecutive strips of rows, which takes less memory."""
    height = len(pixels)
    for top in range(0, height, _STRIP):
        rows = slice(max(0, top - HALO), min(height, top + _STRIP + HALO))
        own = Borders(
            borders.top and rows.start == 0, borders.bottom and rows.stop == height, borders.left, borders.right
        )
        yield is_valid(pixels[rows], own)[top - rows.start :][:_STRIP]


def image_pixels(pixels: Array) -> Array:
    """The valid pixels of an image (Y, X), as a 1-D array; a view if all pixels are valid."""
    given, valid = np.ma.getdata(pixels), is_valid(pixels)
    return given.reshape(-1) if valid.all() else given[valid]


def is_finite(pixels: Array) -> Mask:
    """The mask of pixels that are neither infinite, nor NaN, nor masked in a masked array."""
    given = np.ma.getdata(pixels)
    finite = np.isfinite(given) if given.dtype.kind == "f" else np.ones(given.shape, bool)
    return finite & ~np.ma.getmaskarray(pixels) if np.ma.isMaskedArray(pixels) else finite


def is_padding(pixels: Array, borders: Borders = WHOLE) -> Mask:
    """The mask of padding: pixels (Y, X) in a large area, or a long one along the border, of exactly equal values.

    Args:
        pixels: an image, or a piece of one.
        borders: as for `is_valid`.
    """
    pixels = np.ma.getdata(pixels)
    if _is_blank(pixels):  # an empty plane of a large stack takes seconds otherwise
        return np.ones(pixels.shape, bool)
    if pixels.dtype == np.float16:  # not supported by scipy.ndimage
        pixels = pixels.astype(np.float32)
    wide, tall = _in_areas(pixels, _WIDE), _in_areas(pixels, _WIDE[::-1])
    for turns, is_border in zip((0, 2, 3, 1), borders, strict=True):  # quarter turns that bring each side to the top
        if is_border:
            found = tall if turns % 2 else wide
            np.rot90(found, turns)[:SIDE] |= _along_border(np.rot90(pixels, turns)[:SIDE])
    found = wide | tall | _in_areas(pixels, (min(SIDE, pixels.shape[0]), min(SIDE, pixels.shape[1])))
    if found.any() and not found.all():
        found |= _text_and_lines(pixels, found, wide) | _text_and_lines(pixels.T, found.T, tall.T).T
    return found


def _is_blank(pixels: Array) -> bool:
    """Whether all pixels are equal; NaN equals nothing."""
    return pixels.size > 0 and all(bool((row == pixels[0, 0]).all()) for row in pixels)


def _in_areas(pixels: Array, sides: tuple[int, int]) -> Mask:
    """The mask of rectangles of equal pixels with at least these sides."""
    middles = np.zeros(pixels.shape, bool)  # marks each rectangle at its centre pixel, as scipy's filters do
    if sides[0] > pixels.shape[0] or sides[1] > pixels.shape[1] or not _may_hold(pixels, sides):
        return middles
    inner = tuple(slice(side // 2, size - (side - 1) // 2) for side, size in zip(sides, pixels.shape, strict=True))
    middles[inner] = _is_constant(pixels, sides)[inner]
    return _grown(middles, sides)


def _may_hold(pixels: Array, sides: tuple[int, int]) -> bool:
    """A cheap test without false negatives: each such area contains a cell of half its sides with equal corners."""
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


def _along_border(top: Array) -> Mask:
    """Pixels that equal a long row of equal ones at the top border, in the upper rows (at most `SIDE`) of an image."""
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
    """Whether the row contains `length` consecutive equal pixels (equal infinities included)."""
    alike = np.append(0, np.cumsum(row[1:] == row[:-1]))
    return bool((alike[length - 1 :] - alike[: len(row) - length + 1] == length - 1).any())


def _text_and_lines(pixels: Array, found: Mask, wide: Mask) -> Mask:
    """Thin lines with padding above and below, and text between wide areas of padding that shows in its gaps."""
    lines, _ = _between(pixels, found, LINE)
    text, bare = _between(pixels, wide, GAP)
    text, bare = text & ~found, bare & ~found
    y, x = np.nonzero(text)
    text[y, x] = _BARE * _counted(bare, y, x) >= _counted(text, y, x)
    return lines | text


def _between(pixels: Array, found: Mask, most: int) -> tuple[Mask, Mask]:
    """Gaps of at most `most` rows between padding above and below, and which pixels in them have the padding's value.

    The padding above and below must have the same value.
    """
    x, y = np.nonzero((found[1:] != found[:-1]).T)  # where padding ends or begins, column by column
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
    """The number of marked pixels around each of the positions (y, x)."""
    sums = np.pad(marks.cumsum(0, np.int64).cumsum(1), ((1, 0), (1, 0)))
    top, bottom = np.maximum(y - _AROUND, 0), np.minimum(y + _AROUND + 1, marks.shape[0])
    left, right = np.maximum(x - _AROUND, 0), np.minimum(x + _AROUND + 1, marks.shape[1])
    counts: npt.NDArray[np.int64] = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return counts


def _is_constant(pixels: Array, sides: tuple[int, ...]) -> Mask:
    """Whether all pixels in a window of these sides around each pixel are equal; NaN equals nothing."""
    from scipy import ndimage

    high, low = ndimage.maximum_filter(pixels, sides), ndimage.minimum_filter(pixels, sides)
    constant: Mask = high == low
    if pixels.dtype.kind == "f":
        constant &= ndimage.minimum_filter(is_finite(pixels), sides)
    return constant


def _grown(middles: Mask, sides: tuple[int, ...]) -> Mask:
    """The rectangles around the marked centre pixels."""
    from scipy import ndimage

    grown: Mask = ndimage.maximum_filter(
        middles, sides, origin=[_mirrored(side) for side in sides], mode="constant", cval=False
    )
    return grown


def _mirrored(side: int) -> int:
    """The filter origin for growing: windows of even length are centred to the right, so growing must go left."""
    return -1 if side % 2 == 0 else 0
