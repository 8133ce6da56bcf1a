from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pellucid.assessment.planted import CONTRASTS, KINDS, Planted, made_from_noise, plant
from pellucid.methods.noise_model.model import NoiseModel

from .made import specimens, white

PLACES = [(kind.name, size) for kind in KINDS for size in kind.sizes]


@pytest.fixture(scope="module")
def noisy():
    return np.stack(white(specimens(2, 192)))


@pytest.fixture
def noise():
    """White noise of standard deviation 0.2 at every intensity."""
    model = NoiseModel(64)
    model.strength.fill_(0.2)
    return model


def unchanged(images):
    return images


def nothing(images):
    return np.zeros_like(images)


def blurred(images):
    return gaussian_filter(images, (0, 3, 3))


def test_what_changes_nothing_keeps_everything(noisy):
    before = noisy.copy()
    found = plant(noisy, unchanged)
    assert set(found.kept) == {(*place, contrast) for place in PLACES for contrast in CONTRASTS}
    assert list(found.kept.values()) == pytest.approx([1.0] * len(found.kept))
    assert found.elsewhere == 0
    np.testing.assert_array_equal(noisy, before)


def test_what_removes_everything_keeps_nothing(noisy):
    found = plant(noisy, nothing)
    assert set(found.kept.values()) == {0.0}
    assert all(found.smallest_kept(kind.name, contrast) is None for kind in KINDS for contrast in CONTRASTS)


def test_a_blur_loses_small_structures_first(noisy):
    found = plant(noisy, blurred)
    for kind in ("membrane", "dot", "gap"):
        kept = [found.kept[kind, size, 0.2] for size in next(each.sizes for each in KINDS if each.name == kind)]
        assert kept == sorted(kept)
        assert kept[0] < 0.4 < kept[-1] + 0.1
    assert found.elsewhere < 0.01


def test_a_change_far_away_is_noticed(noisy):
    def brightened(images):
        return images + images.std((1, 2), keepdims=True)

    assert plant(noisy, brightened).elsewhere > 0


@pytest.mark.parametrize("shape", [(1, 64, 64), (1, 100, 70), (3, 64, 130)])
def test_small_images_get_every_kind_too(shape):
    found = plant(np.zeros(shape, np.float32), unchanged)
    assert {(kind, size) for kind, size, _ in found.kept} == set(PLACES)
    assert list(found.kept.values()) == pytest.approx([1.0] * len(found.kept))


@pytest.mark.parametrize("value", [-1, 1])
def test_structures_show_on_black_and_on_white(value):
    found = plant(np.full((1, 64, 64), value, np.float32), unchanged)
    assert min(found.kept.values()) == pytest.approx(1)


def test_the_smallest_size_that_is_kept_has_no_larger_one_that_is_lost():
    kept = {("dot", size, 0.1): share for size, share in ((2, 0.8), (4, 0.4), (8, 0.6), (16, 0.9))}
    found = Planted(kept, 0.0)
    assert found.smallest_kept("dot", 0.1) == 8
    assert found.smallest_kept("dot", 0.1, share=0.7) == 16
    assert found.smallest_kept("dot", 0.1, share=0.95) is None


def test_of_noise_alone_what_was_left_is_measured(noise):
    left = made_from_noise(noise, (1, 64, 64), lambda stacks: unchanged(stacks[:, 0]))
    assert left.left == 1
    assert left.structures > 100
    flat = made_from_noise(noise, (1, 64, 64), lambda stacks: nothing(stacks[:, 0]))
    assert (flat.left, flat.structures) == (0, 0)
    assert 0 < made_from_noise(noise, (1, 64, 64), lambda stacks: blurred(stacks[:, 0])).left < 0.2


def test_spots_that_a_denoiser_makes_are_counted(noise):
    def spotted(images):
        result = np.zeros_like(images)
        result[:, 20:24, 20:24] = 0.2
        result[:, 40, 40:50] = 0.05  # too faint
        result[:, 50, 50] = 1  # too small
        return result

    found = made_from_noise(noise, (1, 64, 64), lambda stacks: spotted(stacks[:, 0]))
    assert found.structures == pytest.approx(1e6 / 64**2)
