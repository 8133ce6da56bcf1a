from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.evaluation import removed_noise


def test_white_noise_correlates_with_nothing():
    rng = np.random.default_rng(0)
    image = rng.uniform(50, 200, (200, 200))
    noise = rng.normal(3, 12, image.shape)
    found = removed_noise(image + noise, image)
    assert found.mean == pytest.approx(3, abs=0.3)
    assert found.deviation == pytest.approx(12, rel=0.02)
    assert abs(found.correlation) < 0.02


def test_removed_structure_correlates_fully():
    image = np.random.default_rng(1).uniform(50, 200, (40, 40))
    assert removed_noise(image * 1.2, image).correlation == pytest.approx(1)
    assert removed_noise(image * 0.8, image).correlation == pytest.approx(-1)


def test_unsigned_images_do_not_wrap_around():
    noisy, denoised = np.full((4, 4), 10, np.uint8), np.full((4, 4), 30, np.uint8)
    found = removed_noise(noisy, denoised)
    assert (found.mean, found.deviation, found.correlation) == (-20, 0, 0)


def test_shapes_that_differ_are_both_named():
    with pytest.raises(InputError, match=r"\(4, 5\).*\(5, 4\)"):
        removed_noise(np.zeros((4, 5)), np.zeros((5, 4)))
