"""The noise extractor H (noisy -> noise) of ISCL, after DnCNN (Zhang et al. 2017)."""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

from pellucid.networks.layers import SLOPE, Conv
from pellucid.norms import norm


class Extractor(nn.Module):
    """Twenty 3×3 convolutions at full resolution; the first and the last have no norm.

    Args:
        width: channels (32 in the published code).
        normalisation: name of a norm (`pellucid.norms.NORMS`).
    """

    stride = 1
    halo = 20
    """How far an output pixel sees, in pixels."""

    def __init__(self, width: int = 32, normalisation: str = "switchable") -> None:
        super().__init__()
        n = norm(normalisation)
        middle = ((Conv((width, width), 3, n, padding=1), n.layer(width, SLOPE)) for _ in range(18))
        self.layers = nn.Sequential(
            Conv((1, width), 3, n, padding=1),
            nn.LeakyReLU(SLOPE),
            *chain.from_iterable(middle),
            Conv((width, 1), 3, n, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) in [−1, 1] -> its noise (N, 1, H, W), unbounded, on the same scale."""
        result: Tensor = self.layers(x)
        return result
