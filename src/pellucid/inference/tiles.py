"""Positions of tiles: pure arithmetic, and who wants to know of each that is done.

+-----------------+      read:  what goes through the network, the core and up to `halo` pixels around it,
|  read           |             cut off at the image's border
|   +---------+   |      core:  what is kept; cores cover the image without overlap
|   |  core   |   |
|   +---------+   |      Borders of what is read are multiples of the network's stride.
+-----------------+
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import NamedTuple

on_tile: ContextVar[Callable[[int], object]] = ContextVar("called with denoised pixels", default=lambda _: None)
"""What denoising calls after each tile, or whole plane, in this thread, with the number of pixels that are denoised: 0
where statistics were measured. An error that it raises ends the work."""


class Box(NamedTuple):
    """A rectangle of pixels; `bottom` and `right` are excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing (Y, X)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) in pixels."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    def within(self, outer: Box, scale: int = 1) -> Box:
        """This box in the coordinates of `outer`, on a map `scale` times smaller; parts of pixels count whole."""
        return Box(
            (self.top - outer.top) // scale,
            -((outer.top - self.bottom) // scale),
            (self.left - outer.left) // scale,
            -((outer.left - self.right) // scale),
        )

    def grown(self, width: int) -> Box:
        """The box with `width` more pixels on every side."""
        return Box(self.top - width, self.bottom + width, self.left - width, self.right + width)

    def common(self, other: Box) -> Box:
        """The part that both boxes cover."""
        return Box(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    def on_grid(self, side: int, shape: tuple[int, int]) -> Iterator[Box]:
        """The squares of a grid of this side over an image (Y, X) that the box covers in part."""
        aligned = Box(self.top // side * side, self.bottom, self.left // side * side, self.right)
        image = Box(0, shape[0], 0, shape[1])
        for square in aligned.cut(side):
            yield Box(square.top, square.top + side, square.left, square.left + side).common(image)

    def cut(self, side: int) -> Iterator[Box]:
        """Squares of `side` pixels that cover the box; those at its far borders are smaller."""
        for top in range(self.top, self.bottom, side):
            for left in range(self.left, self.right, side):
                yield Box(top, min(top + side, self.bottom), left, min(left + side, self.right))


def hull(boxes: Iterable[Box]) -> Box:
    """The smallest box around one or more boxes."""
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return Box(min(tops), max(bottoms), min(lefts), max(rights))


class Tile(NamedTuple):
    """What to read and what to keep."""

    read: Box
    core: Box


def tile_around(core: Box, height: int, width: int, halo: int, stride: int) -> Tile:
    """The tile of a core, whose pixels come out as in the whole image wherever it lies.

    Args:
        core: within the image, its borders anywhere.
        height: of the image, a multiple of the stride.
        width: of the image, a multiple of the stride.
        halo: how many pixels away an output pixel sees.
        stride: of the network: what is read begins and ends at multiples of it, as the whole image does.
    """
    read = Box(
        max(core.top // stride * stride - halo, 0),
        min(-(-core.bottom // stride) * stride + halo, height),
        max(core.left // stride * stride - halo, 0),
        min(-(-core.right // stride) * stride + halo, width),
    )
    return Tile(read, core)


def tiles(height: int, width: int, side: int, halo: int) -> Iterator[Tile]:
    """Tiles with cores of `side` pixels over an image.

    Args:
        height: of the image, a multiple of the stride.
        width: of the image, a multiple of the stride.
        side: of a core, a multiple of the stride.
        halo: how many pixels away an output pixel sees, a multiple of the stride.
    """
    for core in Box(0, height, 0, width).cut(side):
        yield tile_around(core, height, width, halo, 1)


def largest_side(pixels: float, halo: int, stride: int) -> int:
    """Side of the largest core whose read box has at most so many pixels; never below four strides."""
    side = math.isqrt(int(pixels)) - 2 * halo
    return max(4 * stride, side // stride * stride)
