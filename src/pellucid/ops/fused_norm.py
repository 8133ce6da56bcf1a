"""A norm and its leaky ReLU in one step, forward and backward, for maps that the kernels take.

Forward: one read to measure, one read and one write to apply. Backward: two reads of the map and of the gradient, and
one write, for the activation and both halves of the norm. Between the halves stands the norm's own formula from moments
to (scale, shift): a few numbers for each map, differentiated by torch.

It cannot be differentiated twice; within `plain()` norms can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pellucid.ops import kernels
from pellucid.ops.recompute import mark_recomputable

Constants = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""A norm's formula: from mean and variance (N, C) to scale and shift."""


def normalise(x: Tensor, constants: Constants, parameters: Sequence[Tensor], slope: float) -> Tensor:
    """Normalise and activate maps (N, C, H, W) by their own moments.

    Args:
        x: the maps.
        constants: the norm's formula.
        parameters: the trainable tensors that it reads.
        slope: negative slope of the leaky ReLU.
    """
    mean, var = (moment.requires_grad_() for moment in kernels.measure(x))
    scale, shift = constants(mean, var)
    formula = _Formula((scale, shift), (mean, var, *parameters))
    result: Tensor = _Normalise.apply(x, formula, slope, *parameters)  # type: ignore[no-untyped-call]
    again = partial(kernels.apply, scale=scale.detach(), shift=shift.detach(), slope=slope)
    return mark_recomputable(result, again, x)


class _Formula(NamedTuple):
    """A norm's formula, evaluated, and everything that it depends on: moments first, then parameters."""

    constants: tuple[Tensor, Tensor]
    causes: tuple[Tensor, ...]


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, formula: _Formula, slope: float, *_: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        ctx.formula, ctx.slope = formula, slope
        return kernels.apply(x, *formula.constants, slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        constants, causes = ctx.formula
        scale, shift = constants
        at = x, scale, shift, ctx.slope
        sums = kernels.sum_gradients(grad, *at)
        grads = [given.sum_to_size(constant.shape) for given, constant in zip(sums, constants, strict=True)]
        grad_mean, grad_var, *others = _through(constants, causes, grads)
        pixels = x.shape[2] * x.shape[3]
        slant = 2 / pixels * grad_var
        offset = grad_mean / pixels - slant * causes[0]
        return kernels.gradient(grad, *at, (offset.detach(), slant)), None, None, *others


def _through(constants: tuple[Tensor, Tensor], causes: tuple[Tensor, ...], grads: list[Tensor]) -> tuple[Tensor, ...]:
    """Gradients of everything that scale and shift depend on, from theirs; zeros where they do not depend on it."""
    depend = [(constant, grad) for constant, grad in zip(constants, grads, strict=True) if constant.requires_grad]
    if not depend:
        return tuple(torch.zeros_like(cause) for cause in causes)
    found, given = zip(*depend, strict=True)
    return torch.autograd.grad(found, causes, given, retain_graph=True, allow_unused=True, materialize_grads=True)
