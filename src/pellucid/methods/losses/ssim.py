"""Structural similarity as a loss (Wang et al., IEEE TIP 13(4), 2004): differentiable, in torch alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

SIDE = 11
SIGMA = 1.5


def ssim(one: Tensor, other: Tensor, k1: float = 0.01, k2: float = 0.02) -> Tensor:
    """Mean similarity of images (N, 1, H, W) in [0, 1], over the 11×11 Gaussian windows that lie within them.

    K₂ = 0.02 is that of CaGAN's published code; 0.03 is usual. Moments are weighted and biased.
    """
    c1, c2 = k1**2, k2**2
    window = _gaussian(one)

    def mean(x: Tensor) -> Tensor:
        return conv2d(conv2d(x, window[..., None]), window[..., None, :])

    mean_one, mean_other = mean(one), mean(other)
    variances = mean(one.square() + other.square()) - mean_one.square() - mean_other.square()
    covariance = mean(one * other) - mean_one * mean_other
    luminance = (2 * mean_one * mean_other + c1) / (mean_one.square() + mean_other.square() + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).mean()


def _gaussian(like: Tensor) -> Tensor:
    """Weights of a window's pixels along one side, which sum to 1: (1, 1, 11)."""
    place = torch.arange(SIDE, device=like.device, dtype=like.dtype) - SIDE // 2
    weights = torch.exp(-place.square() / (2 * SIGMA**2))
    return (weights / weights.sum())[None, None]
