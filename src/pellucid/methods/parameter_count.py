"""How many parameters a method has, and how many bytes its denoiser."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from pellucid.methods import method_class
from pellucid.recipe import Recipe


class ParameterCount(NamedTuple):
    """Numbers of parameters: of the denoiser, and of all networks that learn."""

    denoiser: int
    method: int


def count_parameters(recipe: Recipe) -> ParameterCount:
    """Count the parameters of a recipe's method, without memory for its weights."""
    with torch.device("meta"), _SkipInPlace():
        method = method_class(recipe.method)(recipe)
    return ParameterCount(_count(method.denoiser), _count(method))


def denoiser_bytes(recipe: Recipe) -> int:
    """Bytes of all weights of a recipe's denoiser, without memory for them."""
    with torch.device("meta"), _SkipInPlace():
        denoiser = method_class(recipe.method).denoiser_type(recipe)
    return sum(value.numel() * value.element_size() for value in denoiser.state_dict().values())


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class _SkipInPlace(TorchFunctionMode):
    """Within the block functions that work in place, such as those that draw weights, do nothing.

    Meta tensors have no values to change, but torch would spend seconds on computing their shapes in Python.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The tensor that would be changed, or the result of the function."""
        kwargs = kwargs or {}
        if func.__name__.endswith("_") and not func.__name__.endswith("__"):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
