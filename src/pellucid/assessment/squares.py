"""Means over squares of images, in which noise is small and structure is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def square_means(images: NDArray[Any], side: int) -> NDArray[Any]:
    """Means (N, rows, columns) over squares of `side` pixels of images (N, Y, X); incomplete ones are left out."""
    count, rows, columns = len(images), images.shape[1] // side, images.shape[2] // side
    cut = images[:, : rows * side, : columns * side].reshape(count, rows, side, columns, side)
    means: NDArray[Any] = np.mean(cut, (2, 4))
    return means
