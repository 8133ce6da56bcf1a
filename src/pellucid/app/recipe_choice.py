"""The recipes that a page offers, and what each needs. Asking imports all methods: seconds, the first time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pellucid.app.recipe_words import WORDS, Words

SECOND = ("clean", "pairs")
"""Kinds of images that a training may need beside the noisy ones; images of noise alone are for the command line."""

BASELINES = ("mean-matched", "bm3d-oracle")
"""Recipes that only show in a benchmark what others reach."""


class Choice(NamedTuple):
    """A recipe to choose.

    Attributes:
        words: its title and what it is for.
        second: the images that it needs beside the noisy ones: "clean", "pairs", or none.
    """

    words: Words
    second: str


def trained_recipes() -> dict[str, Choice]:
    """Recipes that are trained, by name; the default first."""
    from pellucid.methods.registry import DEFAULT, RECIPES, learning_recipes, method_class

    found = {}
    for name in [DEFAULT, *(other for other in learning_recipes() if other != DEFAULT)]:
        method = method_class(RECIPES[name]["method"])
        second = _beside_noisy(method.kinds)
        if name not in BASELINES and len(second) <= 1 and set(second) <= set(SECOND):
            found[name] = Choice(WORDS[name], second[0] if second else "")
    return found


def untrained_recipes() -> dict[str, Words]:
    """Methods that need nothing but the image, by name, and what they are for."""
    from pellucid.methods.registry import RECIPES, learning_recipes, method_class

    others = (name for name in RECIPES if name not in learning_recipes() and name != "noisy")
    methods = {name: method_class(RECIPES[name]["method"]) for name in others}
    return {name: WORDS[name] for name, method in methods.items() if not _beside_noisy(method.kinds)}


def _beside_noisy(kinds: Sequence[str]) -> list[str]:
    from pellucid.methods import GIVEN_AS

    return [kind for kind in kinds if kind in GIVEN_AS and kind != "noisy"]
