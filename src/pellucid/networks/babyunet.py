"""BabyUnet: the small U-Net of Noise2Self's examples (Batson & Royer, ICML 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from pellucid.norms import Norm, norm

SLOPE = 0.01
"""Negative slope of every leaky ReLU."""


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with norm; as many input channels as there are room for are added before the last ReLU."""

    def __init__(self, channels: int, out: int, norm: Norm) -> None:
        super().__init__()
        self.shared = min(channels, out)
        self.layers = nn.Sequential(
            norm.conv(nn.Conv2d(channels, out, 3, padding=1)),
            norm.layer(out, SLOPE),
            norm.conv(nn.Conv2d(out, out, 3, padding=1)),
            norm.layer(out, 1.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, out, H, W)."""
        y: Tensor = self.layers(x)
        added = y[:, : self.shared] + x[:, : self.shared]
        return leaky_relu(torch.cat((added, y[:, self.shared :]), 1), SLOPE)


class BabyUnet(nn.Module):
    """Two max poolings, residual blocks, bilinear way up, a 1×1 convolution at the end.

    Args:
        width: channels at full resolution (16 in the examples).
        normalisation: name of a norm (`pellucid.norms.NORMS`).
    """

    stride = 4
    """Height and width must be multiples of it."""
    halo = 28
    """How far an output pixel sees, in pixels, rounded up to the stride."""

    def __init__(self, width: int = 16, normalisation: str = "batch-torch") -> None:
        super().__init__()
        w, n = width, norm(normalisation)
        self.pool = nn.MaxPool2d(2)
        self.down1 = ResidualBlock(1, w, n)
        self.down2 = ResidualBlock(w, 2 * w, n)
        self.bottom = ResidualBlock(2 * w, 2 * w, n)
        self.up2 = ResidualBlock(4 * w, 2 * w, n)
        self.up1 = ResidualBlock(3 * w, w, n)
        self.last = nn.Conv2d(w, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W), unbounded; H and W multiples of 4."""
        full = self.down1(x)
        half = self.down2(self.pool(full))
        quarter = self.bottom(self.pool(half))
        half = self.up2(torch.cat((_doubled(quarter), half), 1))
        full = self.up1(torch.cat((_doubled(half), full), 1))
        result: Tensor = self.last(full)
        return result


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
