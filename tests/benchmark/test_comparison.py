from __future__ import annotations

import math

import numpy as np
import pytest

from pellucid.benchmark.comparison import compare, comparison_layout, mean_difference
from pellucid.errors import InputError

from .made import done


def test_the_interval_is_that_of_the_normal_distribution_for_many_images():
    values = np.random.default_rng(3).normal(0.5, 2.0, 400)
    found = mean_difference(values.tolist())
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.01)
    assert found.high == pytest.approx(values.mean() + half, abs=0.01)


def test_it_is_the_same_every_time():
    values = np.random.default_rng(0).normal(size=50).tolist()
    assert mean_difference(values) == mean_difference(values)


def test_one_image_has_no_interval():
    assert mean_difference([0.25]) == (found := mean_difference([0.25]))
    assert (found.mean, found.low, found.high) == (0.25, None, None)


def test_a_method_does_not_differ_from_itself():
    results = [done("iscl", [20.0, 31.0, math.inf], [0.3, 0.9, 1.0], fold=fold) for fold in range(3)]
    (found,) = compare(results, "iscl", "iscl")
    for difference in (found.psnr, found.ssim):
        assert (difference.mean, difference.low, difference.high) == (0, 0, 0)


def test_images_meet_by_dataset_fold_seed_and_name():
    first = [done("proposed", [21.0, 25.0], [0.5, 0.6]), done("proposed", [30.0, 30.0], fold=1)]
    second = [
        done("iscl", [20.0, 22.0], [0.4, 0.4]),
        done("iscl", [10.0, 10.0], fold=2),
        done("iscl", [1.0], dataset="b"),
    ]
    (found,) = compare(first + second, "proposed", "iscl")
    assert (found.dataset, found.images, found.runs) == ("cells-charge", 2, 1)
    assert found.psnr.mean == pytest.approx(2.0)
    assert found.ssim.mean == pytest.approx(0.15)
    (swapped,) = compare(first + second, "iscl", "proposed")
    assert swapped.psnr.mean == -found.psnr.mean
    assert swapped.psnr.low == pytest.approx(-found.psnr.high)


def test_an_image_counts_once_however_many_seeds_there_are():
    results = [done("proposed", [22.0, 24.0], seed=0), done("proposed", [24.0, 24.0], seed=1)]
    results += [done("iscl", [20.0, 24.0], seed=seed) for seed in range(2)]
    (found,) = compare(results, "proposed", "iscl")
    assert (found.images, found.runs) == (2, 2)
    assert found.psnr.mean == pytest.approx((3.0 + 0.0) / 2)
    assert found.psnr.high == pytest.approx(4.0)  # the first image of the second seed, drawn each time


def test_the_interval_is_over_seeds_too():
    """Images differ little and seeds much: with three of these the interval is as wide as they are apart."""
    images = np.random.default_rng(0).normal(0, 0.01, 30)
    table = np.array([[-1.0], [0.0], [1.0]]) + images
    found, one = mean_difference(table), mean_difference(table[1])
    assert one.high - one.low < 0.02
    assert (found.low, found.high) == (pytest.approx(-1, abs=0.02), pytest.approx(1, abs=0.02))


def test_it_is_that_of_crossed_effects():
    """Variance of the mean: that of seeds over their number, that of images over theirs, as drawn with replacement."""
    random = np.random.default_rng(2)
    table = random.normal(0, 1, (12, 1)) + random.normal(0, 2, 40)
    found = mean_difference(table)
    variance = table.mean(1).var() / 12 + table.mean(0).var() / 40
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(variance**0.5, rel=0.1)


def test_one_image_of_several_seeds_and_missing_ones():
    assert mean_difference([[1.0], [2.0]]).low == pytest.approx(1.0)
    found = mean_difference([[1.0, 3.0, math.nan], [2.0, math.nan, math.nan], [2.0, 2.0, 2.0]])
    assert found.mean == pytest.approx(2.0)
    assert found.low < 2 < found.high


def test_a_filter_meets_every_seed():
    results = [done("proposed", [22.0, 24.0], seed=seed) for seed in range(3)] + [done("bm3d", [20.0, 21.0])]
    (found,) = compare(results, "proposed", "bm3d")
    assert (found.images, found.runs, found.seeds) == (2, 3, 3)
    assert found.psnr.mean == pytest.approx(2.5)
    (swapped,) = compare(results, "bm3d", "proposed")
    assert (swapped.seeds, swapped.psnr.mean) == (3, -found.psnr.mean)
    learned = [done("proposed", 22.0, seed=0), done("iscl", 20.0, seed=1)]
    with pytest.raises(InputError, match="no image in common"):
        compare(learned, "proposed", "iscl")


def test_what_cannot_be_compared_is_told():
    results = [done("proposed", 20.0), done("iscl", 20.0, fold=1)]
    with pytest.raises(InputError, match="proposed and iscl have no image in common"):
        compare(results, "proposed", "iscl")
    with pytest.raises(InputError, match="no scores of 'propsed': did you mean 'proposed'"):
        compare(results, "propsed", "iscl")
    with pytest.raises(InputError, match="no run with a known truth is finished yet"):
        compare([], "proposed", "iscl")


def test_its_table_says_signs_intervals_and_numbers():
    results = [done("proposed", [21.0, 22.0], [0.5, 0.6]), done("iscl", [22.0, 24.0], [0.4, 0.5])]
    layout = comparison_layout("proposed", "iscl", compare(results, "proposed", "iscl"))
    (row,) = layout.sections[0].rows
    assert [cell.text for cell in row] == [
        "cells-charge", "2", "1", "1", "−1.50", "−2.00 to −1.00", "+0.1000", "+0.1000 to +0.1000",
    ]  # fmt: skip
    assert layout.records[0]["psnr_low"] == pytest.approx(-2.0)
