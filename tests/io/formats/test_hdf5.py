from __future__ import annotations

import h5py
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image, write_array


def test_the_path_inside_may_be_left_out_if_there_is_one(tmp_path, picture, pixels):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("volumes/raw", data=picture((3, 20, 30)))
        file.create_dataset("table", data=np.arange(5))
    for spec in (
        tmp_path / "a.h5",
        f"{tmp_path}/a.h5:/volumes/raw",
        f"{tmp_path}/a.h5:volumes/raw",
        f"{tmp_path}/a.h5:",
    ):
        image = open_image(spec)
        assert image.path == f"{tmp_path}/a.h5:/volumes/raw"
        np.testing.assert_array_equal(pixels(image), picture((3, 20, 30)))


def test_several_data_sets_are_listed(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = picture((20, 30))
        file["labels"] = picture((20, 30))
    with pytest.raises(InputError, match=r"several: /labels, /raw\. Name one, as in .*a\.h5:/labels"):
        open_image(tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"no data set /nothing; its data sets with images: /labels, /raw"):
        open_image(f"{tmp_path}/a.h5:/nothing")


def test_a_file_without_images_says_so(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["numbers"] = np.arange(5)
    with pytest.raises(InputError, match="none: give another file"):
        open_image(tmp_path / "a.h5")


def test_axes_from_dimension_labels(tmp_path, picture, pixels):
    array = picture((30, 20, 4))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = array
        for dimension, label in zip(file["raw"].dims, "xyc", strict=True):
            dimension.label = label
    image = open_image(tmp_path / "a.h5")
    assert (image.axes, image.shape) == ("CYX", (4, 20, 30))
    np.testing.assert_array_equal(pixels(image), array.T)


def test_a_file_that_others_made_tells_its_pixel_size(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = picture((3, 20, 30))
        file["raw"].attrs["element_size_um"] = [0.04, 0.01, 0.01]
    assert open_image(tmp_path / "a.h5").pixel_size == PixelSize({"Z": 0.04, "Y": 0.01, "X": 0.01}, "µm")


@pytest.mark.parametrize("compression", ["gzip", "lzf"])
def test_chunks_and_compression_are_kept(tmp_path, picture, compression):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=picture((4, 40, 60)), chunks=(2, 16, 32), compression=compression)
    image = open_image(tmp_path / "a.h5")
    with create_image(f"{tmp_path}/b.h5:/clean/volume", image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    with h5py.File(tmp_path / "b.h5") as file:
        made = file["clean/volume"]
        assert (made.chunks, made.compression) == ((2, 16, 32), compression)
        np.testing.assert_array_equal(made[:], picture((4, 40, 60)))


def test_colour_in_the_last_axis_is_refused(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = picture((20, 30, 3))
    with pytest.raises(InputError, match="colour image"):
        open_image(tmp_path / "a.h5")


def test_a_file_with_other_data_in_it_is_not_replaced(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = picture((20, 30))
        file["labels"] = picture((20, 30))
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(InputError, match="2 data sets, all of which would be lost"):
        write_array(f"{tmp_path}/a.h5:/clean", picture((20, 30)), overwrite=True)
    assert (tmp_path / "a.h5").read_bytes() == before
