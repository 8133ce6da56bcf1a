from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pellucid.assessment.removed import LEVELS, RINGS, correlation, what_was_removed

from .made import specimens


@pytest.fixture(scope="module")
def clean():
    return np.stack(specimens(2, 256))


def noise(shape, deviation, seed=0):
    return np.random.default_rng(seed).normal(0, deviation, shape).astype(np.float32)


def test_white_noise_has_its_mean_its_strength_everywhere_and_a_flat_spectrum(clean):
    found = what_was_removed(clean + 0.05 + noise(clean.shape, 0.1), clean)
    assert found.mean == pytest.approx(0.05, abs=0.002)
    assert found.deviation == pytest.approx(0.1, rel=0.02)
    assert found.spectrum.shape == (RINGS,)
    assert found.spectrum.mean() == pytest.approx(0.01, rel=0.05)
    assert found.spectrum[2:] == pytest.approx(0.01, rel=0.2)
    known = found.strength[np.isfinite(found.strength)]
    assert len(known) > LEVELS / 2
    assert known == pytest.approx(0.1, rel=0.1)
    assert abs(found.with_edges) < 0.1
    assert abs(found.with_image) < 0.1


def test_strength_follows_intensity(clean):
    found = what_was_removed(clean + noise(clean.shape, 1) * (0.1 + 0.05 * clean), clean)
    expected = 0.1 + 0.05 * ((np.arange(LEVELS) + 0.5) * 2 / LEVELS - 1)
    known = np.isfinite(found.strength)
    assert found.strength[known] == pytest.approx(expected[known], rel=0.15)


def test_intensities_that_hardly_occur_have_no_strength(clean):
    found = what_was_removed(np.zeros((1, 64, 64), np.float32), np.full((1, 64, 64), -1, np.float32))
    assert np.isfinite(found.strength).tolist() == [True] + (LEVELS - 1) * [False]


def test_edges_that_are_removed_are_found(clean):
    smooth = gaussian_filter(clean, (0, 3, 3))
    found = what_was_removed(clean, smooth)
    alone = what_was_removed(smooth + noise(clean.shape, found.deviation), smooth)
    assert found.with_edges > 0.5 > alone.with_edges + 0.4


def test_what_resembles_the_image_is_found(clean):
    assert what_was_removed(1.3 * clean, clean).with_image > 0.95
    assert what_was_removed(0.7 * clean, clean).with_image < -0.95


@pytest.mark.parametrize("value", [0.0, 0.1, -0.3])
def test_what_is_constant_correlates_with_nothing(value):
    other = np.random.default_rng(0).normal(size=1000)
    assert correlation(np.full(1000, value), other) == correlation(other, np.full(1000, value)) == 0
    assert correlation(other, value + 2 * other) == pytest.approx(1)
    constant = np.full((1, 64, 64), value, np.float32)
    found = what_was_removed(constant, constant)
    assert (found.mean, found.deviation, found.with_edges, found.with_image) == (0, 0, 0, 0)
