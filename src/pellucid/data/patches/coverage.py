"""The share of padding in any square of an image, so that no patch consists mostly of padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

CELL = 16
"""Side of the cells in which padding is counted, in pixels; a square is judged by all cells that it touches."""
MOST = 1 / 8
"""Largest share of padding in a patch."""


class Coverage:
    """Counts of invalid pixels in an image, as a table of sums over cells: four look-ups for any square.

    Args:
        invalid: the mask of invalid pixels, (Y, X).
        size: side of the squares, in pixels.
    """

    def __init__(self, invalid: NDArray[np.bool_], size: int) -> None:
        self._shape = invalid.shape
        self._size = size
        rows, columns = (range(0, side, CELL) for side in invalid.shape)
        cells = np.add.reduceat(np.add.reduceat(invalid, rows, 0, np.int64), columns, 1)
        self._sums = np.pad(cells.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def admits(self, y: Numbers, x: Numbers) -> NDArray[np.bool_]:
        """Whether the squares with these upper left corners contain little enough padding."""
        height, width = (min(self._size, side) for side in self._shape)
        top, left = y // CELL, x // CELL
        bottom, right = (y + height - 1) // CELL + 1, (x + width - 1) // CELL + 1
        sums = self._sums
        count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        admitted: NDArray[np.bool_] = count <= MOST * height * width
        return admitted
