"""The methods of a benchmark, as they are named on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.benchmark.filter_tuning import STRENGTHS, TUNED
from pellucid.errors import InputError, nearest
from pellucid.methods import RECIPES, method_class


@dataclass(frozen=True)
class MethodSpec:
    """A method of a benchmark: a recipe, and the settings in which it differs from it.

    Attributes:
        name: the name in tables.
        recipe: the name of the recipe.
        settings: settings that replace those of the recipe.
        half: whether a method that learns from pairs gets only those of the noisy half.
        tuned: whether a filter gets the strength that is best on the pairs of the noisy half.
    """

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    half: bool = False
    tuned: bool = False

    @property
    def method(self) -> str:
        """The method of the recipe, as in `METHODS`."""
        return str({**RECIPES[self.recipe], **self.settings}["method"])


def parse_methods(
    names: Sequence[str], pairs: Sequence[str] = (), *, half: bool = False, tuned: bool = False
) -> list[MethodSpec]:
    """Return the recipes of these names as methods, with settings `key=value` for all or `NAME.key=value` for one.

    With `half`, methods that learn from pairs get only those of the noisy half; with `tuned`, filters their best
    strength.

    Raises:
        InputError: an unknown or repeated name, or a setting of a method that is not among them.
    """
    for number, name in enumerate(names):
        if name not in RECIPES:
            raise InputError(f"unknown method {name!r}: {nearest(name, RECIPES)}")
        if name in names[:number]:
            raise InputError(f"method {name!r} is given twice: omit one")
    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    for pair in sorted(pairs, key=lambda text: "." in text.partition("=")[0]):  # settings for one replace those for all
        key, equals, value = pair.partition("=")
        name, dot, own = key.rpartition(".")
        if not equals:
            raise InputError(f"--set {pair}: write key=value or METHOD.key=value, as in --set iscl.width=16")
        if dot and name not in settings:
            raise InputError(f"--set {pair}: {name!r} is not among the methods: {nearest(name, settings)}")
        for each in [name] if dot else settings:
            settings[each][own] = value
    return [_method_spec(name, settings[name], half and _paired(name), tuned and name in STRENGTHS) for name in names]


def _method_spec(name: str, settings: Mapping[str, Any], half: bool, tuned: bool) -> MethodSpec:
    varied = " (half the pairs)" if half else f" ({TUNED})" if tuned else ""
    return MethodSpec(f"{name}{varied}", name, settings, half, tuned)


def _paired(name: str) -> bool:
    return "pairs" in method_class(RECIPES[name]["method"]).kinds
