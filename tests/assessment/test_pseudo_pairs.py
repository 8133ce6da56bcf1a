from __future__ import annotations

import numpy as np
import pytest

from pellucid.assessment import pseudo_pairs
from pellucid.assessment.pseudo_pairs import cut_pairs, make_pseudo_pairs, read_crops
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.evaluation import psnr

from .made import grain, specimens, white


@pytest.fixture(autouse=True)
def _few_patches(monkeypatch):
    monkeypatch.setattr(pseudo_pairs, "MEASURED", 8)


def mean_psnr(noisy, truth):
    return np.mean([psnr(one, other, 2) for one, other in zip(noisy, truth, strict=True)])


def coarse_share(noise):
    """The share of the power below 0.15 cycles per pixel, without the mean."""
    power = (np.abs(np.fft.fft2(noise - np.mean(noise, (1, 2), keepdims=True))) ** 2).mean(0)
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size) for size in power.shape)))
    return power[radius < 0.15].sum() / power.sum()


@pytest.mark.parametrize("noise", [white, grain])
def test_noise_of_known_strength_and_spectrum_is_reproduced(noise):
    truth = specimens(6, seed=50)
    noisy = noise(truth)
    pairs = make_pseudo_pairs(noisy, specimens(6), count=8)
    assert pairs.noisy.shape == pairs.truth.shape == (8, 128, 128)
    assert pairs.noisy.dtype == pairs.truth.dtype == np.float32
    assert mean_psnr(pairs.noisy, pairs.truth) == pytest.approx(mean_psnr(noisy, truth), abs=0.6)
    true = coarse_share(np.stack(noisy) - np.stack(truth))
    assert coarse_share(pairs.noisy - pairs.truth) == pytest.approx(true, rel=0.25)


def with_black_material(truth):
    """Tissue of which some is black, as a cuticle is."""
    dark = np.array(truth)
    dark[:2, 40:70, 30:] = 0.05 * (dark[:2, 40:70, 30:] + 1) - 1
    return list(dark)


def test_black_material_with_clipped_noise_is_not_taken_for_shade():
    noisy = white(with_black_material(specimens(6, seed=50)))
    assert np.mean(np.array(noisy) <= -1) > 0.02
    pairs = make_pseudo_pairs(noisy, specimens(6), count=4, largest=64)
    assert not pairs.noise.shading.found
    assert (pairs.noisy - pairs.truth).mean() == pytest.approx(0, abs=0.01)


def test_noise_is_clipped_where_the_real_noise_is():
    truth = [np.clip(image - 0.3, -1, 1) for image in specimens(6, seed=50)]
    noisy = [np.clip(image, -0.9, 1) * (2 / 1.9) + (1 - 2 / 1.9) for image in white(truth)]  # the file's black is −1
    share = np.mean(np.array(noisy) <= -1)
    pairs = make_pseudo_pairs(noisy, [np.clip(image - 0.3, -1, 1) for image in specimens(6)], 8, largest=64)
    assert share > 0.02
    assert (pairs.noisy <= -1).mean() == pytest.approx(share, rel=0.5)


def test_everything_is_in_range_and_the_seed_decides(monkeypatch):
    monkeypatch.setattr(pseudo_pairs, "MEASURED", 1)
    noisy, clean = white(specimens(2, seed=50)), specimens(2)
    one, same, other = (make_pseudo_pairs(noisy, clean, count=5, seed=seed, largest=64) for seed in (3, 3, 4))
    for images in (one.noisy, one.truth, other.noisy):
        assert len(images) == 5
        assert np.abs(images).max() <= 1
    np.testing.assert_array_equal(one.noisy, same.noisy)
    np.testing.assert_array_equal(one.truth, same.truth)
    assert not np.array_equal(one.noisy, other.noisy)


def test_images_without_noise_have_pairs_almost_without_noise():
    clean = specimens(4)
    pairs = make_pseudo_pairs(clean, clean, count=4, largest=64)
    assert np.isfinite(pairs.noisy).all()
    assert mean_psnr(pairs.noisy, pairs.truth) > 35


@pytest.mark.parametrize(("noisy", "clean", "kind"), [(60, 128, "noisy"), (128, 60, "clean")])
def test_images_that_are_too_small_are_refused(noisy, clean, kind):
    with pytest.raises(InputError, match=f"the {kind} images are smaller than 64×64 pixels.*: give larger ones"):
        make_pseudo_pairs(specimens(1, noisy), specimens(1, clean))


def test_the_side_is_what_fits_into_some_image_of_either_kind():
    pairs = make_pseudo_pairs(white(specimens(1, 64, 50)) + white(specimens(1, 127, 60)), specimens(2, 100), 2)
    assert pairs.truth.shape == (2, 96, 96)
    assert pairs.some(1, 32).noisy.shape == (1, 32, 32)


def test_cut_pairs_are_of_the_same_places():
    truth = specimens(3, 100)
    pairs = cut_pairs([1 - 2 * image for image in truth], truth, count=6, seed=1, side=128)
    assert pairs.truth.shape == (6, 96, 96)
    np.testing.assert_array_equal(pairs.noisy, 1 - 2 * pairs.truth)
    assert len({image.tobytes() for image in pairs.truth}) > 1


def test_crops_are_finite_and_in_range_whatever_the_pixels_are():
    image = np.pad(60000 * (specimens(1, 128)[0] + 1), ((0, 64), (0, 0)), constant_values=np.nan)
    image[5, 5] = np.inf
    crops = read_crops(open_source(image).planes, IntensityRange.from_limits(40000, 90000))
    assert [crop.shape for crop in crops] == [(128, 128)]
    assert np.isfinite(crops[0]).all()
    assert (crops[0].min(), crops[0].max()) == (-1, 1)
    assert crops[0].dtype == np.float32


def test_without_a_place_for_a_crop_one_line_says_what_is_needed():
    planes = open_source([np.ones((40, 300), np.uint8), np.ones((300, 40), np.uint8)]).planes
    with pytest.raises(InputError, match=r"array 0 and 1 more: no area of 64×64 pixels .*: give larger images"):
        read_crops(planes, IntensityRange.from_limits(0, 255))
