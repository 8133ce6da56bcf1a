"""A network whose output pixel never sees its own input pixel, by construction (Lee & Jeong, arXiv 2012.03623)."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d


class DonutConv(nn.Conv2d):
    """A 3×3 convolution with a hole: its centre weights are 0 and stay so."""

    hole: Tensor

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 3, padding=1)
        hole = torch.ones(3, 3)
        hole[1, 1] = 0
        self.register_buffer("hole", hole, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, out, H, W), each pixel from its eight neighbours."""
        return conv2d(x, self.weight * self.hole, self.bias, padding=1)


class DonutNetwork(nn.Module):
    """A donut convolution, then two branches of convolutions of dilation 2 and 3, joined by a 1×1 convolution.

    A path from input to output moves by d + 2a or d + 3b pixels, d from the donut and not 0, a and b whole. It comes
    back to where it began only if d is a multiple of 2 or 3 on both axes, and no d of ±1 and 0 but the centre is.
    Any layer that mixes next neighbours, or statistics over pixels as a norm has, would break this.

    Args:
        depth: convolutions of a branch, the donut and the 1×1 included.
        width: channels.
    """

    stride = 1

    def __init__(self, depth: int = 8, width: int = 32) -> None:
        super().__init__()
        self.halo = 1 + 3 * (depth - 2)
        """How far an output pixel sees, in pixels."""
        self.first = nn.Sequential(DonutConv(1, width), nn.ReLU())
        self.branches = nn.ModuleList(_branch(depth - 2, width, dilation) for dilation in (2, 3))
        self.last = nn.Conv2d(2 * width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W), unbounded."""
        around = self.first(x)
        result: Tensor = self.last(torch.cat([branch(around) for branch in self.branches], 1))
        return result


def _branch(convolutions: int, width: int, dilation: int) -> nn.Module:
    layers = ((nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation), nn.ReLU()) for _ in range(convolutions))
    return nn.Sequential(*chain.from_iterable(layers))
