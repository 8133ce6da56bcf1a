"""DnCNN: a plain stack of convolutions that estimates the noise (Zhang et al., IEEE TIP 26(7), 2017)."""

from __future__ import annotations

from itertools import chain
from typing import Literal

from torch import Tensor, nn

from pellucid.norms import norm


class Dncnn(nn.Module):
    """3×3 convolutions at full resolution: conv-ReLU, (depth − 2) × conv-norm-ReLU, conv.

    Args:
        depth: how many convolutions (17 in the authors' code; 20 for unknown noise, recalled from the paper).
        width: channels.
        normalisation: name of a norm (`pellucid.norms.NORMS`).
        bias: which convolutions have one: the first alone, as behind all others but the last a norm brings its own
            (the authors' code), all (UIDNet's), or none (Noise2Self's).
    """

    stride = 1

    def __init__(
        self,
        depth: int = 17,
        width: int = 64,
        normalisation: str = "batch-torch",
        *,
        bias: Literal["first", "all", "none"] = "first",
    ) -> None:
        super().__init__()
        n = norm(normalisation)
        self.halo = depth
        """How far an output pixel sees, in pixels."""
        first, others = bias != "none", bias == "all"
        middle = (
            (n.conv(nn.Conv2d(width, width, 3, padding=1, bias=others)), n.layer(width, 0.0)) for _ in range(depth - 2)
        )
        self.layers = nn.Sequential(
            n.conv(nn.Conv2d(1, width, 3, padding=1, bias=first)),
            nn.ReLU(),
            *chain.from_iterable(middle),
            n.conv(nn.Conv2d(width, 1, 3, padding=1, bias=others)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> the noise in it (N, 1, H, W), unbounded, on the same scale."""
        result: Tensor = self.layers(x)
        return result
