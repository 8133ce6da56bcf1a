from __future__ import annotations

import numpy as np
import pytest

from pellucid.benchmark.ranking import rank, ranking_layouts
from pellucid.errors import InputError

from .made import done


def test_the_chance_is_how_often_further_runs_have_the_other_order():
    random = np.random.default_rng(1)
    turned, said = [], []
    for _ in range(4000):
        means = random.uniform(-6, 6, 2)
        first, second = (centre + random.normal(0, 1, 4) for centre in means)
        leader, _ = rank({"a": {0: first[:3].tolist()}, "b": {0: second[:3].tolist()}})
        said.append(leader.chance)
        further = (first[3] - second[3]) * (1 if leader.method == "a" else -1)
        turned.append(further < 0)
    assert np.mean(turned) == pytest.approx(np.mean(said), abs=0.015)


def test_methods_are_ordered_by_their_mean_over_the_folds_that_all_have_done():
    found = rank({"a": {0: [20.0], 1: [90.0]}, "b": {0: [21.0, 23.0]}, "c": {0: [21.0]}})
    assert [(each.method, each.runs, each.score) for each in found] == [("b", 2, 22.0), ("c", 1, 21.0), ("a", 1, 20.0)]
    assert [each.ahead for each in found] == [1.0, 1.0, None]
    assert 0 < found[0].chance < 0.5
    assert found[-1].chance is None


def test_without_two_seeds_nothing_is_said_of_chances():
    assert [each.chance for each in rank({"a": {0: [20.0]}, "b": {0: [21.0]}})] == [None, None]


def test_seeds_that_agree_exactly_are_not_turned():
    assert rank({"a": {0: [20.0, 20.0]}, "b": {0: [21.0, 21.0]}})[0].chance == 0


def test_methods_without_a_common_fold_are_refused():
    with pytest.raises(InputError, match="no fold in common"):
        rank({"a": {0: [20.0]}, "b": {1: [21.0]}})


def test_each_dataset_has_a_table_for_psnr_and_one_for_ssim_without_filters():
    results = [done("iscl", [20.0 + seed], [0.9], seed=seed) for seed in (0, 1)]
    results += [done("proposed", [22.0], [0.8]), done("noisy", [30.0], [0.99])]
    by_psnr, by_ssim = ranking_layouts(results)
    assert [[cell.text for cell in row][1:4] for row in by_psnr.sections[0].rows] == [
        ["proposed", "1", "22.00"],
        ["iscl", "2", "20.50"],
    ]
    assert [row[1].text for row in by_ssim.sections[0].rows] == ["iscl", "proposed"]


def test_one_trained_method_is_refused():
    with pytest.raises(InputError, match="two trained methods"):
        ranking_layouts([done("iscl", [20.0]), done("noisy", [18.0])])
