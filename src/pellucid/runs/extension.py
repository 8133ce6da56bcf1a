"""A run that goes on with other settings, such as more steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid.errors import InputError
from pellucid.methods import Method
from pellucid.methods.optim.optimisers import Descent
from pellucid.recipe import LearningRecipe

MAY_CHANGE = ("steps", "save_every", "preview_every", "weights")
"""Settings without which the steps that were taken would have been the same, but for the learning rate."""


def extended(recipe: LearningRecipe, settings: Mapping[str, Any], taken: int) -> LearningRecipe:
    """The recipe of a run with some settings changed.

    Args:
        recipe: what the run began with.
        settings: what shall be different from now on; what is the same changes nothing.
        taken: steps that the run has taken.

    Raises:
        InputError: settings that do not exist or may not change any more, or fewer steps than were taken.
    """
    wanted = recipe.with_settings(settings)
    for key in settings:
        before, now = getattr(recipe, key), getattr(wanted, key)
        if before != now and key not in MAY_CHANGE:
            raise InputError(
                f"{key}={now} cannot be set any more, the run has begun with {key}={before}: only "
                f"{', '.join(MAY_CHANGE[:-1])} and {MAY_CHANGE[-1]} may change; for anything else train anew"
            )
    if wanted.steps < taken:
        raise InputError(f"steps={wanted.steps}: the run has taken {taken} already; give as many or more")
    return wanted


def differences(before: LearningRecipe, now: LearningRecipe) -> dict[str, list[Any]]:
    """The settings that differ, each as it was and as it is."""
    return {
        key: [getattr(before, key), getattr(now, key)]
        for key in MAY_CHANGE
        if getattr(before, key) != getattr(now, key)
    }


def rates_in_words(method: Method[Any], taken: int) -> list[str]:
    """What the learning rate of each optimiser was at the last step, and what it is at the next, a line each."""
    lines = []
    for name, optimiser in method.optimisers.items():
        if isinstance(optimiser, Descent) and taken:
            before, now = optimiser.inner.param_groups[0]["lr"], optimiser.schedule(taken + 1)
            lines.append(f"learning rate of {name}: {before:.3g} at step {taken}, {now:.3g} at step {taken + 1}")
    return lines
