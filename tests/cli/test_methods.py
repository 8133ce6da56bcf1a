"""`pellucid methods`."""

from __future__ import annotations

import pytest
import torch

from pellucid import methods
from pellucid.cli.recipes import BOXED, DEFAULT, LISTED, RECOMMENDED
from pellucid.methods import RECIPES, build, make_recipe, method_class
from pellucid.methods.parameter_count import count_parameters


def cells(output):
    """The cells of each row of every table, by the first."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]
    return {row[0]: row[1:] for row in rows}


def test_the_list_begins_with_which_one_to_take(command):
    result = command("methods")
    assert result.status == 0, result.err
    assert result.out.splitlines()[0].rstrip() == "which one to take: the first that fits"
    rows = list(cells(result.out).items())[: len(RECOMMENDED)]
    assert ("clean images of other places", [DEFAULT, "train --noisy --clean"]) in rows
    assert rows[-1] == ("anything else, or no time", [BOXED, "denoise"])
    for _, (recipe, how) in rows[:-1]:
        needed = LISTED[recipe].needs
        assert how == ("denoise" if needed == "the image itself" else f"train {needed}")


def test_the_list_fits_a_narrow_terminal(command):
    assert max(len(line.rstrip()) for line in command("methods").out.splitlines()) <= 80


def test_every_recipe_is_listed_with_what_it_needs(command):
    rows = cells(command("methods").out)
    assert set(LISTED) <= set(rows)
    assert rows["proposed"] == ["ISCL", "--noisy --clean"]
    assert rows["quan"] == ["Quan et al.", "--noisy --clean --noise"]
    assert rows["self2self"] == ["Self2Self", "the image itself"]


def test_the_list_says_what_the_methods_say():
    from pellucid.cli.methods import _needs

    assert methods.DEFAULT == DEFAULT == next(iter(LISTED))
    assert set(LISTED) == set(RECIPES)
    for name, listed in LISTED.items():
        method = method_class(RECIPES[name]["method"])
        assert listed == (method.title, _needs(method)), name


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
    assert rows["published"][0].startswith("Lee & Jeong, IEEE TMI")
    assert rows["parameters in all"] == [
        f"{count_parameters(make_recipe('iscl-group', settings={'width': 8})).method:,}"
    ]


def test_an_unknown_recipe_is_refused_with_the_nearest(refused):
    assert "unknown recipe 'propsed': did you mean 'proposed'?" in refused("methods", "propsed")


@pytest.mark.parametrize("name", ["noise-transfer", "proposed", "iscl-batch", "self2self", "gaussian"])
def test_the_size_is_that_of_the_networks_that_are_built(name):
    recipe = make_recipe(name, "quick")
    method = build(recipe)
    assert count_parameters(recipe) == tuple(
        sum(parameter.numel() for parameter in module.parameters()) for module in (method.denoiser, method)
    )


def test_counting_takes_no_random_numbers():
    state = torch.get_rng_state()
    count_parameters(make_recipe("proposed"))
    assert torch.equal(torch.get_rng_state(), state)
