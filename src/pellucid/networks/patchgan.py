"""The discriminator of image-to-image translation: it judges patches (Isola et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.networks.layers import SLOPE
from pellucid.norms import norm

KERNEL = 4


class PatchGAN(nn.Module):
    """4×4 convolutions with biases, zero-padded by 1; channels double up to 8·width.

    The first and the last have no norm. Strides (2, 2, 2, 1) make CycleGAN's and DRGAN's, whose judgements see
    70×70 pixels; (2, 2, 1) ADN's, 34×34.

    Args:
        strides: of every convolution but the last, which has stride 1.
        width: channels after the first convolution.
        normalisation: name of a norm (`pellucid.norms.NORMS`).
    """

    def __init__(
        self, strides: Sequence[int] = (2, 2, 2, 1), width: int = 64, normalisation: str = "instance-torch"
    ) -> None:
        super().__init__()
        n = norm(normalisation)
        channels = [width * min(2**level, 8) for level in range(len(strides))]
        layers: list[nn.Module] = [_conv((1, width), strides[0]), nn.LeakyReLU(SLOPE)]
        for pair, stride in zip(pairwise(channels), strides[1:], strict=True):
            layers += [_conv(pair, stride), n.layer(pair[1], SLOPE)]
        layers.append(_conv((channels[-1], 1), 1))
        self.layers = nn.Sequential(*(n.conv(layer) if isinstance(layer, nn.Conv2d) else layer for layer in layers))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> a map of judgements (N, 1, h, w), unbounded: high means real."""
        result: Tensor = self.layers(x)
        return result


def map_side(side: int, strides: Sequence[int]) -> int:
    """Side of the map of judgements for an image of this side; below 1 the image is too small."""
    for stride in (*strides, 1):
        side = (side + 2 - KERNEL) // stride + 1
    return side


def _conv(channels: tuple[int, int], stride: int) -> nn.Conv2d:
    return nn.Conv2d(*channels, KERNEL, stride, padding=1)


def check_patch(patch: int, strides: Sequence[int]) -> None:
    """Refuse patches that a generator with two halvings or a PatchGAN with these strides cannot take.

    Raises:
        InputError: no multiple of 4, or nothing left to judge.
    """
    if patch % 4 or map_side(patch, strides) < 1:
        smallest = next(side for side in range(16, 1024, 4) if map_side(side, strides) > 0)
        raise InputError(f"patch={patch}: the networks need a multiple of 4 from {smallest} up")
