"""Convolutions as the published TensorFlow networks have them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.norms import Norm
from pellucid.ops.one_channel import FromOneChannel, ToOneChannel
from pellucid.ops.recompute import apply_recomputable

SLOPE = 0.2
"""Negative slope of every leaky ReLU."""
CUT_DEVIATION = 0.87962566103423978
"""Standard deviation of N(0, 1) truncated at ±2."""

Layer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def initialise(conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Weights N(0, 0.05²) truncated at ±2σ, biases 0 (Keras' 'truncated_normal')."""
    truncated_normal(conv, 0.05)


def truncated_normal(layer: Layer, std: float) -> None:
    """Weights N(0, std²) truncated at ±2σ, which leaves a deviation of 0.88 std; biases 0."""
    nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def he_normal(layer: Layer) -> None:
    """Truncated normal weights of variance 2/fan-in after the cut, biases 0 (Keras' 'he_normal').

    The fan-in of a transposed convolution is counted by its outputs, as TensorFlow and torch do it.
    """
    fan_in = layer.weight[0].numel()
    truncated_normal(layer, (2 / fan_in) ** 0.5 / CUT_DEVIATION)


def symmetric_pad(x: Tensor, width: int) -> Tensor:
    """Mirror (N, C, H, W) by `width` pixels on every side, the border pixel included (numpy's 'symmetric')."""
    return apply_recomputable(partial(_symmetric_pad, width=width), x)


def _symmetric_pad(x: Tensor, width: int) -> Tensor:
    if width == 1 and not torch.compiler.is_compiling():  # compiled, its backward fails on channels-last maps
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
        conv = _convolution(channels)(*channels, kernel, stride, padding)
        initialise(conv)
        self.mirror = mirror
        self.conv = norm.conv(conv)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        result: Tensor = self.conv(symmetric_pad(x, self.mirror) if self.mirror else x)
        return result


def _convolution(channels: tuple[int, int]) -> type[nn.Conv2d]:
    """What computes a convolution from and to so many channels fastest."""
    if channels[1] == 1:
        return ToOneChannel
    return FromOneChannel if channels[0] == 1 else nn.Conv2d


class _Transposed(nn.ConvTranspose2d):
    """A transposed convolution that adds its bias afterwards: on CPUs this takes half the time."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002
        """(N, C_in, H, W) -> (N, C_out, 2H + 1, 2W + 1)."""
        result = functional.conv_transpose2d(x, self.weight, stride=self.stride)
        return result if self.bias is None else result.add_(self.bias.to(result.dtype)[:, None, None])


class UpConv(nn.Module):
    """Transposed convolution 3×3, stride 2, as TensorFlow's 'same': the last row and column are dropped."""

    def __init__(self, channels: tuple[int, int], norm: Norm) -> None:
        super().__init__()
        conv = _Transposed(*channels, 3, 2)
        initialise(conv)
        self.conv = norm.conv(conv)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, 2H, 2W)."""
        result: Tensor = self.conv(x)[:, :, :-1, :-1]
        return result
