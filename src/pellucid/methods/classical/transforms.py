"""Small transforms as matrices: the rows are what a signal is projected onto."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BIOR15 = (3, -3, -22, 22, 128, 128, 22, -22, -3, 3)
"""Low-pass analysis filter of the wavelet bior1.5, times 256/√2 (Cohen, Daubechies & Feauveau, 1992)."""


def haar(size: int) -> Tensor:
    """Orthonormal Haar transform (size, size); `size` is a power of 2. The first row is the mean."""
    matrix = torch.ones(1, 1, dtype=torch.float64)
    while len(matrix) < size:
        means = torch.kron(matrix, torch.ones(1, 2, dtype=torch.float64))
        details = torch.kron(torch.eye(len(matrix), dtype=torch.float64), torch.tensor([[1.0, -1.0]]).double())
        matrix = torch.cat([means, details]) / math.sqrt(2)
    return matrix


def dct(size: int) -> Tensor:
    """Orthonormal discrete cosine transform of type II, (size, size). The first row is the mean."""
    k, n = torch.arange(size, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * (n + 0.5) * k) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix


def bior15(size: int) -> Tensor:
    """Biorthogonal wavelet transform of a periodic signal down to one coefficient, (size, size), a power of 2.

    Each row has norm 1, as in the authors' code, so that white noise is as strong in every coefficient. Not
    orthogonal: the way back is the inverse matrix. The first row is the mean, the last ones are the finest details.
    """
    matrix = torch.eye(size, dtype=torch.float64)
    length = size
    while length > 1:
        matrix = torch.cat([_analysis(length) @ matrix[:length], matrix[length:]])
        length //= 2
    norms: Tensor = torch.linalg.vector_norm(matrix, dim=1, keepdim=True)
    return matrix / norms


def _analysis(length: int) -> Tensor:
    """One level: `length`/2 means, then as many details."""
    means, details = torch.zeros(2, length // 2, length, dtype=torch.float64)
    for k in range(length // 2):
        for tap, weight in enumerate(BIOR15):
            means[k, (2 * k + tap - 4) % length] += math.sqrt(2) / 256 * weight
        details[k, 2 * k], details[k, 2 * k + 1] = math.sqrt(0.5), -math.sqrt(0.5)
    return torch.cat([means, details])


def separable(matrix: Tensor) -> Tensor:
    """The transform of the rows and the columns of a block, for blocks as vectors: M ⊗ M."""
    return torch.kron(matrix, matrix)
