"""Learning rates over a training, from the recipe's `learning_rate`, `final_learning_rate` and `steps`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from pellucid.recipe import LearningRecipe

Schedule = Callable[[int], float]
"""The learning rate of a step, counted from 1."""


def constant(recipe: LearningRecipe, factor: float = 1.0) -> Schedule:
    """The same rate for ever."""
    return lambda _: factor * recipe.learning_rate


def linear(recipe: LearningRecipe, factor: float = 1.0) -> Schedule:
    """A straight line from the first to the final rate, as ISCL has it."""
    first, last = recipe.learning_rate, recipe.final_learning_rate
    return lambda number: factor * (first + (last - first) * min(number, recipe.steps) / recipe.steps)


def half_linear(recipe: LearningRecipe) -> Schedule:
    """Constant for the first half, then a straight line to the final rate, as CycleGAN has it."""
    first, last = recipe.learning_rate, recipe.final_learning_rate

    def rate(number: int) -> float:
        share = max(0.0, 2 * min(number, recipe.steps) / recipe.steps - 1)
        return first + (last - first) * share

    return rate


def exponential(recipe: LearningRecipe) -> Schedule:
    """A geometric fall from the first to the final rate, which must be above 0."""
    first, last = recipe.learning_rate, recipe.final_learning_rate
    return lambda number: first * (last / first) ** (min(number, recipe.steps) / recipe.steps)


def stepped(recipe: LearningRecipe, shares: Sequence[float], factor: float) -> Schedule:
    """The first rate times `factor` after each of these shares of the training."""
    return lambda number: recipe.learning_rate * factor ** sum(number > share * recipe.steps for share in shares)


def piecewise_linear(recipe: LearningRecipe, points: Sequence[tuple[float, float]]) -> Schedule:
    """Straight lines through (share of the training, rate), the first at share 0; the last rate stays."""

    def rate(number: int) -> float:
        share = number / recipe.steps
        for (start, first), (end, last) in pairwise(points):
            if share < end:
                return first + (last - first) * (share - start) / (end - start)
        return points[-1][1]

    return rate


def ramped_down(recipe: LearningRecipe, share: float = 0.3) -> Schedule:
    """Constant, then over the last `share` of the training lr·(½ + ½ cos πt)², as Noise2Noise has it."""

    def rate(number: int) -> float:
        t = max(0.0, min(number / recipe.steps, 1.0) - (1 - share)) / share
        return recipe.learning_rate * (0.5 + 0.5 * math.cos(math.pi * t)) ** 2

    return rate


def cosine(recipe: LearningRecipe, warm_up: float = 0.02) -> Schedule:
    """A straight line from 0 to the first rate over the share `warm_up`, then half a cosine to the final rate."""
    first, last = recipe.learning_rate, recipe.final_learning_rate

    def rate(number: int) -> float:
        share = min(number / recipe.steps, 1.0)
        return min(1.0, share / warm_up) * (last + (first - last) * (0.5 + 0.5 * math.cos(math.pi * share)))

    return rate
