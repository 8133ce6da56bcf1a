from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pellucid.errors import InputError
from pellucid.evaluation import psnr, ssim, ssim_map

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "float64")


def draw_pair(shape: tuple[int, ...], dtype: str, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """A random reference, the same with noise, and the range of the dtype (17.5 for floats)."""
    rng = np.random.default_rng(seed)
    if dtype == "float64":
        reference = rng.uniform(-4, 13.5, shape)
        return reference + rng.normal(0, 2, shape), reference, 17.5
    limits = np.iinfo(dtype)
    reference = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    width = float(limits.max) - float(limits.min)
    noisy = reference + rng.normal(0, width / 10, shape)
    return np.clip(np.rint(noisy), limits.min, limits.max).astype(dtype), reference, width


pairs = st.builds(
    draw_pair,
    shape=st.tuples(st.integers(7, 40), st.integers(7, 40)),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**32 - 1),
)


@settings(max_examples=60)
@given(pairs)
def test_ssim_is_the_default_of_scikit_image(pair):
    prediction, reference, data_range = pair
    expected = structural_similarity(reference, prediction, data_range=data_range)
    assert ssim(prediction, reference, data_range) == pytest.approx(expected, abs=1e-10, rel=0)


@settings(max_examples=60)
@given(pairs)
def test_psnr_is_that_of_scikit_image_in_float64(pair):
    prediction, reference, data_range = pair
    expected = peak_signal_noise_ratio(
        reference.astype(np.float64), prediction.astype(np.float64), data_range=data_range
    )
    assert psnr(prediction, reference, data_range) == pytest.approx(expected, abs=1e-10, rel=0)


def test_a_float_prediction_of_a_uint8_truth_is_scored_without_rounding():
    prediction, reference, data_range = draw_pair((48, 37), "uint8", 1)
    prediction = prediction + 0.3
    expected = structural_similarity(reference.astype(float), prediction, data_range=255)
    assert ssim(prediction, reference, data_range) == pytest.approx(expected, abs=1e-12)
    assert psnr(prediction, reference, data_range) == pytest.approx(
        peak_signal_noise_ratio(reference.astype(float), prediction, data_range=255), abs=1e-12
    )


def test_float32_is_close_to_scikit_image_which_stays_in_float32():
    prediction, reference, data_range = (np.float32(part) for part in draw_pair((64, 64), "float64", 2))
    expected = structural_similarity(reference, prediction, data_range=data_range)
    assert ssim(prediction, reference, data_range) == pytest.approx(expected, abs=1e-5)


def test_three_dimensions_use_a_window_along_each():
    prediction, reference, data_range = draw_pair((9, 12, 15), "uint8", 3)
    expected = structural_similarity(reference, prediction, data_range=data_range)
    assert ssim(prediction, reference, data_range) == pytest.approx(expected, abs=1e-10)


def test_the_map_has_ssim_as_its_mean_and_lacks_the_border():
    prediction, reference, data_range = draw_pair((30, 20), "uint16", 4)
    similarity = ssim_map(prediction, reference, data_range)
    assert similarity.shape == (24, 14)
    assert similarity.mean() == ssim(prediction, reference, data_range)
    _, full = structural_similarity(reference, prediction, data_range=data_range, full=True)
    np.testing.assert_allclose(similarity, full[3:-3, 3:-3], rtol=0, atol=1e-10)


def test_identical_images_are_perfect():
    _, reference, data_range = draw_pair((20, 20), "uint8", 5)
    assert psnr(reference, reference, data_range) == math.inf
    assert ssim(reference, reference, data_range) == pytest.approx(1, abs=1e-12)


def test_a_known_error_gives_its_closed_form():
    reference = np.full((8, 8), 100, np.uint8)
    assert psnr(reference + 5, reference, 255) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(reference - 100, reference, 255) == pytest.approx(20 * math.log10(255 / 100))  # no wrap-around


@pytest.mark.parametrize("metric", [psnr, ssim, ssim_map])
def test_shapes_that_differ_are_both_named(metric):
    with pytest.raises(InputError, match=r"\(12, 13\).*\(13, 12\)"):
        metric(np.zeros((12, 13)), np.zeros((13, 12)), 1)


def test_images_smaller_than_the_window_are_refused():
    with pytest.raises(InputError, match="at least 7 pixels"):
        ssim(np.zeros((40, 6)), np.zeros((40, 6)), 1)


@pytest.mark.parametrize("data_range", [0, -1, math.nan, math.inf])
def test_a_useless_data_range_is_refused(data_range):
    with pytest.raises(InputError, match="data range"):
        psnr(np.zeros((8, 8)), np.ones((8, 8)), data_range)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("role", ["prediction", "reference"])
def test_pixels_that_are_not_finite_are_refused(value, role):
    images = {"prediction": np.zeros((8, 8)), "reference": np.zeros((8, 8))}
    images[role][3, 4] = value
    with pytest.raises(InputError, match=f"{role} has NaN"):
        ssim(**images, data_range=1)


def test_complex_pixels_are_refused():
    with pytest.raises(InputError, match="complex128"):
        psnr(np.zeros((8, 8), complex), np.zeros((8, 8)), 1)


class TestMasks:
    """Pixels that are masked in either image do not count."""

    def test_psnr_is_that_of_the_others(self):
        prediction, reference = noisy_pair()
        masked = np.ma.MaskedArray(prediction, np.indices((40, 50))[0] < 10)
        masked[20:, 5] = np.ma.masked
        kept = ~masked.mask
        expected = psnr(prediction[kept], reference[kept], 255)
        assert psnr(masked, reference, 255) == pytest.approx(expected, rel=1e-12)
        assert psnr(prediction, np.ma.MaskedArray(reference, masked.mask), 255) == pytest.approx(expected, rel=1e-12)

    def test_ssim_is_that_of_windows_without_a_masked_pixel(self):
        prediction, reference = noisy_pair()
        spoilt = prediction.astype(float)
        spoilt[:10] = np.nan
        masked = np.ma.MaskedArray(spoilt, np.isnan(spoilt))
        expected = ssim(prediction[10:], reference[10:], 255)
        assert ssim(masked, reference, 255) == pytest.approx(expected, rel=1e-9)

    def test_nothing_left_is_told(self):
        prediction, reference = noisy_pair()
        with pytest.raises(InputError, match="every pixel is masked"):
            psnr(np.ma.MaskedArray(prediction, True), reference, 255)
        with pytest.raises(InputError, match="7×7 pixels are free of masked ones"):
            ssim(np.ma.MaskedArray(prediction, np.indices(prediction.shape)[1] % 6 == 0), reference, 255)


def noisy_pair():
    random = np.random.default_rng(3)
    reference = random.integers(0, 256, (40, 50)).astype(np.uint8)
    return (reference // 2 + random.integers(0, 100, (40, 50))).astype(np.uint8), reference
