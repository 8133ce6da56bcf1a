"""How many parameters a method has."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from pellucid.methods import method_class
from pellucid.recipe import Recipe


class Size(NamedTuple):
    """Numbers of parameters: of what denoises, and of all networks that learn."""

    denoiser: int
    method: int


def size_of(recipe: Recipe) -> Size:
    """The size of a recipe's method; no memory is taken and no weight is drawn for it."""
    with torch.device("meta"), _Unwritten():
        method = method_class(recipe.method)(recipe)
    return Size(_count(method.denoiser), _count(method))


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class _Unwritten(TorchFunctionMode):
    """Within the block nothing is done in place, as weights are drawn.

    Tensors without memory have nothing to change, but torch would work out for seconds in Python what shape they keep.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The tensor that would be changed, or what the function gives."""
        kwargs = kwargs or {}
        if func.__name__.endswith("_") and not func.__name__.endswith("__"):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
