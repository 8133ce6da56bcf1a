"""Moments of valid pixels: padding and pixels that are not finite do not count.

In maps that are smaller than the image, a pixel counts by the valid share of the image pixels that it stands for.

    with moments_from(network, {name: partial(measure_valid, valid=valid) for name in feature_norms(network)}):
        network(image)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.norms.moments import Moments


def measure_valid(x: Tensor, valid: Tensor) -> Moments:
    """Moments of maps (N, C, H, W) over valid pixels, in at least float32.

    Args:
        x: the maps.
        valid: (1, 1, h, w), the size of the image or of the maps: the valid share of each pixel, 0 to 1; not all 0.
    """
    share = shares(valid, x)
    pixels = share.sum()
    mean = (x * share).sum((2, 3)) / pixels
    var = ((x - mean[:, :, None, None]).square_() * share).sum((2, 3)) / pixels
    return Moments(mean, var, float(pixels))


def shares(valid: Tensor, x: Tensor) -> Tensor:
    """The valid share (1, 1, H, W) of each pixel of maps (N, C, H, W), from that of an image (1, 1, h, w)."""
    values = valid.to(torch.promote_types(x.dtype, torch.float32))
    height, width = x.shape[2:]
    return values if values.shape[2:] == (height, width) else functional.adaptive_avg_pool2d(values, (height, width))
