from __future__ import annotations

import math
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.benchmark.layout import lay_out, lay_out_all
from pellucid.benchmark.paper import TABLE_2, noise_of, reported
from pellucid.benchmark.table import Mark, MeanDeviation, mark, tables
from pellucid.errors import InputError

from .made import done, failed

VALUES = st.lists(st.floats(-50, 50), min_size=1, max_size=8)


def only(results):
    (table,) = tables(results)
    return table


def row_of(table, method):
    (found,) = [row for row in table.rows if row.method == method]
    return found


def scores_of(results, method, dataset="cells-charge"):
    return row_of(only(results), method).scores[dataset]


def test_a_value_is_the_mean_over_folds_and_seeds_of_the_mean_over_images():
    results = [done("iscl", [20.0, 22.0]), done("iscl", [25.0, 27.0], fold=1), done("iscl", [24.0, 24.0], seed=1)]
    value = scores_of(results, "iscl").values["psnr"]
    assert value.mean == pytest.approx((21 + 26 + 24) / 3)
    assert value.deviation == pytest.approx(stdev([21, 26, 24]))


def test_one_training_has_no_value():
    assert scores_of([done("iscl", [20.0, 30.0])], "iscl").values["psnr"] == MeanDeviation(25.0, None)


def test_an_exact_image_makes_the_mean_infinite_and_the_value_unknown():
    assert MeanDeviation.of([math.inf, 20.0]) == MeanDeviation(math.inf, None)


def test_groups_stand_in_order_and_the_proposal_last_of_its_group():
    methods = ["proposed", "bm3d", "noisy", "noise2void", "iscl", "cyclegan", "dncnn", "adn"]
    table = only([done(method, 20.0) for method in methods])
    assert {group: [row.method for row in rows] for group, rows in table.groups.items()} == {
        "paired supervision": ["dncnn"],
        "unpaired supervision": ["cyclegan", "adn", "iscl", "proposed"],
        "noisy images only": ["noise2void"],
        "nothing learned": ["noisy", "bm3d"],
    }
    assert next(iter(table.groups)) == "paired supervision"


def test_best_and_second_are_marked_among_the_unpaired_alone():
    results = [done("dncnn", 30.0), done("redcnn", 29.0), done("noisy", 28.0), done("bm3d", 29.5)]
    results += [done("iscl", 25.0, 0.9), done("proposed", 26.0, 0.8), done("adn", 24.0, 0.85)]
    table = only(results)
    marks = {row.method: row.scores["cells-charge"].marks for row in table.rows}
    assert marks["proposed"] == {"psnr": Mark.BEST, "ssim": Mark.NONE}
    assert marks["iscl"] == {"psnr": Mark.SECOND, "ssim": Mark.BEST}
    assert marks["adn"] == {"psnr": Mark.NONE, "ssim": Mark.SECOND}
    assert marks["dncnn"]["psnr"] is Mark.BEST
    assert marks["redcnn"]["psnr"] is Mark.NONE  # the paper marks no second best there
    assert marks["noisy"] == marks["bm3d"] == {}


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        (("noisy", "bm3d"), None),
        (("iscl",), None),
        (("dncnn", "redcnn"), "the best of a group"),
        (("iscl", "proposed"), "the best and the second best of a group"),
    ],
)
def test_marks_are_spoken_of_only_where_there_are_any(methods, told):
    (table,) = tables([done(method, 20.0 + place) for place, method in enumerate(methods)])
    notes = " ".join(lay_out(table, "t").notes)
    assert "arked" in notes if told else "arked" not in notes
    assert told is None or f"Marked: {told}" in notes


def test_who_has_not_finished_every_unit_is_not_marked():
    results = [done("iscl", 20.0, fold=fold) for fold in range(2)] + [done("adn", 21.0, fold=fold) for fold in range(2)]
    results += [done("proposed", 40.0), failed("proposed", fold=1)]
    assert scores_of(results, "proposed").marks == {}
    assert scores_of(results, "proposed").failed == 1
    assert scores_of(results, "adn").marks["psnr"] is Mark.BEST
    assert scores_of(results, "iscl").marks["psnr"] is Mark.SECOND


def test_a_group_of_one_has_no_best():
    assert scores_of([done("iscl", 20.0), done("dncnn", 30.0)], "iscl").marks == {}


def test_budgets_and_folds_that_differ_are_tables_of_their_own():
    places = [("published", "paper"), ("published", "quick steps=5"), ("blocks", "paper")]
    results = [done("iscl", float(n), scheme=scheme, budget=budget) for n, (scheme, budget) in enumerate(places)]
    found = {
        (table.scheme, table.budget): table.rows[0].scores["cells-charge"].values["psnr"].mean
        for table in tables(results)
    }
    assert found == {place: float(n) for n, place in enumerate(places)}


def test_many_datasets_are_tables_of_their_own_and_a_few_are_not():
    names = ("cells-charge", "cells-film", "cells-line")
    assert [table.datasets for table in tables([done("iscl", 20.0, dataset=name) for name in names[:2]])] == [names[:2]]
    apart = tables([done("iscl", 20.0, dataset=name) for name in names])
    assert [table.datasets for table in apart] == [(name,) for name in names]
    layouts = lay_out_all(apart, "t")
    assert [layout.title for layout in layouts] == [
        f"t, published folds, budget quick steps=200: {name}" for name in names
    ]
    assert [any("offset" in note for note in layout.notes) for layout in layouts] == [False, False, True]
    assert layouts[0].columns[2].name == "PSNR (dB)"
    assert layouts[0].columns[2].over == ""


def test_a_case_without_truth_has_no_column():
    real = done("iscl", 20.0, dataset="sem").model_copy(update={"scores": ()})
    assert only([real, done("iscl", 20.0)]).datasets == ("cells-charge",)


def test_a_case_where_all_failed_keeps_its_column():
    assert only([failed("iscl", dataset="cells-film"), done("iscl", 20.0)]).datasets == ("cells-charge", "cells-film")


def test_exposure_is_the_range_over_units():
    slow = done("iscl", 20.0, fold=1).model_copy(update={"steps": 150, "training_seconds": 60.0})
    row = row_of(only([done("iscl", 20.0), slow]), "iscl")
    assert row.steps == (150, 200)
    assert row.seconds == (31.5, 60.0)


def test_no_results_is_told():
    with pytest.raises(InputError, match="no results yet: run `pellucid benchmark`"):
        tables([])


def test_the_paper_s_figures_belong_to_their_noise():
    assert reported("proposed", "sem_drosophila-film") == (27.86, 0.8992)
    assert reported("proposed", "tem-charge") == (27.11, 0.9076)
    assert reported("proposed", "phantom-gaussian") is None
    assert reported("bm3d", "tem-charge") is None
    assert noise_of("phantom-poisson") is None


def test_the_paper_s_differences_come_out_as_its_text_says():
    proposed, iscl, cagan = (TABLE_2[recipe].film for recipe in ("proposed", "iscl", "cagan"))
    assert proposed.psnr - iscl.psnr == pytest.approx(0.80)
    assert cagan.psnr - proposed.psnr == pytest.approx(0.17)
    assert cagan.ssim - proposed.ssim == pytest.approx(0.0028)


@given(VALUES)
def test_the_greatest_value_is_best_and_nothing_that_prints_less_is(values):
    marks = [mark(value, values, 2, (Mark.BEST, Mark.SECOND)) for value in values]
    printed = [round(value, 2) for value in values]
    for value, given_mark in zip(printed, marks, strict=True):
        above = len({other for other in printed if other > value})
        assert given_mark is {0: Mark.BEST, 1: Mark.SECOND}.get(above, Mark.NONE)


@given(VALUES, st.randoms())
def test_marks_do_not_depend_on_the_order(values, random):
    shuffled = random.sample(values, len(values))
    for value in values:
        assert mark(value, values, 4, (Mark.BEST,)) is mark(value, shuffled, 4, (Mark.BEST,))
