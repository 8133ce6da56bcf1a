from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def picture():
    """An array of a shape and dtype whose values all fit every dtype, no two planes alike."""

    def make(shape, dtype="uint8", seed=0):
        return np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)

    return make


@pytest.fixture
def pixels():
    """All planes of an image in its own shape."""

    def read(image):
        return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)

    return read
