from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pellucid.assessment.repeats import MeasuredError, measure_repeats, read_frames
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.errors import InputError

from .made import DEVIATION, grain, specimens, white

RANGE = IntensityRange.from_limits(-1, 1)
TRUTH = [0.6 * image for image in specimens(3, 256, 6)]  # so that noise is not cut off at black and white


def blur(images):
    return np.stack([gaussian_filter(image, 1.2) for image in images])


def darker(images):
    return blur(images) - 0.1


def planes(images):
    return open_source([image.astype(np.float32) for image in images]).planes


def stronger(images, seed=0):
    noise = np.random.default_rng(seed).normal(0, 2 * DEVIATION, (len(images), *images[0].shape))
    return [image + each for image, each in zip(images, noise, strict=True)]


@pytest.mark.parametrize(("first", "second"), [(white, white), (grain, grain), (white, stronger)])
@pytest.mark.parametrize("denoise", [blur, darker])
def test_the_error_is_that_against_the_truth(first, second, denoise):
    """Within 0.2 dB, whatever the noise, and though it is stronger in the second frames: both frames' mean error."""
    frames = read_frames(planes(first(TRUTH, 1)), planes(second(TRUTH, 2)), RANGE)
    found = measure_repeats(frames, denoise, "ours", {"nothing": lambda images: images})
    truth = np.stack(TRUTH)
    results = np.stack([denoise(frames.first), denoise(frames.second)])
    true = 10 * np.log10(4 / ((results - truth) ** 2).mean())
    assert found.denoised.psnr.mean == pytest.approx(true, abs=0.2)
    assert found.denoised.psnr.low < true < found.denoised.psnr.high
    noisy = np.stack([frames.first, frames.second])
    assert found.noisy.psnr.mean == pytest.approx(10 * np.log10(4 / ((noisy - truth) ** 2).mean()), abs=0.2)
    assert found.denoised.is_better_than(found.noisy)
    assert not found.noisy.is_better_than(found.denoised)
    np.testing.assert_allclose(found.filters[0].squares, found.noisy.squares)
    assert found.change == pytest.approx(-0.1 if denoise is darker else 0, abs=0.002)
    assert found.rings.detail_of_results < 12
    assert found.places == 3


def test_brightness_between_the_frames_is_told_and_no_error():
    second = [image + 0.15 for image in white(TRUTH, 2)]
    frames = read_frames(planes(white(TRUTH, 1)), planes(second), RANGE)
    assert frames.brighter == pytest.approx(0.15, abs=0.005)
    plain = read_frames(planes(white(TRUTH, 1)), planes(white(TRUTH, 2)), RANGE)
    moved, still = (measure_repeats(each, blur, "ours", {}) for each in (frames, plain))
    assert moved.denoised.psnr.mean == pytest.approx(still.denoised.psnr.mean, abs=0.05)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            lambda: [np.roll(image, (2, -5), (0, 1)) for image in white(TRUTH, 2)],
            r"by (1\.9|2\.\d) pixels down and -(4\.9|5\.\d) to the right: align the",
        ),
        (lambda: white(specimens(3, 256, 50), 2), "shows nothing in common with"),
        (lambda: white(TRUTH, 1), "has the same pixels as"),
        (lambda: [image[:200] for image in white(TRUTH, 2)], "has 200×256 pixels of float32, but"),
        (lambda: white(TRUTH, 2)[:2], "3 noisy images but 2 repeats"),
    ],
)
def test_frames_that_are_none_are_refused_in_one_line(second, words):
    with pytest.raises(InputError, match=words) as refusal:
        read_frames(planes(white(TRUTH, 1)), planes(second()), RANGE)
    assert "\n" not in str(refusal.value)


def test_frames_without_a_usable_place_are_refused():
    first, second = (planes([image[:40, :90] for image in white(TRUTH, seed)]) for seed in (1, 2))
    with pytest.raises(InputError, match="no square of 64 pixels"):
        read_frames(first, second, RANGE)
    both = [planes([*white(TRUTH[:1], seed), white(TRUTH, seed)[1][:40]]) for seed in (1, 2)]
    assert read_frames(*both, RANGE).first.shape == (1, 256, 256)


def test_an_error_that_cannot_be_told_from_none_has_an_open_end():
    found = MeasuredError("ours", np.array([0.01, -0.02, 0.015, -0.01]))
    mean, low, high = found.psnr
    assert high == mean == 100
    assert low < 30
    assert MeasuredError("ours", np.array([0.04])).psnr == (pytest.approx(20), None, None)
