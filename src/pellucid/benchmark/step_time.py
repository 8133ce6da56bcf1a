"""Computing time, and that of a training step, measured on a few to estimate what a benchmark takes."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from pellucid.device import choose_device
from pellucid.methods import Method, build
from pellucid.methods.parameter_count import count_parameters
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.training import Training

MOST_STEPS = 6
ENOUGH_SECONDS = 5.0


def computing_time(device: torch.device) -> float:
    """A clock in seconds: on a CPU the CPU time of this process per thread, else wall-clock time.

    CPU time does not count the time that other processes take.
    """
    if device.type == "cpu":
        return time.process_time() / torch.get_num_threads()
    return time.perf_counter()


def learns(recipe: Recipe) -> bool:
    """Whether a method has weights that training changes; if not, a budget does not apply to it."""
    return isinstance(recipe, LearningRecipe) and count_parameters(recipe).method > 0


def step_seconds(recipe: LearningRecipe, device: str = "auto") -> float:
    """Computing time of one training step on random patches; the first step is not counted.

    Raises:
        InputError: the device is not available.
    """
    chosen = choose_device(device).torch
    training = Training(build(recipe), chosen)
    with torch.random.fork_rng():
        training.step(_batch(training.method))
        begin, taken = computing_time(chosen), 0
        while taken < MOST_STEPS and computing_time(chosen) - begin < ENOUGH_SECONDS:
            training.step(_batch(training.method))
            taken += 1
        return (computing_time(chosen) - begin) / taken


def _batch(method: Method[Any]) -> dict[str, Tensor]:
    recipe = method.recipe
    shape = (recipe.batch, 1, recipe.patch, recipe.patch)
    return {kind: torch.rand(shape) * 2 - 1 for kind in method.kinds}
