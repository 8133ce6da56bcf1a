"""Blocks of an array: pure arithmetic, so that a volume of a million blocks is two short tuples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

Slices = tuple[slice, ...]


class Grid(NamedTuple):
    """An array cut into blocks, those at the far borders smaller.

    Attributes:
        shape: of the array.
        block: of a block, along the same axes.
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Blocks along each axis."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.block, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def box(self, number: int) -> Slices:
        """Where a block lies; numbers go in C order."""
        slices = []
        for count, step, size in reversed(list(zip(self.counts, self.block, self.shape, strict=True))):
            number, at = divmod(number, count)
            slices.append(slice(at * step, min((at + 1) * step, size)))
        return tuple(reversed(slices))


def grown(unit: Sequence[int], shape: Sequence[int], most: int) -> tuple[int, ...]:
    """The block to work on: whole units, doubled along the shorter of Y and X while it has at most so many pixels.

    Args:
        unit: what must be written at once, along the axes of the image, Y and X last.
        shape: of the image.
        most: pixels; a single unit is taken however large it is.
    """
    block = [min(step, size) for step, size in zip(unit, shape, strict=True)]
    while True:
        growing = [axis for axis in (-2, -1) if block[axis] < shape[axis]]
        if not growing:
            return tuple(block)
        axis = min(growing, key=lambda axis: block[axis])
        larger = min(2 * block[axis], shape[axis])
        if math.prod(block) // block[axis] * larger > most:
            return tuple(block)
        block[axis] = larger


def places(box: Slices, shape: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every index in a box of leading axes: its number in C order of `shape`, and the index from the box's start."""
    sizes = tuple(each.stop - each.start for each in box)
    for inner in np.ndindex(*sizes):
        index = tuple(each.start + at for each, at in zip(box, inner, strict=True))
        yield int(np.ravel_multi_index(index, tuple(shape))) if index else 0, inner
