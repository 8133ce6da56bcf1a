from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from pellucid.errors import InputError
from pellucid.evaluation import RemovedNoise, reference_free, removed_noise
from pellucid.methods.classical.bm3d_stages import bm3d
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def noisy_tissue():
    """Tissue as it is, and with noise."""
    truth = tissue((256, 256), seed=0).astype(np.float64)
    return truth, truth + np.random.default_rng(0).normal(0, 30, truth.shape)


def test_white_noise_correlates_with_nothing():
    rng = np.random.default_rng(0)
    image = rng.uniform(50, 200, (400, 400))
    noise = rng.normal(3, 12, image.shape)
    found = removed_noise(image + noise, image)
    assert found.pixels.mean == pytest.approx(3, abs=0.3)
    assert found.deviation == pytest.approx(12, rel=0.02)
    assert abs(found.correlation) < 0.1


@pytest.mark.parametrize("times", [0.7, 1.5])
def test_a_change_of_contrast_is_told_as_what_it_is(times):
    image = np.random.default_rng(1).uniform(50, 200, (64, 64))
    found = removed_noise(image, image * times)
    assert found.contrast == pytest.approx(times)
    assert found.correlation == pytest.approx(0, abs=1e-6)
    (told,) = [finding for finding in found.warnings() if finding.check != "brightness"]
    assert told.check == "contrast"


def test_outlines_that_were_removed_correlate_whatever_becomes_of_the_brightness():
    random = np.random.default_rng(1)
    result = np.kron(random.uniform(50, 200, (16, 16)), np.ones((8, 8)))
    outlines = result - ndimage.uniform_filter(result, 24)
    assert removed_noise(result + outlines + 0.1 * result, result).correlation > 0.9
    assert removed_noise(result - outlines + 0.1 * result, result).correlation < -0.9


def test_squares_that_a_border_of_a_block_cuts_are_left_out():
    image = np.random.default_rng(1).normal(100, 20, (100, 100))
    block = removed_noise(image[5:70, 3:100], 0.5 * image[5:70, 3:100], corner=(5, 3))
    inner = removed_noise(image[32:64, 32:96], 0.5 * image[32:64, 32:96])
    assert block.cells.number == inner.cells.number == 2 * 2 * 2
    assert np.ravel(block[1:]) == pytest.approx(np.ravel(inner[1:]))
    assert removed_noise(image[1:31], image[1:31], corner=(1, 0)).correlation == 0


def test_structure_that_was_removed_shows_also_beneath_grain(noisy_tissue):
    truth, noisy = noisy_tissue
    blurred = ndimage.gaussian_filter(truth, 4) + np.random.default_rng(1).normal(0, 15, truth.shape)
    by_pixels = np.corrcoef((noisy - blurred).ravel(), blurred.ravel())[0, 1]
    found = removed_noise(noisy, blurred)
    assert by_pixels < 0
    assert found.correlation > 0.5
    assert any("structure was removed with the noise" in finding.text for finding in found.warnings())


def test_a_good_filter_leaves_structure_and_a_strong_blur_takes_it(noisy_tissue):
    _, noisy = noisy_tissue
    good = bm3d(torch.from_numpy(noisy / 255).float(), 30 / 255).numpy() * 255.0
    assert removed_noise(noisy, good).warnings() == []
    for removing in (
        ndimage.gaussian_filter(noisy, 2),
        ndimage.gaussian_filter(noisy, 4),
        ndimage.gaussian_filter(noisy, 8),
        ndimage.median_filter(noisy, 9),
        ndimage.median_filter(noisy, 15),
    ):
        assert "structure" in {finding.check for finding in removed_noise(noisy, removing).warnings()}


@pytest.mark.parametrize("kind", ["gaussian", "film", "poisson", "charge", "speckle"])
def test_noise_without_structure_is_not_taken_for_structure(kind):
    truth = tissue((256, 256), seed=1)
    noisy = simulate(truth, kind, seed=2)
    assert {finding.check for finding in removed_noise(noisy, truth).warnings()} <= {"brightness"}  # charging darkens
    blurred = ndimage.gaussian_filter(noisy.astype(float), 3)
    assert "structure" in {finding.check for finding in removed_noise(noisy, blurred).warnings()}


def test_clipped_noise_whose_mean_depends_on_the_brightness_is_not_taken_for_structure():
    truth = np.clip(1.5 * tissue((256, 256), seed=1).astype(float) - 95, 0, 255)
    noisy = np.clip(truth + np.random.default_rng(2).normal(0, 50, truth.shape), 0, 255)
    assert (noisy == 0).mean() > 0.05
    assert removed_noise(noisy, truth).cells.correlation < -0.3  # one-sided noise: brighter where it is dark
    assert removed_noise(noisy, truth).warnings() == []
    for removing in (ndimage.gaussian_filter(noisy, 2), ndimage.median_filter(noisy, 9)):
        assert [finding.check for finding in removed_noise(noisy, removing).warnings()] == ["structure"]


def test_contrast_and_grain_that_were_added_are_told_apart(noisy_tissue):
    truth, noisy = noisy_tissue
    (stronger,) = removed_noise(noisy, truth.mean() + 1.5 * (truth - truth.mean())).warnings()
    assert "contrast was increased" in stronger.text
    mottled = np.kron(np.random.default_rng(3).normal(0, 20, (32, 32)), np.ones((8, 8)))
    (added,) = removed_noise(noisy, truth.mean() + mottled).warnings()
    assert "the result shows grain or structure that the noisy image does not" in added.text


def test_unsigned_images_do_not_wrap_around():
    noisy, denoised = np.full((4, 4), 10, np.uint8), np.full((4, 4), 30, np.uint8)
    found = removed_noise(noisy, denoised)
    assert (found.pixels.mean, found.deviation, found.correlation) == (-20, 0, 0)


def test_shapes_that_differ_are_both_named():
    with pytest.raises(InputError, match=r"\(4, 5\).*\(5, 4\)"):
        removed_noise(np.zeros((4, 5)), np.zeros((5, 4)))


def test_means_and_standard_deviations_are_those_of_the_pixels():
    rng = np.random.default_rng(2)
    noisy, denoised = rng.integers(0, 4096, (2, 70, 97), np.uint16)
    found = removed_noise(noisy, denoised)
    assert found.pixels.number == noisy.size
    assert (found.noisy_mean, found.denoised_mean) == pytest.approx((noisy.mean(), denoised.mean()))
    assert (found.noisy_deviation, found.denoised_deviation) == pytest.approx((noisy.std(), denoised.std()))
    noise = noisy.astype(float) - denoised
    assert found.deviation == pytest.approx(noise.std())


def test_the_correlation_is_the_partial_one_over_cells_with_all_their_neighbours():
    rng = np.random.default_rng(2)
    noisy, denoised = rng.normal(100, 20, (2, 70, 97))
    noise, result = (image[:64, :96].reshape(8, 8, 12, 8).mean(axis=(1, 3)) for image in (noisy - denoised, denoised))
    inner = np.ix_([1, 2, 5, 6], [1, 2, 5, 6, 9, 10])
    outlines = (result - ndimage.uniform_filter(result, 3))[inner].ravel()
    removed, brightness = noise[inner].ravel(), result[inner].ravel()
    rest = [values - np.polyval(np.polyfit(brightness, values, 1), brightness) for values in (removed, outlines)]
    found = removed_noise(noisy, denoised)
    assert found.cells.number == 24
    assert found.correlation == pytest.approx(np.corrcoef(*rest)[0, 1])


@pytest.mark.parametrize("offset", [0, 2e9])
def test_blocks_in_any_order_add_up_to_the_whole(offset, monkeypatch):
    monkeypatch.setattr(reference_free, "_PIECE", 77)
    rng = np.random.default_rng(3)
    noisy, denoised = offset + rng.normal(0, [[[30]], [[20]]], (2, 100, 110)) + np.arange(110)
    places = [(slice(64, 100), slice(0, 110)), (slice(0, 64), slice(32, 110)), (slice(0, 64), slice(0, 32))]
    blocks = [removed_noise(noisy[at], denoised[at], corner=(at[0].start, at[1].start)) for at in places]
    whole = removed_noise(noisy, denoised)
    assert np.ravel(sum(blocks, RemovedNoise())) == pytest.approx(np.ravel(whole), rel=1e-6)
    assert whole.deviation == pytest.approx((noisy - denoised).std(), rel=1e-6)


def test_only_valid_pixels_count():
    rng = np.random.default_rng(4)
    noisy, denoised = rng.normal(100, 20, (2, 40, 70)).astype(np.float32)
    valid = np.ones(noisy.shape, bool)
    noisy[3, 5:9], valid[3, 5:9] = np.nan, False
    of_valid = removed_noise(noisy[valid], denoised[valid])
    assert removed_noise(noisy, denoised, valid).pixels == pytest.approx(of_valid.pixels)
    assert removed_noise(noisy, denoised, valid).cells.number == 2 * 4
    noisy[:8, :8], valid[:5, :8] = 1e9, False  # more than half of a cell, so that one has not all of its neighbours
    assert removed_noise(noisy, denoised, valid).cells.number == 2 * 4 - 1
    noisy[:8, :8], valid[:5, :8], valid[:4, :8] = 90, True, False
    found = removed_noise(noisy, denoised, valid)
    assert found.cells.number == 2 * 4
    assert abs(found.cells.mean) < 20
    assert removed_noise(noisy, denoised, np.zeros_like(valid)) == RemovedNoise()


def test_of_a_blank_image_no_brightness_is_told():
    assert str(RemovedNoise()) == "no pixels were denoised"


def test_it_reads_as_one_line():
    ramp = np.tile(np.arange(0, 256, 16.0), (2, 1))
    noise = np.array([[10.0], [-10.0]])
    assert str(removed_noise(ramp + noise, ramp)) == (
        "mean 120 -> 120, standard deviation 74.4 -> 73.8, of the removed noise 10, correlation with structure 0.00"
    )


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        (lambda image: image, []),
        (lambda image: image + 0.1 * image.std(), []),
        (lambda image: image + 0.4 * image.std(), ["the result is brighter by"]),
        (lambda image: image - 0.4 * image.std(), ["the result is darker by"]),
        (lambda image: image.mean() + 0.4 * (image - image.mean()), ["the contrast of the result is only 0.4"]),
        (lambda image: image.mean() + 1.8 * (image - image.mean()), ["contrast was increased (1.8"]),
    ],
)
def test_drift_and_changed_contrast_are_told(change, warned):
    rng = np.random.default_rng(5)
    image = 120 + 40 * np.sin(np.arange(10_000) / 10).reshape(100, 100)
    told = removed_noise(image + rng.normal(0, 20, image.shape), change(image)).warnings()
    assert len(told) == len(warned)
    assert all(finding.text.startswith(start) for finding, start in zip(told, warned, strict=True))
