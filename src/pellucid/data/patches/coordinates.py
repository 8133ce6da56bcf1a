"""Positions of patches: each one in each image and orientation has a number.

Patches are drawn as whole numbers, a batch at a time, and converted to coordinates when they are cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.data.patches.coverage import Coverage

Numbers = NDArray[np.int64]

ORIENTATIONS = 8
TRANSPOSED = 4
"""The bit of an orientation, and of a position's number, that transposes."""
_GRID = 16
"""Distance, in pixels, between the positions at which `exist` looks for patches."""


class Coordinates(NamedTuple):
    """The image of each patch, its upper left corner there, and its orientation (see `orient`)."""

    image: Numbers
    y: Numbers
    x: Numbers
    orientation: Numbers


@dataclass(frozen=True)
class Positions:
    """All positions of patches (size, size) in images of these shapes; a side shorter than `size` has one.

    Attributes:
        shapes: (Y, X) of each image.
        size: side of a patch.
        coverage: by image number, the coverages that must all admit a position; none for images without padding.
    """

    shapes: Sequence[tuple[int, int]]
    size: int
    coverage: Mapping[int, Sequence[Coverage]] = field(default_factory=dict)

    def draw(self, random: np.random.Generator, shape: int | tuple[int, ...]) -> Numbers:
        """Random numbers of positions, in an array of this shape: uniform over all that are admitted."""
        numbers = random.integers(self._count, size=shape)
        while self.coverage and (refused := ~self._admitted(numbers)).any():
            numbers[refused] = random.integers(self._count, size=int(refused.sum()))
        return numbers

    @property
    def exist(self) -> bool:
        """Whether any position on a coarse grid is admitted."""
        return any(self._any_in(image) for image in range(len(self.shapes)))

    def _any_in(self, image: int) -> bool:
        starts = [np.arange(0, max(1, side - self.size + 1), _GRID) for side in self.shapes[image]]
        y, x = (each.ravel() for each in np.meshgrid(*starts, indexing="ij"))
        return bool(self._admits(image, y, x).any())

    def _admitted(self, numbers: Numbers) -> NDArray[np.bool_]:
        coordinates = self.locate(numbers)
        admitted = np.ones(numbers.shape, bool)
        for image in self.coverage.keys() & set(np.unique(coordinates.image).tolist()):
            here = coordinates.image == image
            admitted[here] = self._admits(image, coordinates.y[here], coordinates.x[here])
        return admitted

    def _admits(self, image: int, y: Numbers, x: Numbers) -> NDArray[np.bool_]:
        admitted = np.ones(y.shape, bool)
        for each in self.coverage.get(image, ()):
            admitted &= each.admits(y, x)
        return admitted

    def locate(self, numbers: Numbers) -> Coordinates:
        """The coordinates of positions by number."""
        position, orientation = np.divmod(numbers, ORIENTATIONS)
        image = np.searchsorted(self._ends, position, side="right")
        y, x = np.divmod(position - self._starts[image], self._across[image])
        return Coordinates(image, y, x, orientation)

    def number(self, coordinates: Coordinates) -> Numbers:
        """The numbers of positions: the inverse of `locate`."""
        image, y, x, orientation = coordinates
        numbers: Numbers = (self._starts[image] + y * self._across[image] + x) * ORIENTATIONS + orientation
        return numbers

    @cached_property
    def _count(self) -> int:
        return ORIENTATIONS * int(self._ends[-1])

    @cached_property
    def _ends(self) -> Numbers:
        """The number of positions in each image and all images before it."""
        down = np.maximum(1, np.array([height for height, _ in self.shapes]) - self.size + 1)
        ends: Numbers = np.cumsum(down * self._across)
        return ends

    @cached_property
    def _starts(self) -> Numbers:
        return np.concatenate([[0], self._ends[:-1]])

    @cached_property
    def _across(self) -> Numbers:
        """The number of positions in one row of each image."""
        across: Numbers = np.maximum(1, np.array([width for _, width in self.shapes]) - self.size + 1)
        return across


def orient(image: NDArray[Any], which: int) -> NDArray[Any]:
    """A view of an image in one of eight orientations: 4 transposes it, then 2 flips it up-down, then 1 left-right.

    The eight sums of these are the four rotations and the four reflections.
    """
    if which & TRANSPOSED:
        image = image.T
    if which & 2:
        image = image[::-1]
    return image[:, ::-1] if which & 1 else image


def fill(piece: NDArray[Any], size: int) -> NDArray[Any]:
    """Pad a piece smaller than (size, size) by mirroring."""
    missing = [(0, max(0, size - side)) for side in piece.shape]
    return np.pad(piece, missing, mode="symmetric") if any(after for _, after in missing) else piece
