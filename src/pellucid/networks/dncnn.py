"""DnCNN: a plain stack of convolutions that estimates the noise (Zhang et al., IEEE TIP 26(7), 2017)."""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

from pellucid.norms import norm


class Dncnn(nn.Module):
    """3×3 convolutions at full resolution: conv-ReLU, (depth − 2) × conv-norm-ReLU, conv.

    Args:
        depth: how many convolutions (17 in the authors' code; 20 for unknown noise, recalled from the paper).
        width: channels.
        normalisation: name of a norm (`pellucid.norms.NORMS`).
        bias: whether the convolutions behind the first have a bias; their norm has one of its own.
    """

    stride = 1

    def __init__(
        self, depth: int = 17, width: int = 64, normalisation: str = "batch-torch", *, bias: bool = False
    ) -> None:
        super().__init__()
        n = norm(normalisation)
        self.reach = depth
        """How far an output pixel sees, in pixels."""
        middle = (
            (n.conv(nn.Conv2d(width, width, 3, padding=1, bias=bias)), n.layer(width, 0.0)) for _ in range(depth - 2)
        )
        self.layers = nn.Sequential(
            n.conv(nn.Conv2d(1, width, 3, padding=1)),
            nn.ReLU(),
            *chain.from_iterable(middle),
            n.conv(nn.Conv2d(width, 1, 3, padding=1, bias=bias)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> the noise in it (N, 1, H, W), unbounded, on the same scale."""
        result: Tensor = self.layers(x)
        return result
