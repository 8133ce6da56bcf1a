from __future__ import annotations

import errno

import numpy as np
import pytest

from pellucid.errors import InputError, RunError
from pellucid.io.arrays import open_array
from pellucid.io.conversion import ClipReport
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import FORMATS, open_image
from pellucid.io.writing import create_image, write_array

WRITERS = [known.extensions[0] for known in FORMATS if known.load().WRITABLE]


def attempt(path, like, planes, fail=lambda: None, **options):
    """Write the planes of a dictionary by number, then perhaps fail."""
    with create_image(path, like, **options) as writer:
        for number, plane in planes.items():
            writer.write(number, plane)
        fail()


def test_floats_are_rounded_clipped_and_counted(tmp_path, pixels):
    like = open_array(np.zeros((2, 20, 30), np.uint8))
    values = np.linspace(-10, 265, 1200, dtype=np.float32).reshape(2, 20, 30)
    with create_image(tmp_path / "a.tif", like) as writer:
        for number, plane in enumerate(values):
            writer.write(number, plane)
    clipped = int(((np.rint(values) < 0) | (np.rint(values) > 255)).sum())
    assert writer.report == ClipReport(clipped, 1200)
    assert clipped > 50
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.tif")), np.clip(np.rint(values), 0, 255))


def test_another_dtype_on_request(tmp_path, picture, pixels):
    like = open_array(picture((20, 30)))
    with create_image(tmp_path / "a.tif", like, dtype="float32") as writer:
        writer.write(0, picture((20, 30)) / np.float32(3))
    made = open_image(tmp_path / "a.tif")
    assert made.dtype == np.float32
    np.testing.assert_array_equal(pixels(made)[...], picture((20, 30)) / np.float32(3))


@pytest.mark.parametrize("extension", WRITERS)
def test_nothing_is_overwritten_unasked(tmp_path, picture, pixels, extension):
    path = tmp_path / f"a{extension}"
    write_array(path, picture((20, 30), "uint16"))
    with pytest.raises(InputError, match="exists already; choose another name or ask to overwrite it"):
        write_array(path, picture((20, 30), "uint16", seed=1))
    with pytest.raises(InputError, match="exists already"):
        create_image(path, open_array(picture((20, 30), "uint16")))
    write_array(path, picture((20, 30), "uint16", seed=1), overwrite=True)
    np.testing.assert_array_equal(pixels(open_image(path)), picture((20, 30), "uint16", seed=1))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("extension", WRITERS)
@pytest.mark.parametrize("before", [False, True])
def test_an_error_leaves_nothing_half_written(tmp_path, picture, pixels, extension, before):
    path = tmp_path / f"a{extension}"
    if before:
        write_array(path, picture((20, 30), "uint16"))
    like, planes = open_array(picture((20, 30), "uint16")), {0: picture((20, 30), "uint16", seed=1)}
    with pytest.raises(KeyError):
        attempt(path, like, planes, lambda: {}["nothing"], overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ([path.name] if before else [])
    if before:
        np.testing.assert_array_equal(pixels(open_image(path)), picture((20, 30), "uint16"))


@pytest.mark.parametrize("extension", WRITERS)
def test_a_full_disk_leaves_nothing_behind(tmp_path, picture, extension):
    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    array = picture((20, 30), "uint16")
    with pytest.raises(RunError, match=r"disk full while writing .*; nothing was left behind"):
        attempt(tmp_path / f"a{extension}", open_array(array), {0: array}, fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", [".tif", ".npy", ".mrc", ".dm3"])
def test_space_is_taken_before_a_file_is_mapped(tmp_path, picture, extension, monkeypatch):
    def full(path, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    module = next(known for known in FORMATS if extension in known.extensions).load()
    monkeypatch.setattr(module, "reserve", full)
    with pytest.raises(RunError, match="disk full"):
        write_array(tmp_path / f"a{extension}", picture((3, 20, 30), "uint16"))
    assert list(tmp_path.iterdir()) == []


def test_no_permission(tmp_path, picture, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(InputError, match=r"a\.tif: no permission to write there"):
        write_array(tmp_path / "a.tif", picture((20, 30)))


def test_planes_that_were_forgotten_are_counted(tmp_path, picture):
    with pytest.raises(RunError, match="2 of 3 planes are missing"):
        attempt(tmp_path / "a.tif", open_array(picture((3, 20, 30))), {1: picture((20, 30))})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "shape"), [(0, (20, 31)), (3, (20, 30)), (-1, (20, 30))])
def test_planes_that_do_not_fit_are_refused(tmp_path, picture, number, shape):
    with pytest.raises(InputError, match=r"does not fit an image of shape \(3, 20, 30\)"):
        attempt(tmp_path / "a.tif", open_array(picture((3, 20, 30))), {number: picture(shape)})


def test_a_result_that_is_not_finite_is_refused(tmp_path, picture):
    with pytest.raises(InputError, match=r"a\.tif\[2\]: has NaN or infinite pixels \(600"):
        attempt(tmp_path / "a.tif", open_array(picture((3, 20, 30))), {2: np.full((20, 30), np.nan)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.bmp", "a", "a.tif.gz"])
def test_unknown_extensions_are_refused(tmp_path, picture, name):
    with pytest.raises(
        InputError, match=r"unknown extension .*; use one of \.tif, \.zarr, \.h5, \.mrc, \.npy, \.png, \.dm3$"
    ):
        write_array(tmp_path / name, picture((20, 30)))


@pytest.mark.parametrize("axes", ["ZYX", "XY", "YY", "AX"])
def test_axes_that_do_not_fit_are_refused(tmp_path, picture, axes):
    with pytest.raises(InputError, match=rf"the axes {axes} do not fit"):
        write_array(tmp_path / "a.tif", picture((20, 30)), axes=axes)


def test_an_image_can_be_replaced_by_what_is_made_from_it(tmp_path, picture, pixels):
    write_array(tmp_path / "a.tif", picture((3, 20, 30)), pixel_size=PixelSize({"Y": 4.0, "X": 4.0}, "nm"))
    image = open_image(tmp_path / "a.tif")
    with create_image(tmp_path / "a.tif", image, overwrite=True) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, 200 - plane.read())
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.tif")), 200 - picture((3, 20, 30)))
