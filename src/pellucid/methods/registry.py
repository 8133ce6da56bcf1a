"""The methods by name. To add one: its file, and its lines in the two tables here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from pellucid.errors import InputError, nearest
from pellucid.methods.base import Denoiser, Method
from pellucid.recipe import LearningRecipe, Recipe, refuse_two_budgets
from pellucid.seeding import Initialisation, seeded

METHODS: dict[str, str] = {
    "noise-transfer": "pellucid.methods.noise_transfer:NoiseTransfer",
    "iscl": "pellucid.methods.iscl:Iscl",
    "cyclegan": "pellucid.methods.cyclegan:CycleGan",
    "quan": "pellucid.methods.quan:Quan",
    "uidnet": "pellucid.methods.uidnet:Uidnet",
    "adn": "pellucid.methods.adn:Adn",
    "drgan": "pellucid.methods.drgan:Drgan",
    "student": "pellucid.methods.student:Student",
    "dncnn": "pellucid.methods.dncnn:Dncnn",
    "redcnn": "pellucid.methods.redcnn:RedCnn",
    "cagan": "pellucid.methods.cagan:Cagan",
    "noise2void": "pellucid.methods.noise2void:Noise2Void",
    "noise2self": "pellucid.methods.noise2self:Noise2Self",
    "noise2kernel": "pellucid.methods.noise2kernel:Noise2Kernel",
    "self2self": "pellucid.methods.self2self:Self2Self",
    "noise2noise": "pellucid.methods.noise2noise:Noise2Noise",
    "bm3d": "pellucid.methods.classical.bm3d:Bm3d",
    "bm3d-log": "pellucid.methods.classical.bm3d:LogBm3d",
    "bm3d-oracle": "pellucid.methods.classical.bm3d:OracleBm3d",
    "nlm": "pellucid.methods.classical.restoration:NonLocalMeans",
    "tv": "pellucid.methods.classical.restoration:TotalVariation",
    "wavelet": "pellucid.methods.classical.restoration:Wavelet",
    "gaussian": "pellucid.methods.classical.baselines:Gaussian",
    "median": "pellucid.methods.classical.baselines:Median",
    "mean-matched": "pellucid.methods.classical.baselines:MeanMatched",
    "noisy": "pellucid.methods.classical.baselines:Identity",
}
"""Where each method's class is."""


def _one_norm(norm: str) -> dict[str, Any]:
    """ISCL with the same norm in all networks."""
    return {"method": "iscl", "generator": norm, "discriminator": norm, "extractor": norm}


RECIPES: dict[str, dict[str, Any]] = {
    "proposed": {"method": "iscl"},
    "iscl": _one_norm("batch-instance"),
    **{f"iscl-{norm}": _one_norm(norm) for norm in ("batch", "layer", "group", "switchable")},
    **{name: {"method": name} for name in METHODS if name != "iscl"},
}
"""Named recipes: a method and what differs from its defaults."""

DEFAULT = "noise-transfer"
"""The recipe that is taken if none is named. The proposal of the paper is `proposed`."""


def method_class(name: str) -> type[Method[Any]]:
    """The class of a method.

    Raises:
        InputError: unknown name; the nearest known one is named.
    """
    if name not in METHODS:
        raise InputError(f"unknown method {name!r}: {nearest(name, METHODS)}")
    module, _, attribute = METHODS[name].partition(":")
    found: type[Method[Any]] = getattr(import_module(module), attribute)
    return found


def make_recipe(name: str, preset: str = "paper", settings: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe by name, for a preset, with settings changed.

    Raises:
        InputError: unknown recipe, preset or setting; the nearest known one is named. Or both steps and minutes.
    """
    if name not in RECIPES:
        raise InputError(f"unknown recipe {name!r}: {nearest(name, RECIPES)}")
    recipe_type = method_class(RECIPES[name]["method"]).recipe_type
    if preset not in recipe_type.presets:
        raise InputError(f"unknown preset {preset!r}: {nearest(preset, recipe_type.presets)}")
    refuse_two_budgets(settings or {})
    named = {"name": name, "preset": preset, **recipe_type.presets[preset], **RECIPES[name]}
    return recipe_type().with_settings(named).with_settings(settings or {})


def learning_recipes() -> list[str]:
    """The names of the recipes that are trained step by step."""
    return [name for name in RECIPES if issubclass(method_class(RECIPES[name]["method"]).recipe_type, LearningRecipe)]


def build(recipe: Recipe) -> Method[Any]:
    """The method of a recipe, with fresh weights from the recipe's seed."""
    with _seeded(recipe):
        return method_class(recipe.method)(recipe)


def build_denoiser(recipe: Recipe) -> Denoiser:
    """The denoiser alone, in evaluation mode: to load weights into, or for methods without training."""
    with _seeded(recipe):
        return method_class(recipe.method).denoiser_type(recipe).eval()


@contextmanager
def _seeded(recipe: Recipe) -> Iterator[None]:
    with seeded(recipe.seed), Initialisation():
        yield
