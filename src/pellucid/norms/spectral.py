"""Spectral norm (Miyato et al. 2018): a convolution whose largest singular value is 1.

It constrains weights, not features, and so is a parametrisation of the convolution: W̄ = W/σ(W) with W as a matrix
(C_out, rest). σ comes from power iteration: one iteration for each use in training mode, none in evaluation mode. u and
v are constants for the gradient; σ is not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

_EPS = 1e-12
_WARM_UP = 15


class SpectralNorm(nn.Module):
    """W ↦ W/σ(W); the raw W is kept, as in torch's own parametrisation and the authors' code.

    Args:
        weight: the raw weight of a convolution.
        out_dim: which dimension counts output channels: 0, or 1 for a transposed convolution.
    """

    follows_mode = True
    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, out_dim: int = 0) -> None:
        super().__init__()
        self.out_dim = out_dim
        matrix = self._matrix(weight.detach())
        for name, length in zip(("u", "v"), matrix.shape, strict=True):
            self.register_buffer(name, matrix.new_empty(length))
        if not matrix.is_meta:
            self._begin(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight that the convolution uses."""
        with torch.autocast(weight.device.type, enabled=False):  # σ needs all digits
            return weight / self.sigma(weight)

    def sigma(self, weight: Tensor) -> Tensor:
        """Estimate of the largest singular value; improves u and v first when in training mode."""
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach())
        # clones: the next iteration overwrites u and v while this gradient may still be wanted
        return torch.dot(self.u.clone(), matrix @ self.v.clone())

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.out_dim, 0).flatten(1)

    def _begin(self, matrix: Tensor) -> None:
        for vector in (self.u, self.v):
            functional.normalize(vector.normal_(), dim=0, eps=_EPS, out=vector)
        for _ in range(_WARM_UP):
            self._iterate(matrix)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        functional.normalize(matrix.mT @ self.u, dim=0, eps=_EPS, out=self.v)
        functional.normalize(matrix @ self.v, dim=0, eps=_EPS, out=self.u)


class SpectralProjection(SpectralNorm):
    """W ← W/σ(W) in place at each use in training mode, without gradient through σ (as in tensorflow-addons)."""

    def forward(self, weight: Tensor) -> Tensor:
        """Project the stored weight; return a copy, so that earlier uses keep their own for the gradient."""
        if self.training:
            with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):
                weight.div_(self.sigma(weight))
        return weight.clone()


def spectral(conv: nn.Module, parametrisation: type[SpectralNorm] = SpectralNorm) -> nn.Module:
    """Give a convolution or transposed convolution a spectral norm."""
    weight = conv.weight
    assert isinstance(weight, Tensor)
    out_dim = 1 if isinstance(conv, nn.ConvTranspose2d) else 0
    # unsafe: no trial call, which would be one more power iteration
    parametrize.register_parametrization(conv, "weight", parametrisation(weight, out_dim), unsafe=True)
    return conv
