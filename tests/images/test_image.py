from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.images import PixelSize, check_finite, open_image, write_array
from pellucid.images.image import array_image, check_dtype, known_unit, reading


def test_a_plane_knows_its_name_shape_and_dtype(picture):
    image = array_image(picture((2, 3, 20, 30), "uint16"), "stack.tif")
    assert [plane.name for plane in image.planes[2:4]] == ["stack.tif[0,2]", "stack.tif[1,0]"]
    assert (image.planes[0].shape, image.planes[0].dtype) == ((20, 30), np.uint16)
    assert array_image(picture((20, 30)), "one.tif").planes[0].name == "one.tif"


def test_planes_come_in_c_order(picture):
    array = picture((2, 3, 20, 30))
    planes = array_image(array).planes
    assert len(planes) == 6
    for number, expected in enumerate(array.reshape(6, 20, 30)):
        np.testing.assert_array_equal(planes[number].read(), expected)
    np.testing.assert_array_equal(planes[-1].read(), array[1, 2])
    with pytest.raises(IndexError):
        planes[6]


@pytest.mark.parametrize("window", [np.s_[:, :], np.s_[3:9, 5:8], np.s_[-4:, :7], np.s_[15:99, 29:31]])
def test_a_window_is_that_of_numpy(picture, window):
    array = picture((20, 30))
    np.testing.assert_array_equal(array_image(array).planes[0][window], array[window])


def test_finite_pixels_pass_and_others_are_named(picture):
    check_finite("a", picture((20, 30)))
    array = picture((20, 30), "float32")
    check_finite("a", array)
    for bad in (np.nan, np.inf, -np.inf):
        array[3, 7] = array[5, 1] = bad
        with pytest.raises(
            InputError, match=r"stack\.tif\[4\]: 2 pixels are not finite numbers \(the first at \(3, 7\)\)"
        ):
            check_finite("stack.tif[4]", array)


def test_dtypes_come_native_or_with_a_remedy():
    assert check_dtype(np.dtype(">u2"), "a").isnative
    for dtype, remedy in [
        ("bool", "uint8"),
        ("int64", "uint16 or float32"),
        ("uint64", "uint16"),
        ("complex64", "magnitude"),
    ]:
        with pytest.raises(InputError, match=rf"a\.npy: holds {dtype} pixels.*{remedy}"):
            check_dtype(np.dtype(dtype), "a.npy")


def test_pixel_sizes_convert_between_units():
    size = PixelSize({"Z": 40.0, "Y": 10.0, "X": 10.0}, "nm")
    assert size.to("µm") == PixelSize({"Z": 0.04, "Y": 0.01, "X": 0.01}, "µm")
    assert size.to("Å").to("nm") == size
    assert size.along("YX") == PixelSize({"Y": 10.0, "X": 10.0}, "nm")
    assert size.along("T") is None
    assert str(size) == "40 × 10 × 10 nm"


@pytest.mark.parametrize(
    ("values", "unit"), [({"X": 0.0}, "nm"), ({"X": float("nan")}, "nm"), ({}, "nm"), ({"X": 1.0}, "parsec")]
)
def test_senseless_pixel_sizes_are_refused(values, unit):
    with pytest.raises(InputError, match="pixel size"):
        PixelSize(values, unit)


def test_units_by_any_spelling():
    assert [known_unit(text) for text in ("micron", "µm", "μm", "Nanometer", "angstrom", "Å", "pixel", None)] == [
        "µm", "µm", "µm", "nm", "Å", "Å", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(), "no such file"),
        (PermissionError(), "no permission"),
        (ValueError("bad\nblock"), r"\(bad block\)"),
    ],
)
def test_errors_of_other_libraries_become_one_line(error, said):
    with pytest.raises(InputError, match=rf"^a\.tif: .*{said}"), reading("a.tif"):
        raise error


def test_a_file_that_goes_away_is_named(tmp_path, picture):
    write_array(tmp_path / "a.png", picture((20, 30)))
    image = open_image(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png: there is no such file"):
        image.planes[0].read()


def test_importing_the_room_loads_no_format():
    heavy = ("h5py", "mrcfile", "tifffile", "zarr", "imagecodecs", "scipy", "PIL", "torch", "matplotlib")
    code = (
        "import sys, numpy; import pellucid.images; from pellucid.images import open_source, Intensity, create_image;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
