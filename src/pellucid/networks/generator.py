"""The generators F (noisy -> clean) and G (clean -> noisy) of ISCL."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.networks.layers import SLOPE, Conv, UpConv
from pellucid.norms import Norm, norm


class Residual(nn.Module):
    """Two 3×3 convolutions around a shortcut; no activation after the sum."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Conv((channels, channels), 3, norm, mirror=1),
            norm.layer(channels, SLOPE),
            Conv((channels, channels), 3, norm, mirror=1),
            norm.layer(channels, 1.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        result: Tensor = x + self.layers(x)
        return result


class Generator(nn.Module):
    """Encoder, three residual blocks, decoder, tanh; no global shortcut.

    Args:
        width: channels at full resolution (32 in the published code).
        normalisation: name of a norm (`pellucid.norms.NORMS`).
    """

    stride = 4
    """Height and width must be multiples of it."""
    halo = 40
    """How far an output pixel sees, in pixels, rounded up to the stride."""

    def __init__(self, width: int = 32, normalisation: str = "instance") -> None:
        super().__init__()
        n, w = norm(normalisation), width
        self.layers = nn.Sequential(
            Conv((1, w), 7, n, mirror=3),
            n.layer(w, SLOPE),
            Conv((w, 2 * w), 4, n, stride=2, mirror=1),
            n.layer(2 * w, SLOPE),
            Conv((2 * w, 4 * w), 4, n, stride=2, mirror=1),
            n.layer(4 * w, SLOPE),
            Residual(4 * w, n),
            Residual(4 * w, n),
            Residual(4 * w, n),
            UpConv((4 * w, 2 * w), n),
            n.layer(2 * w, SLOPE),
            UpConv((2 * w, w), n),
            n.layer(w, SLOPE),
            Conv((w, 1), 7, n, mirror=3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W) in [−1, 1]; H and W multiples of 4."""
        return torch.tanh(self.layers(x))
