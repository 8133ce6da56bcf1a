from __future__ import annotations

import numpy as np
import pytest

from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.assessment.quality import HIGHEST, quality, quality_of_noisy
from pellucid.evaluation import psnr, ssim

from .made import white_pairs


def levels(image):
    return (image.astype(np.float64) + 1) * 127.5


def test_the_numbers_are_those_of_images_from_0_to_255():
    pairs = white_pairs(3, 64)
    found = quality_of_noisy(pairs)
    couples = [(levels(noisy), levels(truth)) for noisy, truth in zip(pairs.noisy, pairs.truth, strict=True)]
    assert found.psnrs == pytest.approx([psnr(*couple, 255) for couple in couples], abs=1e-4)
    assert found.ssims == pytest.approx([ssim(*couple, 255) for couple in couples], abs=1e-5)
    assert found.psnr.mean == pytest.approx(found.psnrs.mean())
    assert found.psnr.low < found.psnr.mean < found.psnr.high
    assert found.ssim.low < found.ssim.mean < found.ssim.high


def test_results_are_clipped_as_in_a_file():
    pairs = Pairs(np.zeros((1, 1, 16, 16), np.float32), np.ones((1, 16, 16), np.float32))
    assert quality("beyond", 3 * pairs.truth, pairs).psnrs == [HIGHEST]


def test_the_gain_is_that_of_each_pair():
    pairs = white_pairs(4, 64)
    noisy, better = quality_of_noisy(pairs), quality("better", (pairs.noisy + 9 * pairs.truth) / 10, pairs)
    gain = better.gain_over(noisy)
    assert gain.mean == pytest.approx(20, abs=0.01)
    assert gain.high - gain.low < 0.01 < noisy.psnr.high - noisy.psnr.low  # places differ, and their gains do not


def test_a_perfect_result_has_finite_means():
    pairs = white_pairs(2, 64)
    perfect = quality("perfect", pairs.truth, pairs)
    assert perfect.psnr == (HIGHEST, HIGHEST, HIGHEST)
    assert perfect.ssim.mean == pytest.approx(1)
    assert np.isfinite(perfect.gain_over(quality_of_noisy(pairs))).all()
