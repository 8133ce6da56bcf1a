"""`pellucid methods`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from pellucid.cli.json_output import show_json
from pellucid.cli.options import Settings, parse_settings
from pellucid.cli.recipes import DEFAULT, LISTED, RECOMMENDED
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.methods import Method
    from pellucid.recipe import Recipe

COLUMNS = ("recipe", "method", "needs")


def methods(name: str | None = None, *, preset: str = "quick", set_: Settings = None, json: bool = False) -> None:
    """List all recipes and what they need, or show one of them with every setting.

    Parameters
    ----------
    name
        The recipe to show; without it, all are listed.
    preset
        "quick" or "paper".
    set_
        Settings of the recipe, as in `--set width=8`.
    json
        Print JSON instead of tables.
    """
    if name is None:
        (_list_as_json if json else _list)()
        return
    from pellucid.methods import make_recipe  # here: help and list need no torch

    (_show_as_json if json else _show)(make_recipe(name, preset, parse_settings(set_)))


def _list() -> None:
    console = terminal.results()
    columns = ["you have", "take", "with pellucid"]
    terminal.table("which one to take: the first that fits", columns, RECOMMENDED, console, text=3)
    rows = [(name, *listed) for name, listed in LISTED.items()]
    terminal.table("all recipes (pellucid methods NAME: idea, source, size, settings)", COLUMNS, rows, console, text=3)


def _list_as_json() -> None:
    recipes = [{"name": name, "default": name == DEFAULT, **of._asdict()} for name, of in LISTED.items()]
    show_json({"recommended": [each._asdict() for each in RECOMMENDED], "recipes": recipes})


def _show(recipe: Recipe) -> None:
    from pellucid.methods import method_class

    method = method_class(recipe.method)
    facts = _facts(recipe)
    print(_idea(method))  # noqa: T201
    print()  # noqa: T201
    terminal.table(f"{recipe.name} ({recipe.preset})", ["", ""], facts.items(), terminal.results(), text=2)
    values = recipe.model_dump()
    fields = type(recipe).model_fields.items()
    rows = [(key, str(values[key]), field.description or "") for key, field in fields]
    terminal.table("settings", ["setting", "value", "meaning"], rows, terminal.results(), text=3)


def _show_as_json(recipe: Recipe) -> None:
    from pellucid.methods import method_class
    from pellucid.methods.parameter_count import count_parameters

    method, fields = method_class(recipe.method), type(recipe).model_fields
    described = {
        key: {"value": value, "meaning": fields[key].description} for key, value in recipe.model_dump().items()
    }
    show_json(
        {
            "name": recipe.name,
            "preset": recipe.preset,
            "method": method.title,
            "needs": _needs(method),
            "published": method.reference,
            "idea": _idea(method),
            "parameters": count_parameters(recipe),
            "settings": described,
        }
    )


def _idea(method: type[Method[Any]]) -> str:
    return cleandoc(sys.modules[method.__module__].__doc__ or "")


def _facts(recipe: Recipe) -> Mapping[str, str]:
    """Facts about a recipe's method."""
    from pellucid.methods import method_class
    from pellucid.methods.parameter_count import count_parameters

    method = method_class(recipe.method)
    size = count_parameters(recipe)
    return {
        "method": method.title,
        "learns from": str(method.supervision),
        "needs": _needs(method),
        "published": method.reference,
        "parameters to denoise": f"{size.denoiser:,}",
        "parameters in all": f"{size.method:,}",
    }


def _needs(method: type[Method[Any]]) -> str:
    """The options for the images of a method."""
    from pellucid.methods import GIVEN_AS

    if method.per_image:
        return "the image itself"
    return " ".join(GIVEN_AS[kind] for kind in GIVEN_AS if kind in method.kinds) or "the image itself"
