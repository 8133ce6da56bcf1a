from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.arrays import open_array
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image, write_array


@pytest.mark.parametrize("extension", [".raw", ".BIN"])
@pytest.mark.parametrize(
    ("described", "dtype", "shape", "axes", "header"),
    [
        ("20x30xuint16", "<u2", (20, 30), "YX", 0),
        ("20x30:uint16", "<u2", (20, 30), "YX", 0),
        ("20 × 30 × uint16", "<u2", (20, 30), "YX", 0),
        ("3x20x30xfloat32:>", ">f4", (3, 20, 30), "ZYX", 0),
        ("3x20x30:FLOAT32:<:100", "<f4", (3, 20, 30), "ZYX", 100),
        ("2x3x20x30xint8:7", "i1", (2, 3, 20, 30), "TZYX", 7),
    ],
)
def test_what_is_described_after_the_colon_is_mapped(
    tmp_path, picture, pixels, extension, described, dtype, shape, axes, header
):
    array = picture(shape, dtype)
    path = tmp_path / f"a{extension}"
    path.write_bytes(bytes(header) + array.tobytes())
    image = open_image(f"{path}:{described}")
    np.testing.assert_array_equal(pixels(image), array)
    assert (image.axes, image.dtype, image.pixel_size) == (axes, np.dtype(dtype).newbyteorder("="), None)
    assert image.path == f"{path}:{described}"
    if dtype != ">f4":
        assert isinstance(image.planes[0].read(), np.memmap)


@pytest.mark.parametrize("described", ["", ":", ":/raw", ":uint16", ":512", ":512xuint16", ":5x5xuint16:x", ":5x5x5"])
def test_without_a_description_its_form_is_told(tmp_path, described):
    (tmp_path / "a.raw").write_bytes(bytes(100))
    with pytest.raises(InputError, match=r"a\.raw: does not tell its shape and pixel type; .*a\.raw:512x512xuint16"):
        open_image(f"{tmp_path}/a.raw{described}")


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ("5x10xuint16", "the file has 110 bytes, not 100; correct the shape; if it begins with a header, add :10"),
        ("5x10xuint16:4", "the file has 110 bytes, not 104; correct the shape$"),
        ("6x10xuint16", "the file has 110 bytes, not 120; correct the shape$"),
        ("5x10xint64", "the pixel type int64 is not known; use one of uint8, "),
        ("0x10xuint8:110", "is empty|cannot be read"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path, described, said):
    (tmp_path / "a.raw").write_bytes(bytes(110))
    with pytest.raises(InputError, match=rf"a\.raw.*: .*({said})"):
        open_image(f"{tmp_path}/a.raw:{described}")


def test_a_folder_of_images_may_contain_other_files(tmp_path, picture):
    write_array(tmp_path / "a.tif", picture((20, 30)))
    (tmp_path / "weights.bin").write_bytes(bytes(100))
    (tmp_path / "b.raw").write_bytes(bytes(600))
    assert [image.path for image in open_source(tmp_path).images] == [str(tmp_path / "a.tif")]


def test_a_glob_describes_all_its_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.raw").write_bytes(bytes(600))
    opened = open_source(f"{tmp_path}/*.raw:20x30xuint8")
    assert [image.shape for image in opened.images] == [(20, 30), (20, 30)]


def test_it_is_not_written(tmp_path, picture):
    with pytest.raises(InputError, match=r"a\.raw: raw is only read; write \.tif instead"):
        create_image(tmp_path / "a.raw", open_array(picture((20, 30))))
