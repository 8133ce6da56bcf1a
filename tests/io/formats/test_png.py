from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow

from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array


def test_sixteen_bits_are_read_by_another_library_alike(tmp_path):
    array = np.random.default_rng(0).integers(0, 65536, (20, 30), "uint16")
    write_array(tmp_path / "a.png", array)
    with Pillow.open(tmp_path / "a.png") as file:
        np.testing.assert_array_equal(np.asarray(file), array)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [2, 3, 4])
def test_grey_saved_as_colour_is_grey_without_its_alpha(tmp_path, pixels, dtype, samples):
    grey = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (20, 30), dtype)
    block = np.stack([grey] * samples, -1)
    if samples in (2, 4):
        block[..., -1] = np.iinfo(dtype).max
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(block))
    image = open_image(tmp_path / "a.png")
    assert (image.axes, image.dtype) == ("YX", dtype)
    np.testing.assert_array_equal(pixels(image), grey)


def test_colour_is_refused(tmp_path, picture):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(picture((20, 30, 3))))
    with pytest.raises(InputError, match=r"a\.png: is a colour image"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["1", "P"])
def test_one_bit_and_palettes_of_grey_are_eight_bit_grey(tmp_path, mode):
    array = np.tile(np.array([[0, 255]], "uint8"), (20, 15))
    Pillow.fromarray(array).convert(mode).save(tmp_path / "a.png")
    image = open_image(tmp_path / "a.png")
    assert image.dtype == "uint8"
    np.testing.assert_array_equal(image.planes[0].read(), array)


def test_a_screens_resolution_is_no_pixel_size(tmp_path, picture):
    Pillow.fromarray(picture((20, 30))).save(tmp_path / "a.png", dpi=(96, 96))
    assert open_image(tmp_path / "a.png").pixel_size is None


def test_pixel_size_is_stored_in_pixels_a_metre(tmp_path, picture):
    write_array(tmp_path / "a.png", picture((20, 30)), pixel_size=PixelSize({"Y": 0.02, "X": 0.01}, "µm"))
    data = (tmp_path / "a.png").read_bytes()
    at = data.index(b"pHYs") + 4
    assert struct.unpack(">IIB", data[at : at + 9]) == (10**8, 5 * 10**7, 1)
    with Pillow.open(tmp_path / "a.png") as file:
        file.load()  # checks the sum of every chunk


def test_sizes_that_the_format_cannot_hold_are_left_out(tmp_path, picture):
    write_array(tmp_path / "a.png", picture((20, 30)), pixel_size=PixelSize({"Y": 0.01, "X": 0.01}, "Å"))
    assert open_image(tmp_path / "a.png").pixel_size is None
