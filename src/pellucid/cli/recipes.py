"""`pellucid recipes`."""

from __future__ import annotations

from pellucid.cli.options import Settings, parse_settings
from pellucid.report import terminal


def recipes(name: str | None = None, *, preset: str = "quick", set_: Settings = None) -> None:
    """List the recipes, or show every setting of one.

    Example: `pellucid recipes proposed --preset paper`

    Parameters
    ----------
    name
        A recipe; without it they are listed.
    preset
        "quick" or "paper".
    set_
        Settings that differ, as in `--set width=8`.
    """
    from pellucid.methods import RECIPES, make_recipe  # here: help needs no torch

    if name is None:
        rows = [(each, ", ".join(f"{k}={v}" for k, v in changes.items())) for each, changes in RECIPES.items()]
        terminal.table("recipes", ["name", "settings"], rows, terminal.results())
        return
    recipe = make_recipe(name, preset, parse_settings(set_))
    values = recipe.model_dump()
    settings = [(key, str(values[key]), field.description or "") for key, field in type(recipe).model_fields.items()]
    terminal.table(f"{name} ({preset})", ["setting", "value", "meaning"], settings, terminal.results())
