"""Convolutions as the published TensorFlow networks have them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.norms import Norm

SLOPE = 0.2
"""Negative slope of every leaky ReLU."""


def initialise(conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Weights N(0, 0.05²) truncated at ±2σ, biases 0 (Keras' 'truncated_normal')."""
    nn.init.trunc_normal_(conv.weight, std=0.05, a=-0.1, b=0.1)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


def symmetric_pad(x: Tensor, width: int) -> Tensor:
    """Mirror (N, C, H, W) by `width` pixels on every side, the border pixel included (numpy's 'symmetric')."""
    if width == 1:
        return functional.pad(x, (1, 1, 1, 1), mode="replicate")
    for dim in (2, 3):
        near = x.narrow(dim, 0, width).flip(dim)
        far = x.narrow(dim, x.shape[dim] - width, width).flip(dim)
        x = torch.cat((near, x, far), dim)
    return x


class Conv(nn.Module):
    """Convolution, zero-padded or mirrored at the border, then a norm and leaky ReLU if a norm is given."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int,
        norm: Norm,
        *,
        stride: int = 1,
        padding: int = 0,
        mirror: int = 0,
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(*channels, kernel, stride, padding)
        initialise(conv)
        self.mirror = mirror
        self.conv = norm.conv(conv)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        result: Tensor = self.conv(symmetric_pad(x, self.mirror) if self.mirror else x)
        return result


class UpConv(nn.Module):
    """Transposed convolution 3×3, stride 2, as TensorFlow's 'same': the last row and column are dropped."""

    def __init__(self, channels: tuple[int, int], norm: Norm) -> None:
        super().__init__()
        conv = nn.ConvTranspose2d(*channels, 3, 2)
        initialise(conv)
        self.conv = norm.conv(conv)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, 2H, 2W)."""
        result: Tensor = self.conv(x)[:, :, :-1, :-1]
        return result
