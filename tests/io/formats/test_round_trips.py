"""What every format must do alike, for each pixel type that it holds."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import FORMATS, open_image
from pellucid.io.writing import create_image, write_array

WRITERS = [known for known in FORMATS if known.load().WRITABLE]
CASES = [(known.extensions[0], dtype) for known in WRITERS for dtype in known.load().WRITABLE]
AXES = {".png": ("YX",), ".mrc": ("YX", "ZYX", "TZYX"), ".zarr": ("YX", "CYX", "TCZYX"), ".dm3": ("YX", "ZYX")}
SIZES = {"T": 2, "C": 3, "Z": 2, "Y": 24, "X": 36}


def cases():
    for extension, dtype in CASES:
        for axes in AXES.get(extension, ("YX", "ZYX", "CYX", "TZYX", "TCZYX")):
            yield extension, dtype, axes


def nanometres(size):
    return size and size.to("nm")


@pytest.mark.parametrize(("extension", "dtype", "axes"), list(cases()))
def test_what_is_written_is_read_again(tmp_path, picture, pixels, extension, dtype, axes):
    array = picture([SIZES[letter] for letter in axes], dtype)
    size = PixelSize({letter: 3.5 + n for n, letter in enumerate("ZYX") if letter in axes}, "nm")
    keeps_size = extension != ".npy"
    # .npy and .mrc name no axes: they are told by their number
    keeps_axes = extension not in (".npy",) or axes != "CYX"

    write_array(tmp_path / f"one{extension}", array, axes=axes, pixel_size=size)
    image = open_image(tmp_path / f"one{extension}")

    np.testing.assert_array_equal(pixels(image), array)
    assert image.dtype == ("uint16" if (extension, dtype) == (".mrc", "uint8") else dtype)
    assert image.axes == (axes if keeps_axes else "ZYX")
    assert nanometres(image.pixel_size) == (size if keeps_size else None)
    np.testing.assert_array_equal(image.planes[-1][3:9, 30:33], array.reshape(-1, 24, 36)[-1, 3:9, 30:33])

    with create_image(tmp_path / f"two{extension}", image) as writer:
        for number in reversed(range(len(image.planes))):
            writer.write(number, image.planes[number].read())
    again = open_image(tmp_path / f"two{extension}")
    np.testing.assert_array_equal(pixels(again), array)
    assert (again.axes, again.dtype, again.pixel_size) == (image.axes, image.dtype, image.pixel_size)
    assert again.style == image.style
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one{extension}", f"two{extension}"]


@pytest.mark.parametrize("target", [".tif", ".zarr", ".h5", ".mrc", ".dm4"])
@pytest.mark.parametrize("origin", [".tif", ".zarr", ".h5", ".mrc", ".dm4"])
def test_converting_keeps_pixels_axes_and_pixel_size(tmp_path, picture, pixels, origin, target):
    array = picture((3, 20, 30), "int16")
    size = PixelSize({"Z": 8.0, "Y": 2.0, "X": 2.0}, "nm")
    write_array(tmp_path / f"a{origin}", array, pixel_size=size)
    image = open_image(tmp_path / f"a{origin}")
    with create_image(tmp_path / f"b{target}", image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    made = open_image(tmp_path / f"b{target}")
    np.testing.assert_array_equal(pixels(made), array)
    assert (made.axes, made.pixel_size.to("nm")) == ("ZYX", size)


@pytest.mark.parametrize("extension", [".tif", ".h5", ".mrc", ".npy", ".png", ".dm3", ".dm4"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_named(tmp_path, picture, extension, kept):
    path = tmp_path / f"cut{extension}"
    write_array(path, picture((200, 300), "uint16"))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(InputError, match=rf"cut\{extension}.*(again|give another)"):
        open_image(path).planes[0].read()


@pytest.mark.parametrize("extension", [e for known in FORMATS for e in known.extensions])
@pytest.mark.parametrize("content", [b"", b"this is a text file, not an image\n" * 100])
def test_a_text_file_with_the_extension_of_an_image_is_named(tmp_path, extension, content):
    path = tmp_path / f"notes{extension}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"notes\{extension}: ") as caught:
        open_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("extension", "dtype", "remedy"),
    [
        (".png", "float32", ".tif"),
        (".mrc", "uint32", ".tif"),
        (".dm4", "float16", ".tif"),
        (".jpg", "uint8", ".tif or .png"),
    ],
)
def test_a_format_that_cannot_hold_the_dtype_is_refused_by_name(tmp_path, picture, extension, dtype, remedy):
    with pytest.raises(InputError, match=rf"(PNG|MRC|JPEG|DigitalMicrograph).*{remedy}"):
        write_array(tmp_path / f"a{extension}", picture((20, 20), dtype))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", [".png", ".mrc", ".dm3"])
def test_a_format_that_cannot_hold_the_axes_is_refused(tmp_path, picture, extension):
    with pytest.raises(InputError, match=r"write \.tif.* or \.zarr"):
        write_array(tmp_path / f"a{extension}", picture((2, 3, 2, 20, 20)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", [".npy", ".h5", ".zarr"])
@pytest.mark.parametrize(
    ("dtype", "remedy"), [("int64", "uint16 or float32"), ("bool", "uint8"), ("complex64", "magnitude")]
)
def test_pixel_types_that_are_no_image_are_refused_with_the_remedy(tmp_path, extension, dtype, remedy):
    import h5py
    import zarr

    array = np.ones((20, 20), dtype)
    path = tmp_path / f"a{extension}"
    if extension == ".npy":
        np.save(path, array)
    elif extension == ".h5":
        h5py.File(path, "w").create_dataset("raw", data=array).file.close()
    else:
        zarr.save_array(path, array)
    with pytest.raises(InputError, match=f"{dtype}.*{remedy}"):
        open_image(path)


@pytest.mark.parametrize("shape", [(40,), (1, 1, 1, 2, 20, 20)])
def test_one_dimension_or_six_are_no_image(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, "float32"))
    with pytest.raises(InputError, match="2 to 5"):
        open_image(tmp_path / "a.npy")
