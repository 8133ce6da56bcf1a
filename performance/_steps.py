"""Training steps to measure: that of the training loop, and that of the plain reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

import torch
from _common import Program
from _reference import NORMS, PlainIscl, discriminator, extractor, generator
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pellucid.methods import build, make_recipe
from pellucid.methods.iscl import IsclRecipe
from pellucid.ops import plain
from pellucid.recipe import LearningRecipe
from pellucid.training import Training

PASSES = {generator: 17, extractor: 8, discriminator: 29}
"""Forward passes of each network whose arithmetic a step takes if nothing is computed twice; a backward pass is two."""


def recipe_of(name: str, preset: str, **settings: Any) -> LearningRecipe:
    """A recipe of a method that learns from batches."""
    recipe = make_recipe(name, preset, settings)
    if not isinstance(recipe, LearningRecipe):
        raise SystemExit(f"{name}: has no training step; choose a recipe that learns")
    return recipe


def our_training(recipe: LearningRecipe, device: str = "cpu") -> Training:
    """The training of the training loop."""
    return Training(build(recipe), torch.device(device))


def our_step(recipe: LearningRecipe, device: str = "cpu") -> Program:
    """One step of the training loop on the same patches, each time it is called."""
    training = our_training(recipe, device)
    batch = random_batch(recipe, training.method.kinds, device)
    return lambda: training.step(batch)


def plain_step(recipe: LearningRecipe, device: str = "cpu") -> Program | None:
    """One step of the reference on the same patches, each time it is called; None if there is no reference."""
    if not isinstance(recipe, IsclRecipe) or recipe.objective != "hinge-published":
        return None
    if not {recipe.generator, recipe.discriminator, recipe.extractor} <= {*NORMS, "spectral", "none"}:
        return None
    plain, numbers = PlainIscl(recipe, device), count(1)
    batch = random_batch(recipe, ("noisy", "clean"), device)
    return lambda: plain.step(batch, next(numbers))


def random_batch(recipe: LearningRecipe, kinds: Sequence[str], device: str = "cpu") -> dict[str, Tensor]:
    """Patches of noise; the content does not affect the time."""
    numbers = torch.Generator().manual_seed(recipe.seed)
    shape = (recipe.batch, 1, recipe.patch, recipe.patch)
    return {kind: torch.rand(shape, generator=numbers).mul(2).sub(1).to(device) for kind in kinds}


def operations(run: Callable[[], object]) -> float:
    """Floating-point operations of convolutions and matrix products, as plain torch computes them.

    Fast ways may multiply more than they must, or where nobody counts: that is no merit and no fault of theirs.
    """
    with plain(), FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def operations_of_passes(recipe: LearningRecipe) -> float | None:
    """Operations of `PASSES`, in which each network's plain convolutions are counted; None for other methods."""
    if not isinstance(recipe, IsclRecipe):
        return None
    with torch.device("meta"):
        x = torch.empty(recipe.batch, 1, recipe.patch, recipe.patch)
        networks = [(make(recipe.width, "none"), passes) for make, passes in PASSES.items()]
        return sum(passes * operations(partial(network, x)) for network, passes in networks)
