from __future__ import annotations

import math

import numpy as np
import pytest

from pellucid.evaluation.interval import mean_with_interval


def test_the_interval_is_that_of_the_normal_distribution_for_many_images():
    values = np.random.default_rng(3).normal(0.5, 2.0, 400)
    found = mean_with_interval(values.tolist())
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.01)
    assert found.high == pytest.approx(values.mean() + half, abs=0.01)


def test_it_is_the_same_every_time():
    values = np.random.default_rng(0).normal(size=50).tolist()
    assert mean_with_interval(values) == mean_with_interval(values)


def test_one_image_has_no_interval():
    assert mean_with_interval([0.25]) == (found := mean_with_interval([0.25]))
    assert (found.mean, found.low, found.high) == (0.25, None, None)


def test_the_interval_is_over_seeds_too():
    """Images differ little and seeds much: with three of these the interval is as wide as they are apart."""
    images = np.random.default_rng(0).normal(0, 0.01, 30)
    table = np.array([[-1.0], [0.0], [1.0]]) + images
    found, one = mean_with_interval(table), mean_with_interval(table[1])
    assert one.high - one.low < 0.02
    assert (found.low, found.high) == (pytest.approx(-1, abs=0.02), pytest.approx(1, abs=0.02))


def test_it_is_that_of_crossed_effects():
    """Variance of the mean: that of seeds over their number, that of images over theirs, as drawn with replacement."""
    random = np.random.default_rng(2)
    table = random.normal(0, 1, (12, 1)) + random.normal(0, 2, 40)
    found = mean_with_interval(table)
    variance = table.mean(1).var() / 12 + table.mean(0).var() / 40
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(variance**0.5, rel=0.1)


def test_one_image_of_several_seeds_and_missing_ones():
    assert mean_with_interval([[1.0], [2.0]]).low == pytest.approx(1.0)
    found = mean_with_interval([[1.0, 3.0, math.nan], [2.0, math.nan, math.nan], [2.0, 2.0, 2.0]])
    assert found.mean == pytest.approx(2.0)
    assert found.low < 2 < found.high
