from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.arrays import open_array
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import Writer, create_image


def test_any_memory_order_and_byte_order_is_mapped(tmp_path, picture, pixels):
    array = picture((3, 20, 30), ">f4")
    np.save(tmp_path / "a.npy", np.asfortranarray(array))
    image = open_image(tmp_path / "a.npy")
    np.testing.assert_array_equal(pixels(image), array)
    assert image.planes[0].read().dtype.isnative


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}, None]], object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        open_image(tmp_path / "a.npy")


def test_a_lost_pixel_size_is_said(tmp_path, picture):
    image = open_array(picture((20, 30)))
    image.pixel_size = PixelSize({"Y": 4.0, "X": 4.0}, "nm")
    with create_image(tmp_path / "a.npy", image) as writer:
        writer.write(0, picture((20, 30)))
    assert writer.notes == ["NPY cannot hold the pixel size (4 × 4 nm): it is not stored"]


@pytest.mark.parametrize(("shape", "axes", "read_as"), [((9, 20, 30), "CYX", "ZYX"), ((20, 30, 3), "ZYX", "YX")])
def test_axes_that_will_be_read_as_others_are_said(tmp_path, picture, shape, axes, read_as):
    with Writer(OutputSpec(str(tmp_path / "a.npy"), axes, shape, np.dtype("uint8"))) as writer:
        for number, plane in enumerate(picture(shape)):
            writer.write(number, plane)
    assert writer.notes == [f"NPY names no axes: {axes} will be read as {read_as}"]


def test_an_array_without_pixels_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((0, 20, 20), "uint8"))
    with pytest.raises(InputError, match="is empty"):
        open_image(tmp_path / "a.npy")
