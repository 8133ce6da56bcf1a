from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def plane():
    return tissue((512, 512), seed=4)


@pytest.fixture(scope="module")
def volume():
    return tissue((17, 160, 160), seed=2)


def _correlation(a, b):
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _power(image):
    """Radial power in the bands of an electron micrograph's spectrum, Hann window."""
    image = image.astype(float) - image.mean()
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    power = np.abs(np.fft.fft2(image * window)) ** 2 / (window**2).sum()
    frequency = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1]))
    edges = (0.008, 0.016, 0.03, 0.06, 0.12, 0.25, 0.5)
    return [power[(frequency >= a) & (frequency < b)].mean() for a, b in pairwise(edges)]


def test_shape_and_dtype(plane, volume):
    assert (plane.shape, plane.dtype) == ((512, 512), np.uint8)
    assert (volume.shape, volume.dtype) == ((17, 160, 160), np.uint8)


@given(st.integers(16, 70), st.integers(16, 70), st.integers(0, 2**64 - 1), st.sampled_from(["dark", "light"]))
@settings(max_examples=8)
def test_any_size_and_seed(y, x, seed, polarity):
    image = tissue((y, x), seed, polarity)
    assert (image.shape, image.dtype) == ((y, x), np.uint8)
    assert image.std() > 3


def test_the_seed_decides():
    one = tissue((96, 80), seed=11)
    assert np.array_equal(one, tissue((96, 80), seed=11))
    assert abs(_correlation(one, tissue((96, 80), seed=12))) < 0.3


def test_a_plane_is_a_volume_of_one_plane():
    assert np.array_equal(tissue((64, 64), 3), tissue((1, 64, 64), 3)[0])


def test_neighbouring_slices_continue_each_other(volume):
    near, further, far = (_correlation(volume[0], volume[k]) for k in (1, 4, 16))
    assert near > 0.9
    assert near > further > far
    assert far < 0.75
    steps = [_correlation(a, b) for a, b in pairwise(volume)]
    assert min(steps) > 0.9


def test_slices_through_the_third_axis_look_alike():
    """Cut along z the tissue is as contrasty and as sharp as in the plane: the objects are three-dimensional."""
    block = tissue((64, 64, 256), seed=6).astype(float)
    within, across = block[32], block[:, 32]
    assert across.std() == pytest.approx(within.std(), rel=0.35)
    steepness = [np.abs(np.diff(image, axis=0)).mean() for image in (within, across)]
    assert steepness[1] == pytest.approx(steepness[0], rel=0.4)


def test_grey_levels_are_those_of_a_micrograph(plane):
    """FIB-SEM of fly neuropil: mean 127 to 133, deviation 33 to 37, 1st and 99th percentile 67 to 71 and 194 to 200."""
    assert plane.mean() == pytest.approx(131, abs=10)
    assert plane.std() == pytest.approx(35, abs=6)
    low, high = np.percentile(plane, [1, 99])
    assert low == pytest.approx(69, abs=10)
    assert high == pytest.approx(197, abs=15)
    assert plane.min() > 0
    assert plane.max() < 255
    assert (np.bincount(plane.ravel(), minlength=256) > 20).sum() > 110


def test_spectrum_is_that_of_a_micrograph(plane):
    """Mean of five slices of FIB-SEM fly neuropil; their last two bands hold detector noise, ours hardly any."""
    ratio = _power(plane) / np.array([4.9e5, 1.19e5, 2.80e4, 4780, 295, 35])
    assert (ratio[:4] > 1 / 3).all()
    assert (ratio[:4] < 3).all()
    assert 0.7 < ratio[4] < 3
    assert 0.05 < ratio[5] < 0.6


def test_membranes_are_dark_lines_of_a_few_pixels(plane):
    """Runs of dark pixels along rows: most are a membrane's width, few as long as an organelle."""
    dark = np.pad(plane < 105, ((0, 0), (1, 1))).astype(int)
    change = np.diff(dark, axis=1)
    widths = np.argwhere(change == -1)[:, 1] - np.argwhere(change == 1)[:, 1]
    assert 3 <= np.median(widths) <= 8


def test_light_polarity_is_the_inverse():
    assert np.array_equal(tissue((48, 48), 5, "light"), 255 - tissue((48, 48), 5, "dark"))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (((64,),), "shape"),
        (((2, 3, 64, 64),), "shape"),
        (((8, 64),), "at least 16"),
        (((0, 64, 64),), "shape"),
        (((64, 64), -1), "seed -1"),
        (((64, 64), 2**64), "seed"),
        (((64, 64), 0, "grey"), "polarity 'grey'"),
    ],
)
def test_bad_arguments_are_named(arguments, what):
    with pytest.raises(InputError, match=what):
        tissue(*arguments)
