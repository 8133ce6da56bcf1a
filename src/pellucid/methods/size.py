"""How many parameters a method has."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from pellucid.methods import method_class
from pellucid.recipe import Recipe


class Size(NamedTuple):
    """Numbers of parameters: of what denoises, and of all networks that learn."""

    denoiser: int
    method: int


def size_of(recipe: Recipe) -> Size:
    """The size of a recipe's method; no memory is taken and no weight is drawn for it."""
    with torch.device("meta"):
        method = method_class(recipe.method)(recipe)
    return Size(_count(method.denoiser), _count(method))


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
