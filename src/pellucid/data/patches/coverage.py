"""How much of any square of an image is padding: so that no patch is cut which would show hardly anything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

CELL = 16
"""Side of the cells in which pixels are counted: a square is judged by all cells that it has a part of."""
MOST = 1 / 8
"""Share of a patch that may be padding."""


class Coverage:
    """Pixels of an image that are none, counted by cells and summed from the corner on: four look-ups for a square.

    Args:
        invalid: (Y, X), where they are.
        size: side of the squares that are asked for.
    """

    def __init__(self, invalid: NDArray[np.bool_], size: int) -> None:
        self._shape = invalid.shape
        self._size = size
        rows, columns = (range(0, side, CELL) for side in invalid.shape)
        cells = np.add.reduceat(np.add.reduceat(invalid, rows, 0, np.int64), columns, 1)
        self._sums = np.pad(cells.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def admits(self, y: Numbers, x: Numbers) -> NDArray[np.bool_]:
        """Whether so little of the squares at these corners is padding that they may be cut."""
        height, width = (min(self._size, side) for side in self._shape)
        top, left = y // CELL, x // CELL
        bottom, right = (y + height - 1) // CELL + 1, (x + width - 1) // CELL + 1
        sums = self._sums
        count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        admitted: NDArray[np.bool_] = count <= MOST * height * width
        return admitted
