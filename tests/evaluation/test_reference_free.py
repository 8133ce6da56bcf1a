from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.evaluation import RemovedNoise, reference_free, removed_noise


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


def test_brightness_and_contrast_before_and_after_are_mean_and_standard_deviation():
    rng = np.random.default_rng(2)
    noisy, denoised = rng.integers(0, 4096, (2, 30, 50), np.uint16)
    found = removed_noise(noisy, denoised)
    assert found.pixels == noisy.size
    assert (found.noisy_mean, found.denoised_mean) == pytest.approx((noisy.mean(), denoised.mean()))
    assert (found.noisy_contrast, found.denoised_contrast) == pytest.approx((noisy.std(), denoised.std()))
    noise = noisy.astype(float) - denoised
    assert found.deviation == pytest.approx(noise.std())
    assert found.correlation == pytest.approx(np.corrcoef(noise.ravel(), denoised.ravel())[0, 1])


@pytest.mark.parametrize("offset", [0, 2e9])
def test_blocks_in_any_order_add_up_to_the_whole(offset, monkeypatch):
    monkeypatch.setattr(reference_free, "_PIECE", 77)
    rng = np.random.default_rng(3)
    noisy, denoised = offset + rng.normal(0, [[[30]], [[20]]], (2, 40, 50)) + np.arange(50)
    blocks = [removed_noise(noisy[rows], denoised[rows]) for rows in (slice(31, 40), slice(0, 2), slice(2, 31))]
    whole = removed_noise(noisy, denoised)
    assert sum(blocks, RemovedNoise()) == pytest.approx(whole, rel=1e-6)
    assert whole.deviation == pytest.approx((noisy - denoised).std(), rel=1e-6)


def test_only_valid_pixels_count():
    rng = np.random.default_rng(4)
    noisy, denoised = rng.normal(100, 20, (2, 30, 40)).astype(np.float32)
    valid = np.ones(noisy.shape, bool)
    noisy[3, 5:9], valid[3, 5:9] = np.nan, False
    assert removed_noise(noisy, denoised, valid) == pytest.approx(removed_noise(noisy[valid], denoised[valid]))
    assert removed_noise(noisy, denoised, np.zeros_like(valid)) == RemovedNoise()


def test_of_a_blank_image_no_brightness_is_told():
    assert str(RemovedNoise()) == "no pixels were denoised"


def test_it_reads_as_one_line():
    ramp = np.tile(np.arange(0, 256, 16.0), (2, 1))
    noise = np.array([[10.0], [-10.0]])
    assert str(removed_noise(ramp + noise, ramp)) == (
        "mean 120 -> 120, contrast 74.4 -> 73.8, removed noise σ 10, correlation with structure 0.00"
    )


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        (lambda image: image, []),
        (lambda image: image + 0.1 * image.std(), []),
        (lambda image: image + 0.4 * image.std(), ["the result is brighter by"]),
        (lambda image: image - 0.4 * image.std(), ["the result is darker by"]),
        (lambda image: image.mean() + 0.4 * (image - image.mean()), ["what was removed resembles the result"]),
        (lambda image: image.mean() + 1.8 * (image - image.mean()), ["what was removed resembles the result"]),
    ],
)
def test_drift_and_removed_structure_are_told(change, warned):
    rng = np.random.default_rng(5)
    image = 120 + 40 * np.sin(np.arange(10_000) / 10).reshape(100, 100)
    told = removed_noise(image + rng.normal(0, 20, image.shape), change(image)).warnings()
    assert len(told) == len(warned)
    assert all(line.startswith(start) for line, start in zip(told, warned, strict=True))
