from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pellucid.assessment.fourier_rings import CRITERION, crossing, ring_correlations

from .made import specimens, white

SIDE = 128


@pytest.fixture(scope="module")
def frames():
    truth = specimens(2, SIDE, 5)
    return tuple(np.stack(white(truth, seed)) for seed in (1, 2))


def blurred(images, sigma=1.5):
    return np.stack([gaussian_filter(image, sigma) for image in images])


def test_the_formula_ring_by_ring(frames):
    """Written out with loops over the coefficients of the transforms."""
    one, other = (images[:1, :32, :32].astype(float) for images in frames)
    window = np.outer(np.hanning(32), np.hanning(32))
    a, b = (np.fft.fft2((image[0] - image.mean()) * window) for image in (one, other))
    sums = np.zeros((8, 3))
    for row in range(32):
        for column in range(32):
            y, x = (k - 32 if k >= 16 else k for k in (row, column))
            ring = int(np.sqrt(y * y + x * x) / 2)
            if ring < 8:
                p, q = a[row, column], b[row, column]
                sums[ring] += (p * q.conjugate()).real, abs(p) ** 2, abs(q) ** 2
    expected = sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2])
    found = ring_correlations((one, other), (other, one))
    np.testing.assert_allclose(found.frames, expected, rtol=1e-9)
    np.testing.assert_allclose(found.results, expected, rtol=1e-9)


def test_another_library_agrees(frames):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no GPU
        oracle = pytest.importorskip("cubic.metrics.spectral.frc")
        one, other = (images[0].astype(float) for images in frames)
        window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
        a, b = ((image - image.mean()) * window for image in (one, other))
        theirs = oracle.calculate_frc(a, b, bin_delta=2, zero_padding=False, disable_hamming=True)
    ours = ring_correlations((one[None], other[None]), (one[None], other[None]))
    curve = np.abs(theirs.correlation["correlation"])
    frequency = theirs.correlation["frequency"] / 2  # theirs is 1 at half a cycle per pixel
    np.testing.assert_allclose(np.interp(ours.frequency[2:-2], frequency, curve), np.abs(ours.frames[2:-2]), atol=0.05)


def test_frames_that_are_equal_agree_and_noise_does_not(frames):
    first = frames[0]
    same = ring_correlations((first, first), (first, first))
    np.testing.assert_allclose(same.frames, 1, rtol=1e-9)
    assert same.detail_of_frames == same.detail_of_results == 2
    noise = np.random.default_rng(0).normal(size=(2, 2, SIDE, SIDE))
    alone = ring_correlations((noise[0], noise[1]), (noise[0], noise[1]))
    assert np.abs(alone.frames[4:]).max() < 0.3
    assert alone.detail_of_frames > 10


def test_what_a_model_makes_up_agrees_but_is_not_true(frames):
    """Stripes that are put into every result: the results agree on them, the frames do not tell of them."""
    honest = tuple(blurred(images) for images in frames)
    stripes = 0.5 * np.sin(2 * np.pi * 0.1 * np.arange(SIDE))
    made_up = tuple(each + stripes for each in honest)
    before, after = (ring_correlations(frames, results) for results in (honest, made_up))
    ring = int(np.abs(before.frequency - 0.1).argmin())
    assert after.results[ring] > 0.9 > before.results[ring]
    assert after.truth[ring] < before.truth[ring] / 2
    known = np.flatnonzero(np.isfinite(before.truth))[2:]
    np.testing.assert_allclose(before.truth[known] ** 2, before.results[known], atol=0.2)


def test_the_criterion_is_crossed_between_two_rings():
    frequency = np.array([0.0, 0.1, 0.2, 0.3])
    assert crossing(frequency, np.array([0.0, 1.0, CRITERION + 0.1, CRITERION - 0.3])) == pytest.approx(0.225)
    assert crossing(frequency, np.array([0.0, 1.0, 0.9, 0.8])) == 0.5
    assert crossing(frequency, np.array([1.0, 0.0, 0.9, 0.8])) == 0.1
