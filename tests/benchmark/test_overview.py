from __future__ import annotations

import pytest

from pellucid.benchmark.overview import overview_layout
from pellucid.benchmark.table import Mark, tables
from pellucid.errors import InputError

from .made import done

METHODS = ["noisy", "iscl"]


def row(results, methods=METHODS):
    (found,) = overview_layout(tables(results), methods).sections[0].rows
    return found


def test_methods_stand_beside_each_other_and_the_best_of_a_dataset_is_marked():
    cells = row([done("noisy", [18.0, 20.0], [0.6, 0.8]), done("iscl", [24.0, 26.0], [0.5, 0.7])])
    assert [cell.text for cell in cells[2:]] == ["19.00", "0.7000", "25.00", "0.6000"]
    assert [cell.mark for cell in cells[2:]] == [Mark.NONE, Mark.BEST, Mark.BEST, Mark.NONE]


def test_every_dataset_and_budget_has_its_row():
    results = [done("iscl", [20.0], [0.5], dataset=name) for name in ("a-film", "b-film", "c-film")]
    layout = overview_layout(tables(results), ["iscl"])
    assert [cells[0].text for cells in layout.sections[0].rows] == ["a-film", "b-film", "c-film"]
    assert [record["psnr"] for record in layout.records] == [20.0, 20.0, 20.0]


def test_a_method_alone_in_its_row_is_not_marked():
    assert {cell.mark for cell in row([done("iscl", [20.0], [0.5])], ["iscl"])} == {Mark.NONE}


def test_several_runs_have_a_deviation_and_a_missing_method_a_dash():
    results = [done("iscl", [psnr], [0.5], seed=seed) for seed, psnr in enumerate((20.0, 22.0))]
    results.append(done("noisy", [18.0], [0.4], dataset="other"))
    first, second = overview_layout(tables(results), METHODS).sections[0].rows
    assert [cell.text for cell in (*first[2:], *second[2:])] == [
        *("–", "–", "21.00 ± 1.41", "0.5000 ± 0.0000"),
        *("18.00", "0.4000", "–", "–"),
    ]


def test_an_unknown_method_is_refused_with_a_similar_name():
    with pytest.raises(InputError, match=r"'isc'.*iscl"):
        row([done("iscl", [20.0], [0.5])], ["isc"])
