from __future__ import annotations

import h5py
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import contents, open_image, split
from pellucid.io.writing import Writer, create_image, write_array


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


def test_a_group_with_one_image_is_that_image(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["first/raw"] = picture((20, 30))
        file["second/raw"] = picture((20, 30))
        file["second/mask"] = picture((20, 30))
    assert open_image(f"{tmp_path}/a.h5:/first").path == f"{tmp_path}/a.h5:/first/raw"
    with pytest.raises(InputError, match="no data set second; its data sets with images: /first/raw"):
        open_image(f"{tmp_path}/a.h5:second")


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


@pytest.fixture
def told(tmp_path, picture):
    """A file that says much of its data set, and has others."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        raw = file.create_dataset("volumes/raw", data=picture((4, 20, 30)), chunks=(2, 20, 20))
        raw.attrs["element_size_um"] = [0.04, 0.01, 0.01]
        raw.attrs["resolution"] = np.array([40, 10, 10], "uint32")
        raw.attrs["stain"] = "osmium"
        raw.attrs["operator"] = np.bytes_(b"A. B.")
        raw.attrs["drifts"] = np.array(["left", "right"], h5py.string_dtype())
        raw.attrs["nothing"] = h5py.Empty("float32")
        raw.attrs["flag"] = True
        raw.attrs["see"] = raw.ref
        raw.attrs["history"] = "acquired"
        file.attrs["microscope"] = "SEM 7"
        file["volumes"].attrs["session"] = 12
        file["volumes/labels"] = picture((4, 20, 30), "uint32")
        file["log"] = np.arange(5)
    return tmp_path / "a.h5"


def write(target, image, **given):
    spec = OutputSpec(
        str(target), image.axes, image.shape, image.dtype, image.pixel_size, image.style, split(target)[1], **given
    )
    with Writer(spec) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    return writer


def test_what_was_said_of_a_data_set_is_said_of_the_result(told, tmp_path):
    writer = write(tmp_path / "b.h5", open_image(f"{told}:/volumes/raw"), history="denoised")
    assert writer.notes == ["not kept: references and the like: see, other data sets: /log, /volumes/labels"]
    with h5py.File(told) as before, h5py.File(tmp_path / "b.h5") as after:
        old, new = before["volumes/raw"].attrs, after["volumes/raw"].attrs
        for name in ("element_size_um", "resolution", "stain", "operator", "drifts", "flag"):
            np.testing.assert_array_equal(new[name], old[name])
            assert getattr(new[name], "dtype", None) == getattr(old[name], "dtype", None)
        assert new["nothing"] == h5py.Empty("float32")
        assert new["history"] == "acquired\ndenoised"
        assert (after.attrs["microscope"], after["volumes"].attrs["session"]) == ("SEM 7", 12)
        assert after["volumes/raw"].chunks == (2, 20, 20)
    made = open_image(tmp_path / "b.h5")
    assert made.pixel_size == PixelSize({"Z": 0.04, "Y": 0.01, "X": 0.01}, "µm")
    write(tmp_path / "c.h5", made)
    with h5py.File(tmp_path / "c.h5") as file:
        assert file["volumes/raw"].attrs["history"] == "acquired\ndenoised"


def test_attributes_of_a_group_that_the_output_lacks_are_named(told, tmp_path):
    writer = write(f"{tmp_path}/b.h5:/clean", open_image(f"{told}:/volumes/raw"))
    assert writer.notes[0].startswith("not kept: attributes of /volumes, ")
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["microscope"] == "SEM 7"
        assert "history" in file["clean"].attrs


def test_another_format_tells_what_an_hdf5_said(told, tmp_path):
    (note,) = write(tmp_path / "b.tif", open_image(f"{told}:/volumes/raw")).notes
    assert note.startswith("not kept by TIFF: attributes: ")
    assert "stain" in note
    assert "other data sets: /log, /volumes/labels" in note


def test_chunks_follow_the_axes_where_these_are_stored_in_another_order(tmp_path, picture):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        raw = file.create_dataset("raw", data=picture((30, 20, 4)), chunks=(15, 10, 2))
        for dimension, label in zip(raw.dims, "xyz", strict=True):
            dimension.label = label
    image = open_image(tmp_path / "a.h5")
    assert image.chunks == (2, 10, 15)
    write(tmp_path / "b.h5", image)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["raw"].chunks == (2, 10, 15)


def test_a_file_lists_its_images(told):
    assert contents(told) == [f"{told}:/volumes/labels (4, 20, 30) uint32", f"{told}:/volumes/raw (4, 20, 30) uint8"]
