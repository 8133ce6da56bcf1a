from __future__ import annotations

import pytest

from pellucid.benchmark.layout import lay_out
from pellucid.benchmark.norms import GRID, INSTANCE, LEADS, PROPOSED, SWAPS, entries, variants
from pellucid.benchmark.table import tables
from pellucid.errors import InputError
from pellucid.methods import make_recipe

from .made import done

BASELINE = ("batch-instance",) * 3


def norms_of(entry):
    recipe = make_recipe(entry.recipe, "quick", entry.settings)
    return recipe.generator, recipe.discriminator, recipe.extractor


def test_every_swap_of_the_proposal_on_the_baseline_is_there_once():
    replaced = [tuple(a != b for a, b in zip(swap, BASELINE, strict=True)) for swap in SWAPS]
    assert sorted(map(sum, replaced)) == [1, 1, 1, 2, 2, 2]
    assert len(set(replaced)) == 6
    for swap in SWAPS:
        assert all(norm in (new, "batch-instance") for norm, new in zip(swap, PROPOSED, strict=True))
    assert tuple(PROPOSED) == ("instance", "spectral", "switchable")


def test_the_paper_s_rows_keep_their_names_so_that_their_units_are_shared():
    plain = [entry for entry in entries() if entry.label == entry.recipe]
    assert {entry.label for entry in plain} == {
        "iscl", "proposed", "iscl-batch", "iscl-layer", "iscl-group", "iscl-switchable",
    }  # fmt: skip
    assert all(not entry.settings for entry in plain)


def test_settings_go_to_every_entry_but_norms_cannot_be_set():
    assert all(entry.settings["width"] == 8 for entry in entries(settings={"width": 8}))
    assert len({entry.label for entry in entries(settings={"width": 8})}) == len(entries())
    with pytest.raises(InputError, match=r"--set discriminator=\.\.\.: that is what is varied here"):
        entries(settings={"discriminator": "layer"})


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.label)
def test_every_entry_is_the_norms_that_it_says(entry):
    if entry.label != entry.recipe:
        assert entry.label == f"iscl {'/'.join(norms_of(entry))}"
    make_recipe(entry.recipe, "quick", entry.settings).check()


def test_instance_stands_wherever_it_can():
    assert tuple(INSTANCE) == ("instance", "batch-instance", "instance")
    assert INSTANCE in variants()


def test_the_grid_has_all_that_can_work_once_and_the_short_list_first():
    found = variants(full=True)
    assert len(found) == len(set(found)) == len(GRID) ** 2 * (len(GRID) - 1)
    assert {variant.discriminator for variant in found} == set(GRID) - {"instance"}
    assert found[: len(variants())] == variants()
    assert len({entry.label for entry in entries(full=True)}) == len(found)


def test_its_table_has_a_column_for_each_role():
    swap = entries()[6]
    results = [
        done(entry.label, 20.0).model_copy(
            update={"title": "ISCL", "recipe": make_recipe(entry.recipe, "quick", entry.settings).model_dump()}
        )
        for entry in (entries()[5], swap)
    ]
    layout = lay_out(tables(results)[0], "Norms", LEADS)
    assert [column.name for column in layout.columns[:4]] == ["method", "F, G", "D", "H"]
    rows = [[entry.text for entry in row[:4]] for row in layout.sections[0].rows]
    assert rows == [["ISCL", *norms_of(swap)], ["Proposed", *PROPOSED]]
    assert layout.records[0]["D"] == "batch-instance"
