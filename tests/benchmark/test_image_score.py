from __future__ import annotations

import numpy as np
import pytest

from pellucid.benchmark.image_score import score_image
from pellucid.evaluation import psnr, ssim
from pellucid.simulation.phantom import tissue

TRUTH = tissue((160, 160), 3)
GRAIN = np.random.default_rng(0).normal(0, 12, TRUTH.shape)


def test_an_exact_result_keeps_everything():
    score = score_image("a.tif", TRUTH, TRUTH)
    assert (score.name, score.ssim, score.offset, score.contrast, score.flat) == ("a", 1.0, 0.0, pytest.approx(1), 1.0)
    assert score.psnr == float("inf")


def test_brightness_and_contrast_are_told_apart():
    made = 100 + 0.8 * (TRUTH - TRUTH.mean())
    score = score_image("a.tif", made, TRUTH)
    assert score.offset == pytest.approx(100 - TRUTH.mean())
    assert score.contrast == pytest.approx(0.8)
    assert (score.psnr, score.ssim) == (psnr(made, TRUTH, 255), ssim(made, TRUTH, 255))


def test_grain_shows_where_the_truth_is_flat_and_not_as_contrast():
    score = score_image("a.tif", TRUTH + GRAIN, TRUTH)
    assert score.contrast == pytest.approx(1, abs=0.03)
    assert score.flat > 1.4
    smooth = np.full(TRUTH.shape, 128.0)
    assert score_image("a.tif", smooth, TRUTH).flat < 0.5
    assert score_image("a.tif", smooth, TRUTH).contrast == pytest.approx(0, abs=1e-12)


def test_flat_places_are_those_of_the_truth():
    """A hundred squares, ten of them constant: what is made up in one of these counts, and elsewhere it does not."""
    truth = np.tile(np.random.default_rng(1).integers(0, 256, (16, 16)), (10, 10)).astype(float)
    truth[:16] = 90.0
    made = truth.copy()
    made[16:] *= 0.5
    assert score_image("a.tif", made, truth).flat == 1.0
    made[:16, :16] += np.tile([-3.0, 3.0], (16, 8))
    assert score_image("a.tif", made, truth).flat == pytest.approx(((0.9 + 1 / 12) * 12) ** 0.5)


def test_a_constant_truth_has_scores():
    flat = np.full((20, 20), 7.0)
    score = score_image("a.tif", flat + 1, flat)
    assert (score.offset, score.contrast, score.flat) == (1.0, 1.0, 1.0)
