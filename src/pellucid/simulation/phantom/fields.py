"""Random fields that are continuous along z and cost one plane at a time."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.float32]


def stream(seed: int, name: str, index: int = 0) -> np.random.Generator:
    """A counter-based generator: the same (seed, name, index) gives the same numbers on every machine."""
    key = np.array([seed, zlib.crc32(name.encode())], dtype=np.uint64)
    counter = np.array([0, 0, 0, index % 2**64], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _spline_basis(positions: NDArray[np.float64], knots: int) -> Values:
    """Uniform cubic B-splines at `positions` (in knots), as a matrix (positions, knots)."""
    base = np.floor(positions).astype(int)
    t = positions - base
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    matrix = np.zeros((len(positions), knots), dtype=np.float32)
    rows = np.arange(len(positions))
    for k in range(4):
        matrix[rows, base + k] = weights[:, k]
    return matrix


class SmoothField:
    """Gaussian field with continuous second derivatives and about unit variance.

    Cubic B-splines on a coarse grid of independent normals; a plane is two small matrix products.
    """

    # Mean of the squared cubic B-spline weights along one axis (151/315): what one axis leaves of the variance.
    _AXIS_VARIANCE = 151 / 315

    def __init__(self, shape: tuple[int, int, int], scale: float, rng: np.random.Generator) -> None:
        """Field over `shape` (Z, Y, X) whose knots lie `scale` pixels apart."""
        self._scale = scale
        knots = [int(np.ceil(n / scale)) + 4 for n in shape]
        self._grid = rng.standard_normal(knots, dtype=np.float32) / np.float32(self._AXIS_VARIANCE**1.5)
        self._along_y = _spline_basis(np.arange(shape[1]) / scale, knots[1])
        self._along_x = _spline_basis(np.arange(shape[2]) / scale, knots[2])

    def plane(self, z: int) -> Values:
        """Values (Y, X) at plane z."""
        along_z = _spline_basis(np.array([z / self._scale]), self._grid.shape[0])[0]
        grid = np.tensordot(along_z, self._grid, axes=1)
        return np.asarray(self._along_y @ grid @ self._along_x.T, dtype=np.float32)


class GrainField:
    """Gaussian field of unit variance with the correlation of a Gaussian blur of `sigma` px in all three axes."""

    def __init__(self, shape: tuple[int, int, int], sigma: float, seed: int, name: str) -> None:
        """Fine texture over planes of `shape` (Z, Y, X)."""
        self._plane_shape = shape[1:]
        self._sigma = sigma
        self._seed = seed
        self._name = name
        self._white: dict[int, Values] = {}
        halo = int(np.ceil(2.5 * sigma))
        self._offsets = range(-halo, halo + 1)
        weights = np.exp(-0.5 * (np.arange(-halo, halo + 1) / sigma) ** 2)
        self._weights = (weights / np.sqrt((weights**2).sum())).astype(np.float32)

    def plane(self, z: int) -> Values:
        """Values (Y, X) at plane z."""
        needed = [z + k for k in self._offsets]
        self._white = {k: self._white[k] if k in self._white else self._draw(k) for k in needed}
        mixed = np.zeros(self._plane_shape, dtype=np.float32)
        for weight, k in zip(self._weights, needed, strict=True):
            mixed += weight * self._white[k]
        blurred = ndimage.gaussian_filter(mixed, self._sigma, mode="wrap", truncate=3)
        # A Gaussian blur of white noise keeps 1 / (4 π σ²) of its variance.
        return np.asarray(blurred * np.float32(np.sqrt(4 * np.pi) * self._sigma), dtype=np.float32)

    def _draw(self, z: int) -> Values:
        return stream(self._seed, self._name, z).standard_normal(self._plane_shape, dtype=np.float32)
