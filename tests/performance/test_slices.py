from __future__ import annotations

import numpy as np
import pytest
import slices


def test_learned_and_tested_slices_are_apart_and_clean_ones_unpaired():
    planes = np.arange(30, dtype=np.uint8)[:, None, None]
    volume = slices.Volume(planes + 100, planes)
    pairs = slices.sources(volume, "student")
    np.testing.assert_array_equal(pairs["noisy"], pairs["pairs"] + 100)
    assert pairs["pairs"].ravel().tolist() == list(range(20))
    unpaired = slices.sources(volume, "noise-transfer")
    assert unpaired["clean"].ravel().tolist() == list(range(10))
    assert unpaired["noisy"].ravel().tolist() == list(range(110, 120))


def test_flicker_is_the_change_of_the_error():
    truth = np.random.default_rng(0).uniform(50, 200, (5, 32, 32))
    steady = slices.quality(truth + 3, truth)
    assert (steady["flicker"], steady["flicker of the mean"]) == pytest.approx((0, 0))
    jumps = slices.quality(truth + np.array([0, 4, 0, 4, 0])[:, None, None], truth)
    assert (jumps["flicker"], jumps["flicker of the mean"]) == pytest.approx((4, 4))
