"""Instance moments: the only thing that a feature norm reads from a feature map.

Every statistic of every norm follows from `mean[n,c]` and `var[n,c]` by the law of total variance (`pool`), so feature
maps are measured here alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from pellucid.ops import kernels


class Moments(NamedTuple):
    """Mean and biased variance of each map.

    Attributes:
        mean: (N, C), at least float32.
        var: (N, C), biased: divided by the number of pixels.
        pixels: number of measured pixels of a map; one that is partly padding counts by its valid share.
    """

    mean: Tensor
    var: Tensor
    pixels: float


def measure(x: Tensor) -> Moments:
    """Moments of a feature map (N, C, H, W) over its pixels, in at least float32.

    Two passes, the mean and then the centred variance: E[x²] − E[x]² would cancel where a map is bright and flat. The
    backward pass is analytic and keeps `x` and the mean alone.
    """
    mean, var = _Measure.apply(x)  # type: ignore[no-untyped-call]
    return Moments(mean, var, x.shape[2] * x.shape[3])


def pool(mean: Tensor, var: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of equally large groups taken together along `dim` (law of total variance)."""
    return mean.mean(dim, keepdim=True), var.mean(dim, keepdim=True) + mean.var(dim, correction=0, keepdim=True)


def merge(parts: list[Moments]) -> Moments:
    """Moments of a map that was measured in pieces of any size (Chan, Golub, LeVeque 1979), in float64."""
    pixels = sum(part.pixels for part in parts)
    share = torch.tensor([part.pixels / pixels for part in parts], dtype=torch.float64)[:, None, None]
    means = torch.stack([part.mean.detach().cpu().double() for part in parts])
    variances = torch.stack([part.var.detach().cpu().double() for part in parts])
    mean = (share * means).sum(0)
    var = (share * (variances + (means - mean).square())).sum(0)
    like = parts[0].mean
    return Moments(mean.to(like), var.to(like), pixels)


class _Measure(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> tuple[Tensor, Tensor]:
        if kernels.fit(x):
            mean, var = kernels.measure(x)
        else:
            mean = x.mean((2, 3), dtype=torch.promote_types(x.dtype, torch.float32))
            var = (x - mean[:, :, None, None]).square_().mean((2, 3))
        ctx.save_for_backward(x, mean)
        return mean, var

    @staticmethod
    def backward(ctx: Any, grad_mean: Tensor, grad_var: Tensor) -> Tensor:
        x, mean = ctx.saved_tensors
        pixels = x.shape[2] * x.shape[3]
        slope = 2 / pixels * grad_var
        offset = grad_mean / pixels - slope * mean
        return torch.addcmul(offset[:, :, None, None], x, slope[:, :, None, None]).to(x.dtype)
