"""The second half of every norm: `leaky_relu(scale · x + shift)`, one read and one write."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from pellucid.ops import kernels


def affine_leaky_relu(x: Tensor, scale: Tensor, shift: Tensor, slope: float) -> Tensor:
    """Scale and shift each map, then leaky ReLU.

    The backward pass recomputes the argument of the activation. Only `x`, which the convolution before it made anyway,
    and the numbers per (n, c) stay in memory.

    Args:
        x: (N, C, H, W).
        scale: (N, C) or (1, C).
        shift: (N, C) or (1, C).
        slope: negative slope of the leaky ReLU; 1 means no activation.
    """
    result: Tensor = _AffineLeakyReLU.apply(  # type: ignore[no-untyped-call]
        x, scale[:, :, None, None], shift[:, :, None, None], slope
    )
    return result


class _AffineLeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, scale: Tensor, shift: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x, scale, shift)
        ctx.slope = slope  # type: ignore[attr-defined]
        if kernels.fit(x):
            return kernels.apply(x, scale[:, :, 0, 0], shift[:, :, 0, 0], slope)
        return functional.leaky_relu_(torch.addcmul(shift, x, scale), slope).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, scale, shift = ctx.saved_tensors
        argument = torch.addcmul(shift, x, scale)
        grad = torch.ops.aten.leaky_relu_backward(grad.to(argument.dtype), argument, ctx.slope, False)
        grad_scale = (grad * x).sum_to_size(scale.shape)
        grad_shift = grad.sum_to_size(shift.shape)
        return (grad * scale).to(x.dtype), grad_scale, grad_shift, None
