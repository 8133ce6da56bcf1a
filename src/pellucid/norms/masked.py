"""Moments of those pixels that are image: padding, and what is no number, counts for nothing.

Where maps are smaller than the image, a pixel of theirs counts by the share of its cell that is image.

    with moments_from(network, {name: partial(measure_valid, valid=valid) for name in feature_norms(network)}):
        network(image)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.norms.moments import Moments


def measure_valid(x: Tensor, valid: Tensor) -> Moments:
    """Moments of maps (N, C, H, W) over pixels that are image, in at least float32.

    Args:
        x: the maps.
        valid: (1, 1, h, w), as large as the image or the maps: how much of each pixel is image, 0 to 1; some must be.
    """
    share = shares(valid, x)
    pixels = share.sum()
    mean = (x * share).sum((2, 3)) / pixels
    var = ((x - mean[:, :, None, None]).square_() * share).sum((2, 3)) / pixels
    return Moments(mean, var, float(pixels))


def shares(valid: Tensor, x: Tensor) -> Tensor:
    """How much of each pixel of maps (N, C, H, W) is image, (1, 1, H, W), from that of an image (1, 1, h, w)."""
    values = valid.to(torch.promote_types(x.dtype, torch.float32))
    height, width = x.shape[2:]
    return values if values.shape[2:] == (height, width) else functional.adaptive_avg_pool2d(values, (height, width))
