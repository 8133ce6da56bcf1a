"""The discriminators D_X (noisy) and D_Y (clean) of ISCL."""

from __future__ import annotations

from torch import Tensor, nn

from pellucid.networks.layers import SLOPE, Conv
from pellucid.norms import norm


class Discriminator(nn.Module):
    """Six convolutions from 64×64 pixels to one number an image.

    The fifth makes a 1×1 map of a 64×64 image, where instance norm would leave nothing but β.

    Args:
        width: channels after the first convolution (32 in the published code).
        normalisation: name of a norm (`pellucid.norms.NORMS`).
    """

    smallest = 64
    """Smallest side of an image that it can judge; larger ones give a map of judgements."""

    def __init__(self, width: int = 32, normalisation: str = "spectral") -> None:
        super().__init__()
        n, w = norm(normalisation), width
        self.layers = nn.Sequential(
            Conv((1, w), 4, n, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            Conv((w, 2 * w), 4, n, stride=2, padding=1),
            n.layer(2 * w, SLOPE),
            Conv((2 * w, 4 * w), 4, n, stride=2, padding=1),
            n.layer(4 * w, SLOPE),
            Conv((4 * w, 8 * w), 4, n, stride=2, padding=1),
            n.layer(8 * w, SLOPE),
            Conv((8 * w, 16 * w), 4, n),
            n.layer(16 * w, SLOPE),
            Conv((16 * w, 1), 1, n),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H/16 − 3, W/16 − 3), unbounded: high means real."""
        result: Tensor = self.layers(x)
        return result
