"""Convolutions from and to one channel, which are slow in CPU libraries that compute many channels at once.

Here the 4×4 pixels of a block become channels. A convolution with a k×k kernel to one channel equals one with a
(k + 3)×(k + 3) kernel and stride 4 to the 16 pixels of a block: twice as many products, several times as fast. The
gradient to an image of one channel is computed the same way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pellucid.ops import kernels

_BLOCK = 4


class ToOneChannel(nn.Conv2d):
    """A convolution (N, C, H, W) -> (N, 1, H', W')."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
        padding = _padding(self)
        if padding is None or not _fits(input, _shrinking(self) - 2 * padding):
            return functional.conv2d(input, weight, bias, self.stride, self.padding, self.dilation)
        result: Tensor = _ToOneChannel.apply(input, weight, padding)  # type: ignore[no-untyped-call]
        return result if bias is None else result + bias


class FromOneChannel(nn.Conv2d):
    """A convolution (N, 1, H, W) -> (N, C, H', W'); its gradient to the image is a convolution to one channel."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
        padding = _padding(self)
        if padding is None or not input.requires_grad or not _fits(input, _shrinking(self) - 2 * padding):
            return functional.conv2d(input, weight, bias, self.stride, self.padding, self.dilation)
        result: Tensor = _FromOneChannel.apply(input, weight, bias, padding)  # type: ignore[no-untyped-call]
        return result


def _shrinking(conv: nn.Conv2d) -> int:
    return conv.kernel_size[0] - 1


def _padding(conv: nn.Conv2d) -> int | None:
    """The zero padding of a plain convolution with a square kernel; None for any other convolution."""
    height, width = conv.kernel_size
    plain = height == width and height > 1 and conv.stride == conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    return conv.padding[0] if plain and isinstance(conv.padding, tuple) and len(set(conv.padding)) == 1 else None


def _fits(image: Tensor, lost: int) -> bool:
    """Whether an image is on the CPU, and whole blocks remain of it without the lost rows and columns."""
    height, width = image.shape[2] - lost, image.shape[3] - lost
    return kernels.wanted() and image.device.type == "cpu" and height % _BLOCK == width % _BLOCK == 0


class _ToOneChannel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return convolve_to_one(x, weight, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, _ = ctx.needs_input_grad
        grad_x = _backward(grad, x, weight, 1, ctx.padding, 0) if wants_x else None
        grad_weight = None
        if wants_weight:
            blocks = functional.pixel_unshuffle(grad, _BLOCK).contiguous(memory_format=torch.channels_last)
            spread = _backward(blocks, x, _spread(weight), _BLOCK, ctx.padding, 1)
            grad_weight = _gather(spread, weight.shape[-1])
        return grad_x, grad_weight, None


class _FromOneChannel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.padding = padding
        return functional.conv2d(image, weight, bias, padding=padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        image, weight = ctx.saved_tensors
        wants_image, wants_weight, wants_bias, _ = ctx.needs_input_grad
        grad_image = _to_image(grad, weight, ctx.padding) if wants_image else None
        grad_weight = _backward(grad, image, weight, 1, ctx.padding, 1) if wants_weight else None
        return grad_image, grad_weight, grad.sum((0, 2, 3)) if wants_bias else None, None


def convolve_to_one(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Convolution to one channel, in blocks of pixels.

    Args:
        x: (N, C, H, W).
        weight: (1, C, k, k).
        padding: zeros on every side. Rows and columns of the result beyond whole blocks of 4 are left out.

    Returns:
        (N, 1, H', W').
    """
    return functional.pixel_shuffle(functional.conv2d(x, _spread(weight), stride=_BLOCK, padding=padding), _BLOCK)


def _to_image(grad: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Gradient (N, 1, H, W) of the image from that of (N, C, H', W'), whose sides are multiples of 4.

    The sides of the image are even. Where they are not multiples of 4, two more zeros on every side complete a block.
    """
    side = weight.shape[-1]
    around = side - 1 - padding
    height, width = (size + 2 * around - side + 1 for size in grad.shape[2:])
    top, left = (2 if size % _BLOCK else 0 for size in (height, width))
    more = max(top, left)
    image = convolve_to_one(grad, weight.flip(2, 3).transpose(0, 1), around + more)
    return image[:, :, more : more + height, more : more + width]


def _spread(weight: Tensor) -> Tensor:
    """The weights (16, C, k + 3, k + 3) with which each pixel of a block sees its own k×k pixels."""
    side = weight.shape[-1]
    spread = weight.new_zeros(_BLOCK, _BLOCK, weight.shape[1], side + _BLOCK - 1, side + _BLOCK - 1)
    for y in range(_BLOCK):
        for x in range(_BLOCK):
            spread[y, x, :, y : y + side, x : x + side] = weight[0]
    return spread.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _gather(spread: Tensor, side: int) -> Tensor:
    """The adjoint of `_spread`."""
    blocks = spread.view(_BLOCK, _BLOCK, *spread.shape[1:])
    pieces = [blocks[y, x, :, y : y + side, x : x + side] for y in range(_BLOCK) for x in range(_BLOCK)]
    return torch.stack(pieces).sum(0, keepdim=True)


def _backward(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, which: int) -> Tensor:
    """Gradient of a convolution's input (which = 0) or of its weight (1)."""
    results = torch.ops.aten.convolution_backward(
        grad, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [which == 0, which == 1, False]
    )
    result: Tensor = results[which]
    return result
