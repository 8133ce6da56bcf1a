from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from pellucid.data.output_paths import output_paths
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import contents, open_image
from pellucid.io.writing import create_image


def velox(path, array, detectors=1, unit="m"):
    """A file as Velox writes it: frames last, metadata as columns of bytes."""
    told = {
        "BinaryResult": {
            "PixelSize": {"width": "2.5e-10", "height": "2.5e-10"},
            "PixelUnitX": unit,
            "PixelUnitY": unit,
        }
    }
    text = np.frombuffer(json.dumps(told).encode() + b"\0" * 20, np.uint8)
    with h5py.File(path, "w") as file:
        file["Version"] = np.array([b"{}"], object)
        for number in range(detectors):
            group = file.create_group(f"Data/Image/{number:032x}")
            group.create_dataset("Data", data=array, chunks=(*array.shape[:2], 1))
            group["Metadata"] = np.stack([text] * array.shape[2], 1)
    return path


def ncem(path, array, names, units, step=0.5, kind=1):
    """A file as the programs of the NCEM write it."""
    with h5py.File(path, "w") as file:
        group = file.create_group("data/scan")
        group.attrs["emd_group_type"] = kind
        group["data"] = array
        for number, (name, unit) in enumerate(zip(names, units, strict=True)):
            scale = group.create_dataset(f"dim{number + 1}", data=(number + 1) * step * np.arange(array.shape[number]))
            scale.attrs["name"], scale.attrs["units"] = np.bytes_(name), np.bytes_(unit)
        file["microscope/table"] = np.eye(3)
    return path


@pytest.mark.parametrize("frames", [1, 3])
def test_frames_of_velox_come_last_and_are_times(tmp_path, picture, pixels, frames):
    array = picture((20, 30, frames), "uint16")
    image = open_image(velox(tmp_path / "a.emd", array))
    assert (image.axes, image.shape, image.chunks) == ("TYX", (frames, 20, 30), (1, 20, 30))
    assert image.pixel_size == PixelSize({"Y": 0.25, "X": 0.25}, "nm")
    np.testing.assert_array_equal(pixels(image), array.transpose(2, 0, 1))


def test_images_of_several_detectors_are_listed(tmp_path, picture):
    path = velox(tmp_path / "a.emd", picture((20, 30, 2)), detectors=2)
    inner = [f"/Data/Image/{number:032x}/Data" for number in range(2)]
    with pytest.raises(InputError, match=rf"several: {', '.join(inner)}\. Name one"):
        open_image(path)
    assert contents(path) == [f"{path}:{one} (20, 30, 2) uint8" for one in inner]
    assert open_image(f"{path}:{inner[1]}").axes == "TYX"


def test_a_size_that_is_no_length_is_not_taken_for_one(tmp_path, picture):
    assert open_image(velox(tmp_path / "a.emd", picture((20, 30, 1)), unit="1/m")).pixel_size is None


def test_metadata_that_is_damaged_tells_no_size(tmp_path, picture):
    path = velox(tmp_path / "a.emd", picture((20, 30, 1)))
    with h5py.File(path, "r+") as file:
        file[f"Data/Image/{0:032x}/Metadata"][:] = 7
    assert open_image(path).pixel_size is None


@pytest.mark.parametrize(
    ("names", "units", "axes", "size"),
    [
        ("zyx", ("[n_m]", "[n_m]", "[n_m]"), "ZYX", ({"Z": 0.5, "Y": 1.0, "X": 1.5}, "nm")),
        ("xyz", ("[n_m]", "[n_m]", "[u_m]"), "ZYX", ({"Z": 1500.0, "Y": 1.0, "X": 0.5}, "nm")),
        (("time", "y", "x"), ("s", "nm", "nm"), "TYX", ({"Y": 1.0, "X": 1.5}, "nm")),
        (("angle", "height", "width"), ("deg", "A", "A"), "ZYX", ({"Y": 1.0, "X": 1.5}, "Å")),
        ("zyx", ("", "px", "px"), "ZYX", None),
    ],
)
def test_the_ncem_names_axes_and_tells_positions_along_them(tmp_path, picture, pixels, names, units, axes, size):
    array = picture((18, 20, 30), "float32")
    image = open_image(ncem(tmp_path / "a.emd", array, names, units))
    assert (image.axes, image.pixel_size) == (axes, size and PixelSize(*size))
    expected = array.transpose(2, 1, 0) if names == "xyz" else array
    np.testing.assert_array_equal(pixels(image), expected)
    assert image.style.annotations[-1].startswith("other data sets: /data/scan/dim1")


def test_a_result_is_an_hdf5_and_emd_is_not_written(tmp_path, picture, pixels):
    path = ncem(tmp_path / "a.emd", picture((4, 20, 30)), "zyx", ["nm"] * 3)
    (target,) = output_paths(open_source(path), tmp_path / "out")
    assert target == tmp_path / "out" / "a.h5"
    image = open_image(path)
    with create_image(target, image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    assert writer.notes[0].startswith("not kept: other data sets: /data/scan/dim1")
    made = open_image(target)
    assert (made.path, made.axes) == (f"{target}:/data/scan/data", "ZYX")
    assert made.pixel_size.to("nm") == image.pixel_size
    np.testing.assert_array_equal(pixels(made), picture((4, 20, 30)))
    with pytest.raises(InputError, match=r"b\.emd: EMD is only read; write \.h5 instead"):
        create_image(tmp_path / "b.emd", image)


@pytest.mark.parametrize("inner", ["", f":/Data/Image/{0:032x}/Data"])
def test_a_copy_of_velox_is_read_as_it_was_written(tmp_path, picture, pixels, inner):
    array = picture((32, 48, 2), "uint16")
    image = open_image(velox(tmp_path / "a.emd", array))
    with create_image(f"{tmp_path}/b.h5{inner}", image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    made = open_image(tmp_path / "b.h5")
    assert made.path == f"{tmp_path}/b.h5{inner or ':/data'}"
    assert (made.axes, made.shape) == ("TYX", (2, 32, 48))
    assert made.pixel_size.to("nm") == image.pixel_size
    np.testing.assert_array_equal(pixels(made), array.transpose(2, 0, 1))
