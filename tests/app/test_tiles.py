"""Grey levels of tiles, and what is black and white at first."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.app.tiles import Place, Window, difference_window, limits
from pellucid.errors import InputError
from pellucid.io.writing import write_array


@pytest.fixture
def opened(workplace, tmp_path):
    def write(name, pixels):
        write_array(tmp_path / "images" / name, pixels)
        return workplace.images.open(str(tmp_path / "images" / name))

    return write


def test_values_beyond_black_and_white_are_black_and_white():
    pixels = np.array([[-5.0, 0.0, 1.0, 2.0, 9.0, np.nan]])
    assert Window(0, 2).apply(pixels).tolist() == [[0, 0, 128, 255, 255, 0]]


def test_a_window_without_width_does_not_fail():
    assert Window(3, 3).apply(np.array([[3, 4]])).tolist() == [[0, 0]]


def test_black_and_white_leave_out_the_few_brightest_and_darkest(workplace, opened):
    pixels = np.full((200, 200), 1000, np.uint16)
    pixels[:, 100:] = 3000
    pixels[0, 0], pixels[0, 1] = 0, 65535
    shown, ends = limits(workplace.images, opened("a.tif", pixels), 0)
    assert shown == (1000, 3000)
    assert ends == (0, 65535)


def test_a_constant_image_can_be_shown(workplace, opened):
    shown, _ = limits(workplace.images, opened("a.tif", np.full((64, 64), 7, np.uint16)), 0)
    assert shown.black < shown.white


def test_large_images_are_sampled(workplace, opened):
    pixels = np.zeros((1500, 2000), np.uint8)
    pixels[:, 1000:] = 200
    shown, ends = limits(workplace.images, opened("a.tif", pixels), 0)
    assert shown == (0, 200)
    assert ends == (0, 255)


def test_a_difference_is_shown_around_middle_grey(workplace, opened):
    one = opened("one.tif", np.full((64, 64), 100, np.uint8))
    other = opened("other.tif", np.full((64, 64), 130, np.uint8))
    assert difference_window(workplace.images, [one.spec, other.spec], 0) == (-30, 30)


def test_images_of_different_sizes_have_no_difference(workplace, opened):
    one, other = opened("one.tif", np.ones((64, 64), np.uint8)), opened("other.tif", np.ones((64, 80), np.uint8))
    with pytest.raises(InputError, match="another size"):
        difference_window(workplace.images, [one.spec, other.spec], 0)


@pytest.mark.parametrize("place", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (99, 0, 0)])
def test_a_place_that_no_image_has_is_refused(place):
    with pytest.raises(InputError, match="no such tile"):
        Place(*place)
