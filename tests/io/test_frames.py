"""Frames of a video: averaged, or as noisy copies of one another, of any format and axes."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from pellucid.errors import InputError
from pellucid.io.frames import frame_axis, neighbouring_frames, read_frames
from pellucid.io.manifest import ChangedError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image, write_array

SIZE = PixelSize({"Y": 5.0, "X": 5.0}, "nm")


def video(path, picture, axes="TYX", shape=(4, 20, 30), dtype="uint8"):
    pixels = picture(shape, dtype)
    write_array(path, pixels, axes=axes, pixel_size=SIZE)
    return pixels, open_image(path)


@pytest.mark.parametrize("name", ["a.tif", "a.zarr", "a.h5"])
@pytest.mark.parametrize(
    ("axes", "shape", "axis", "left"),
    [
        ("TYX", (4, 20, 30), "T", "YX"),
        ("ZYX", (4, 20, 30), "Z", "YX"),
        ("TZYX", (4, 3, 20, 30), "T", "ZYX"),
        ("TCZYX", (4, 2, 3, 20, 30), "T", "CZYX"),
        ("CYX", (2, 20, 30), None, "CYX"),
        ("TZYX", (1, 3, 20, 30), "Z", "TYX"),
    ],
)
def test_the_mean_is_over_t_or_else_over_z(tmp_path, picture, pixels, name, axes, shape, axis, left):
    given, image = video(tmp_path / name, picture, axes, shape)
    if image.axes != axes:  # an axis of length 1 is not written in each format
        return
    assert frame_axis(image) == axis
    mean = read_frames(image, "average")
    assert mean.axes == left
    if axis is None:
        assert mean is image
        return
    np.testing.assert_allclose(pixels(mean), given.mean(axes.index(axis)), rtol=1e-6)
    assert mean.dtype == np.float32
    assert mean.pixel_size == image.pixel_size
    assert read_frames(image, "separate") is image


@pytest.mark.parametrize(
    ("dtype", "mean"), [("uint16", "float32"), ("uint32", "float64"), ("float64", "float64"), ("float32", "float32")]
)
def test_the_mean_loses_no_digits(tmp_path, picture, dtype, mean):
    _, image = video(tmp_path / "a.h5", picture, dtype=dtype)
    assert read_frames(image, "average").dtype == mean


def test_neighbours_are_the_next_frames_and_for_the_last_the_one_before(tmp_path, picture, pixels):
    given, image = video(tmp_path / "a.zarr", picture)
    other = neighbouring_frames(image)
    assert (other.axes, other.shape, other.dtype) == (image.axes, image.shape, image.dtype)
    np.testing.assert_array_equal(pixels(other), given[[1, 2, 3, 2]])
    block = other.read_block((slice(1, 3),), slice(2, 9), slice(3, 8))
    np.testing.assert_array_equal(block, given[[2, 3], 2:9, 3:8])
    assert [plane.name for plane in other.planes] == [plane.name for plane in image.planes]


def test_a_single_frame_has_no_copy(tmp_path, picture):
    _, image = video(tmp_path / "a.tif", picture, "YX", (20, 30))
    with pytest.raises(InputError, match=r"a\.tif: has a single frame, so no other copy of it; leave it out"):
        neighbouring_frames(image)


@pytest.mark.parametrize("target", ["b.tif", "b.zarr", "b.h5", "b.mrc", "b.dm4", "b.npy"])
@pytest.mark.parametrize("source", ["a.tif", "a.ome.tif", "a.zarr", "a.h5", "a.mrc"])
def test_the_mean_is_written_in_every_format_and_what_is_lost_is_told(tmp_path, picture, pixels, source, target):
    given = picture((4, 20, 30), "uint16")
    if source == "a.tif":
        labels = {"Labels": [f"frame {number}" for number in range(4)], "axes": "TYX"}
        tifffile.imwrite(tmp_path / source, given, imagej=True, metadata=labels)
    else:
        axes = "ZYX" if source == "a.mrc" else "TYX"
        write_array(tmp_path / source, given, axes=axes, pixel_size=SIZE)
    mean = read_frames(open_image(tmp_path / source), "average")
    with create_image(tmp_path / target, mean) as writer:
        writer.write(0, mean.planes[0].read())
    assert (source != "a.tif") or any("labels" in note for note in writer.notes)
    np.testing.assert_allclose(pixels(open_image(tmp_path / target)), given.mean(0), rtol=1e-6)


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
@pytest.mark.parametrize("made", [lambda image: read_frames(image, "average"), neighbouring_frames])
def test_a_changed_frame_is_noticed(tmp_path, picture, name, made):
    given, image = video(tmp_path / name, picture, shape=(4, 200, 300))
    other = made(image)
    other.known = other.manifest()
    other.planes[0].read()
    write_array(tmp_path / name, given + 1, axes="TYX", overwrite=True)
    with pytest.raises(ChangedError):
        other.planes[0].read()


def test_a_data_bar_stays_one(tmp_path, picture):
    write_array(tmp_path / "a.tif", picture((4, 20, 30)), axes="TYX")
    (tmp_path / "a.txt").write_text("$CM_FULL_SIZE 30 16\n")
    mean = read_frames(open_image(tmp_path / "a.tif"), "average")
    np.testing.assert_array_equal(np.ma.getmaskarray(mean.planes[0].read())[:, 0], np.arange(20) >= 16)


def test_the_mean_of_an_mrc_is_shown_like_it_by_all_programs(tmp_path, picture):
    write_array(tmp_path / "a.mrc", picture((4, 20, 30), "int16"), pixel_size=SIZE)
    mean = read_frames(open_image(tmp_path / "a.mrc"), "average")
    with create_image(tmp_path / "b.mrc", mean, dtype="float32") as writer:
        writer.write(0, mean.planes[0].read())
    assert writer.notes == []
    with create_image(tmp_path / "b.npy", mean) as writer:
        writer.write(0, mean.planes[0].read())
    assert any("rows go upwards" in note for note in writer.notes)
