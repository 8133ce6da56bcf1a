"""Settings that may change when a run is resumed, such as the number of steps or minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid.errors import InputError
from pellucid.methods import Method
from pellucid.methods.optim.optimisers import Descent
from pellucid.recipe import LearningRecipe, refuse_two_budgets

MAY_CHANGE = ("steps", "minutes", "save_every", "preview_every", "weights")
"""Settings on which the steps taken so far do not depend, but for their learning rate."""


def changed_recipe(
    recipe: LearningRecipe, settings: Mapping[str, Any], taken: int, seconds: float = 0.0
) -> LearningRecipe:
    """Return the recipe of a run with some settings changed.

    Args:
        recipe: the recipe so far.
        settings: settings from now on; equal ones change nothing.
        taken: number of steps that the run has taken.
        seconds: the part of its minutes that the run has used.

    Raises:
        InputError: settings that do not exist or may not change, or fewer steps or minutes than were taken.
    """
    refuse_two_budgets(settings)
    changed = recipe.with_settings(settings)
    for key in settings:
        before, now = getattr(recipe, key), getattr(changed, key)
        if before != now and key not in MAY_CHANGE:
            raise InputError(
                f"{key}={now}: the run was started with {key}={before}, which cannot change any more; only "
                f"{', '.join(MAY_CHANGE[:-1])} and {MAY_CHANGE[-1]} can: for anything else start a new training"
            )
    if changed.steps < taken:
        raise InputError(f"steps={changed.steps}: the run has already taken {taken} steps; give at least as many")
    return changed if changed.minutes in (None, recipe.minutes) else _for_minutes(changed, taken, seconds)


def _for_minutes(recipe: LearningRecipe, taken: int, seconds: float) -> LearningRecipe:
    """Return a recipe whose minutes were changed with as many steps as fit if they take as long as those before."""
    minutes = recipe.minutes or 0.0
    if not taken:
        return recipe
    if not seconds:
        raise InputError(f"minutes={minutes:g}: the run was started with a number of steps: change steps instead")
    if 60 * minutes < seconds:
        raise InputError(f"minutes={minutes:g}: the run has already taken {seconds / 60:.3g} minutes; give more")
    return recipe.with_settings({"steps": round(taken * 60 * minutes / seconds), "minutes": minutes})


def differences(before: LearningRecipe, now: LearningRecipe) -> dict[str, list[Any]]:
    """Return the settings that differ, each as [before, now]."""
    return {
        key: [getattr(before, key), getattr(now, key)]
        for key in MAY_CHANGE
        if getattr(before, key) != getattr(now, key)
    }


def learning_rates(method: Method[Any], taken: int) -> list[str]:
    """Describe the learning rate of each optimiser at the last step and at the next, one line each."""
    lines = []
    for name, optimiser in method.optimisers.items():
        if isinstance(optimiser, Descent) and taken:
            before, now = optimiser.inner.param_groups[0]["lr"], optimiser.schedule(taken + 1)
            lines.append(f"learning rate of {name}: {before:.3g} at step {taken}, {now:.3g} at step {taken + 1}")
    return lines
