from __future__ import annotations

import pytest

from pellucid.benchmark.layout import lay_out
from pellucid.benchmark.norms import GRID, INSTANCE, LEADS, PROPOSED, SWAPS, norm_methods, variants
from pellucid.benchmark.table import tables
from pellucid.errors import InputError
from pellucid.methods import make_recipe

from .made import done

BASELINE = ("batch-instance",) * 3


def norms_of(method):
    recipe = make_recipe(method.recipe, "quick", method.settings)
    return recipe.generator, recipe.discriminator, recipe.extractor


def test_every_swap_of_the_proposal_on_the_baseline_is_there_once():
    replaced = [tuple(a != b for a, b in zip(swap, BASELINE, strict=True)) for swap in SWAPS]
    assert sorted(map(sum, replaced)) == [1, 1, 1, 2, 2, 2]
    assert len(set(replaced)) == 6
    for swap in SWAPS:
        assert all(norm in (new, "batch-instance") for norm, new in zip(swap, PROPOSED, strict=True))
    assert tuple(PROPOSED) == ("instance", "spectral", "switchable")


def test_the_paper_s_rows_keep_their_names_so_that_their_runs_are_shared():
    plain = [method for method in norm_methods() if method.name == method.recipe]
    assert {method.name for method in plain} == {
        "iscl", "proposed", "iscl-batch", "iscl-layer", "iscl-group", "iscl-switchable",
    }  # fmt: skip
    assert all(not method.settings for method in plain)


def test_settings_go_to_every_entry_but_norms_cannot_be_set():
    assert all(method.settings["width"] == 8 for method in norm_methods(settings={"width": 8}))
    assert len({method.name for method in norm_methods(settings={"width": 8})}) == len(norm_methods())
    with pytest.raises(InputError, match=r"--set discriminator=\.\.\.: this command varies the norms"):
        norm_methods(settings={"discriminator": "layer"})


@pytest.mark.parametrize("method", norm_methods(), ids=lambda method: method.name)
def test_every_entry_is_the_norms_that_it_says(method):
    if method.name != method.recipe:
        assert method.name == f"iscl {'/'.join(norms_of(method))}"
    make_recipe(method.recipe, "quick", method.settings).check()


def test_instance_stands_wherever_it_can():
    assert tuple(INSTANCE) == ("instance", "batch-instance", "instance")
    assert INSTANCE in variants()


def test_the_grid_has_all_that_can_work_once_and_the_short_list_first():
    found = variants(full=True)
    assert len(found) == len(set(found)) == len(GRID) ** 2 * (len(GRID) - 1)
    assert {variant.discriminator for variant in found} == set(GRID) - {"instance"}
    assert found[: len(variants())] == variants()
    assert len({method.name for method in norm_methods(full=True)}) == len(found)


def test_its_table_has_a_column_for_each_role():
    swap = norm_methods()[6]
    results = [
        done(method.name, 20.0).model_copy(
            update={"title": "ISCL", "recipe": make_recipe(method.recipe, "quick", method.settings).model_dump()}
        )
        for method in (norm_methods()[5], swap)
    ]
    layout = lay_out(tables(results)[0], "Norms", LEADS)
    assert [column.name for column in layout.columns[:4]] == ["name", "F, G", "D", "H"]
    rows = [[cell.text for cell in row[:4]] for row in layout.sections[0].rows]
    assert rows == [["ISCL", *norms_of(swap)], ["Proposed", *PROPOSED]]
    assert layout.records[0]["D"] == "batch-instance"
