from __future__ import annotations

import mrcfile
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import Writer, create_image


def make(path, array, voxel=None, stack=False):
    with mrcfile.new(path) as file:
        file.set_data(array)
        if stack:
            file.set_image_stack()
        if voxel is not None:
            file.voxel_size = voxel


def copy(source, target):
    image = open_image(source)
    with create_image(target, image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    return writer


@pytest.mark.parametrize("stack", [False, True])
def test_voxel_size_in_angstrom_and_kind_are_kept(tmp_path, picture, stack):
    make(tmp_path / "a.mrc", picture((3, 20, 30), "int16"), (1.06, 1.06, 2.5), stack)
    image = open_image(tmp_path / "a.mrc")
    assert image.pixel_size == PixelSize({"Z": 2.5, "Y": 1.06, "X": 1.06}, "Å")
    copy(tmp_path / "a.mrc", tmp_path / "b.mrc")
    with mrcfile.open(tmp_path / "b.mrc") as made:
        assert made.is_image_stack() == stack
        assert [round(float(made.voxel_size[axis]), 4) for axis in "xyz"] == [1.06, 1.06, 2.5]
        assert made.header.dmax == 119
        np.testing.assert_array_equal(made.data, picture((3, 20, 30), "int16"))
    mrcfile.validate(tmp_path / "b.mrc")


def test_no_voxel_size_stays_unknown(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((20, 30), "float32"))
    assert open_image(tmp_path / "a.mrc").pixel_size is None


def test_unsigned_bytes_become_uint16_and_it_is_said(tmp_path, picture):
    spec = OutputSpec(str(tmp_path / "a.mrc"), "YX", (20, 30), np.dtype("uint8"))
    with Writer(spec) as writer:
        writer.write(0, picture((20, 30)))
    assert writer.notes == ["MRC has no unsigned 8-bit mode: stored as uint16 (mode 6), values unchanged"]
    assert open_image(tmp_path / "a.mrc").dtype == "uint16"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("flags", "dtype"), [(0, "uint8"), (1, "int8")])
def test_imods_unsigned_bytes_are_known_by_their_flag(tmp_path, pixels, order, flags, dtype):
    array = np.arange(600, dtype="uint8").reshape(20, 30)
    make(tmp_path / "a.mrc", array.view("int8"))
    data = bytearray((tmp_path / "a.mrc").read_bytes())
    if order == ">":
        words = np.frombuffer(bytes(data[:1024]), "<i4").astype(">i4").tobytes()
        data[:208] = words[:208]
        data[208:212], data[212:216] = b"MAP ", bytes([0x11, 0x11, 0, 0])
    data[152:160] = np.array([1146047817, flags], f"{order}i4").tobytes()
    (tmp_path / "b.mrc").write_bytes(data)
    image = open_image(tmp_path / "b.mrc")
    assert image.dtype == dtype
    np.testing.assert_array_equal(pixels(image), array.view(dtype))


def test_transforms_are_refused(tmp_path):
    make(tmp_path / "a.mrc", np.ones((20, 30), "complex64"))
    with pytest.raises(InputError, match="mode 4"):
        open_image(tmp_path / "a.mrc")


def test_a_stack_is_mapped(tmp_path, picture):
    make(tmp_path / "a.mrc", picture((3, 20, 30), "float32"))
    assert isinstance(open_image(tmp_path / "a.mrc").planes[1].read(), np.memmap)
