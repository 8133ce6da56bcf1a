from __future__ import annotations

import math

import pytest

from pellucid.benchmark.comparison import compare, comparison_layout
from pellucid.errors import InputError

from .made import done


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
