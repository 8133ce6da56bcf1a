"""`pellucid methods`."""

from __future__ import annotations

import pytest
import torch

from pellucid.methods import RECIPES, build, make_recipe, method_class
from pellucid.methods.size import size_of


def cells(output):
    """The cells of each row of every table, by the first."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]
    return {row[0]: row[1:] for row in rows}


def test_every_recipe_is_listed_with_what_it_needs_and_how_large_it_is(command):
    result = command("methods")
    assert result.status == 0, result.err
    rows = cells(result.out)
    assert list(rows) == list(RECIPES)
    assert all(rows[name][0] == method_class(RECIPES[name]["method"]).title for name in RECIPES)
    assert rows["proposed"][1:3] == ["unpaired", "--noisy --clean"]
    assert rows["proposed"][-2:] == ["1,315,470", "8,037,201"]
    assert rows["dncnn"][1:3] == ["paired", "--noisy --pairs"]
    assert rows["noise2noise"][1:3] == ["noisy pairs", "--noisy --pairs"]
    assert rows["quan"][2] == "--noisy --clean --noise"
    assert rows["self2self"][1:] == ["noisy only", "the image itself", "Quan et al., CVPR 2020", "988,609", "988,609"]
    assert rows["median"][1:3] == ["none", "the image itself"]
    assert rows["median"][-2:] == ["0", "0"]


def test_one_recipe_is_shown_with_its_idea_and_every_setting(command):
    shown = command("methods", "iscl-group", "--preset", "paper", "--set", "width=8")
    assert shown.status == 0, shown.err
    assert shown.out.startswith("ISCL: interdependent self-cooperative learning")
    rows = cells(shown.out)
    assert set(type(make_recipe("iscl-group")).model_fields) <= set(rows)
    assert [rows[name][0] for name in ("width", "batch", "generator", "needs")] == [
        "8",
        "64",
        "group",
        "--noisy --clean",
    ]
    assert rows["parameters in all"] == [f"{size_of(make_recipe('iscl-group', settings={'width': 8})).method:,}"]


def test_an_unknown_recipe_is_refused_with_the_nearest(refused):
    assert "unknown recipe 'propsed': did you mean 'proposed'?" in refused("methods", "propsed")


@pytest.mark.parametrize("name", ["proposed", "iscl-batch", "self2self", "gaussian"])
def test_the_size_is_that_of_the_networks_that_are_built(name):
    recipe = make_recipe(name, "quick")
    method = build(recipe)
    assert size_of(recipe) == tuple(
        sum(parameter.numel() for parameter in module.parameters()) for module in (method.denoiser, method)
    )


def test_counting_takes_no_random_numbers():
    state = torch.get_rng_state()
    size_of(make_recipe("proposed"))
    assert torch.equal(torch.get_rng_state(), state)
