from __future__ import annotations

import io

import imageio.v3 as iio
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.report.colormap import (
    absolute_difference,
    colour_table,
    difference_limit,
    display_range_of,
    grey,
    levels,
    plane,
    png,
)


def test_grey_leaves_8_bits_as_they_are():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(grey(image, (0.0, 255.0)), image)


def test_grey_clips_beyond_black_and_white():
    assert grey([[-5.0, 0.0, 1.0, 2.0, 9.0]], (0.0, 2.0)).tolist() == [[0, 0, 128, 255, 255]]


def test_png_gives_back_every_pixel():
    image = np.random.default_rng(0).integers(0, 256, (33, 45), dtype=np.uint8)
    assert np.array_equal(iio.imread(io.BytesIO(png(image))), image)
    coloured = iio.imread(io.BytesIO(png(image, colour_table())), mode="RGB")
    assert np.array_equal(coloured, colour_table()[image])


def test_a_few_outliers_do_not_set_the_colour_bar():
    error = np.ones((100, 100))
    error[0, :10] = 1000
    assert difference_limit(error) == 1
    assert levels(error, 1.0)[0, 0] == 255
    assert difference_limit(np.zeros((4, 4))) == 1


def test_unsigned_differences_do_not_wrap_around():
    assert absolute_difference(np.uint8([[3]]), np.uint8([[5]])).tolist() == [[2]]


def test_display_range_covers_all_images_but_their_extremes():
    low, high = display_range_of(np.arange(1001), np.arange(1001) + 500, percent=1)
    assert (low, high) == (10, 1490)
    assert display_range_of(np.full((4, 4), 7)) == (6.5, 7.5)


@pytest.mark.parametrize("image", [np.zeros(5), np.zeros((0, 5)), np.zeros((2, 5, 5))])
def test_only_planes_are_shown(image):
    with pytest.raises(InputError, match="one plane"):
        plane(image, "stack")


def test_complex_images_are_refused():
    with pytest.raises(InputError, match="wave has dtype complex128"):
        plane(np.zeros((5, 5), complex), "wave")
