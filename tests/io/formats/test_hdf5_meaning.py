from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import contents, open_image

from .copying import copy

SIZES = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}


def tags(letters):
    """The attribute of vigra, as ilastik writes it."""
    axes = [{"key": letter.lower(), "typeFlags": 2, "resolution": 0, "description": ""} for letter in letters]
    return json.dumps({"axes": axes})


@pytest.mark.parametrize("letters", ["YXC", "ZYXC", "TZYXC", "XYZ", "CYX", "TYX"])
def test_ilastik_names_axes_and_its_c_is_channels(tmp_path, picture, pixels, letters):
    array = picture([SIZES[letter] for letter in letters])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exported_data"] = array
        file["exported_data"].attrs["axistags"] = tags(letters)
    image = open_image(tmp_path / "a.h5")
    assert image.axes == "".join(letter for letter in letters if letter not in "YX") + "YX"
    np.testing.assert_array_equal(pixels(image), array.transpose([letters.index(letter) for letter in image.axes]))

    copy(tmp_path / "a.h5", tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as file:
        keys = [axis["key"] for axis in json.loads(file["exported_data"].attrs["axistags"])["axes"]]
    assert "".join(keys).upper() == image.axes
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "b.h5")), pixels(image))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (tags("YX"), "has 3 dimensions, but its attribute 'axistags' the axes y, x"),
        ("{", "its attribute 'axistags' is damaged"),
        (json.dumps({"axes": [1, 2, 3]}), "its attribute 'axistags' is damaged"),
        (tags("ZYN"), "but an image has Y, X"),
    ],
)
def test_axistags_that_do_not_fit_are_refused(tmp_path, picture, told, said):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = picture((4, 20, 30))
        file["raw"].attrs["axistags"] = told
    with pytest.raises(InputError, match=rf"a\.h5:/raw: .*{said}") as caught:
        open_image(tmp_path / "a.h5")
    assert "\n" not in str(caught.value)


def test_scales_of_dimensions_name_axes_and_tell_the_pixel_size(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        raw = file.create_dataset("raw", data=picture((30, 20, 4)))
        for number, (name, unit, step) in enumerate([("x", "nm", 4.0), ("y", "nm", 4.0), ("depth", "um", 0.03)]):
            scale = file.create_dataset(name, data=5 + step * np.arange(raw.shape[number]))
            scale.attrs["units"] = unit
            scale.make_scale()
            raw.dims[number].attach_scale(scale)
    image = open_image(tmp_path / "a.h5")
    assert (image.axes, image.shape) == ("ZYX", (4, 20, 30))
    assert image.pixel_size == PixelSize({"Z": 30.0, "Y": 4.0, "X": 4.0}, "nm")
    assert image.style.annotations == ("other data sets: /depth, /x, /y",)


@pytest.fixture
def viewer(tmp_path, picture):
    """A file of BigDataViewer: two levels of two setups."""
    path = tmp_path / "a.h5"
    values = picture((4, 20, 30), "uint16") * 500
    with h5py.File(path, "w") as file:
        for setup in ("s00", "s01"):
            file[f"{setup}/resolutions"] = np.array([[1.0, 1, 1], [2, 2, 1]])
            file[f"{setup}/subdivisions"] = np.array([[16, 16, 16], [16, 16, 16]], "int32")
            file[f"t00000/{setup}/0/cells"] = values.view("int16")
            file[f"t00000/{setup}/1/cells"] = values.view("int16")[:, ::2, ::2]
    return path, values


def test_bigdataviewer_means_uint16_and_offers_full_resolution(viewer, tmp_path, pixels):
    path, values = viewer
    assert values.max() > np.iinfo("int16").max
    inner = ["/t00000/s00/0/cells", "/t00000/s01/0/cells"]
    with pytest.raises(InputError, match=rf"several: {', '.join(inner)}\. Name one"):
        open_image(path)
    image = open_image(f"{path}:{inner[1]}")
    assert (image.axes, image.dtype) == ("ZYX", np.uint16)
    np.testing.assert_array_equal(pixels(image), values)
    np.testing.assert_array_equal(image.read_block((slice(1, 3),), slice(2, 9), slice(5, 30)), values[1:3, 2:9, 5:])
    assert open_image(f"{path}:/t00000/s00/1/cells").shape == (4, 10, 15)
    assert [line.split()[0] for line in contents(path)] == [f"{path}:{one}" for one in inner]
    (note,) = copy(f"{path}:{inner[0]}", tmp_path / "b.h5").notes
    assert note.startswith("not kept: other data sets: /s00/resolutions, /s00/subdivisions")
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "b.h5")), values)


def test_int16_elsewhere_stays_signed(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t00000/s00/0/cells"] = picture((4, 20, 30), "int16")
    assert open_image(tmp_path / "a.h5").dtype == np.int16


@pytest.mark.parametrize("size", [[0.0, 0.0, 0.0], [1.0], "1 2 3"])
def test_sizes_that_are_not_understood_are_kept_as_they_are(tmp_path, picture, size):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=picture((3, 20, 30))).attrs["element_size_um"] = size
    image = open_image(tmp_path / "a.h5")
    assert image.pixel_size is None
    assert image.style.annotations == ("attributes: element_size_um",)
    copy(tmp_path / "a.h5", tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as file:
        np.testing.assert_array_equal(file["raw"].attrs["element_size_um"], size)


def test_damaged_labels_are_refused_and_do_not_kill_the_process(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        raw = file.create_dataset("raw", data=picture((3, 20, 30)))
        for dimension, label in zip(raw.dims, ("zebra", "y", "x"), strict=True):
            dimension.label = label
    data = (tmp_path / "a.h5").read_bytes()
    heap = data.index(b"GCOL")  # where texts of any length are
    (tmp_path / "a.h5").write_bytes(data[:heap] + b"LOCG" + data[heap + 4 :])
    with pytest.raises(InputError, match=r"a\.h5: cannot be read; it may be damaged"):
        open_image(tmp_path / "a.h5")
