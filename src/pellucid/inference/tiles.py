"""Where tiles lie: pure arithmetic.

+-----------------+      read:  what goes through the network, the core and up to `reach` pixels around it,
|  read           |             cut off at the image's border
|   +---------+   |      core:  what is kept; cores cover the image without overlap
|   |  core   |   |
|   +---------+   |      All borders are multiples of the network's stride.
+-----------------+
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of pixels, the ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing (Y, X)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: Box, scale: int = 1) -> Box:
        """This box in the coordinates of `outer`, on a map `scale` times smaller."""
        return Box(
            (self.top - outer.top) // scale,
            (self.bottom - outer.top) // scale,
            (self.left - outer.left) // scale,
            (self.right - outer.left) // scale,
        )


class Tile(NamedTuple):
    """What to read and what to keep."""

    read: Box
    core: Box


def tiles(height: int, width: int, side: int, reach: int) -> Iterator[Tile]:
    """Cores of `side` pixels over an image, each with what must be read for it.

    Args:
        height: of the image, a multiple of the stride.
        width: of the image, a multiple of the stride.
        side: of a core, a multiple of the stride.
        reach: how far an output pixel sees, a multiple of the stride.
    """
    for top in range(0, height, side):
        for left in range(0, width, side):
            core = Box(top, min(top + side, height), left, min(left + side, width))
            read = Box(
                max(core.top - reach, 0),
                min(core.bottom + reach, height),
                max(core.left - reach, 0),
                min(core.right + reach, width),
            )
            yield Tile(read, core)


def largest_side(pixels: float, reach: int, stride: int) -> int:
    """Largest core whose read box has at most so many pixels; never below four strides."""
    side = math.isqrt(int(pixels)) - 2 * reach
    return max(4 * stride, side // stride * stride)
