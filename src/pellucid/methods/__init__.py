"""Methods, one file each."""

from pellucid.methods.base import GIVEN_AS, KINDS, Batch, Denoiser, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.registry import (
    DEFAULT,
    METHODS,
    RECIPES,
    build,
    build_denoiser,
    learning_recipes,
    make_recipe,
    method_class,
)

__all__ = [
    "DEFAULT",
    "GIVEN_AS",
    "KINDS",
    "METHODS",
    "RECIPES",
    "Batch",
    "Denoiser",
    "Losses",
    "Method",
    "SingleDenoiser",
    "Supervision",
    "build",
    "build_denoiser",
    "learning_recipes",
    "make_recipe",
    "method_class",
]
