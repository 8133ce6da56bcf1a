from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.io.arrays import open_array
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image, check_dtype, check_finite, reading
from pellucid.io.layout import Layout
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array


def test_a_plane_knows_its_name_shape_and_dtype(picture):
    image = open_array(picture((2, 3, 20, 30), "uint16"), "stack.tif")
    assert [plane.name for plane in image.planes[2:4]] == ["stack.tif[0,2]", "stack.tif[1,0]"]
    assert (image.planes[0].shape, image.planes[0].dtype) == ((20, 30), np.uint16)
    assert open_array(picture((20, 30)), "one.tif").planes[0].name == "one.tif"


def test_planes_come_in_c_order(picture):
    array = picture((2, 3, 20, 30))
    planes = open_array(array).planes
    assert len(planes) == 6
    for number, expected in enumerate(array.reshape(6, 20, 30)):
        np.testing.assert_array_equal(planes[number].read(), expected)
    np.testing.assert_array_equal(planes[-1].read(), array[1, 2])
    with pytest.raises(IndexError):
        planes[6]


@pytest.mark.parametrize("window", [np.s_[:, :], np.s_[3:9, 5:8], np.s_[-4:, :7], np.s_[15:99, 29:31]])
def test_a_window_is_that_of_numpy(picture, window):
    array = picture((20, 30))
    np.testing.assert_array_equal(open_array(array).planes[0][window], array[window])


class Windowed(Image):
    """An image that reads windows only, and counts them."""

    def __init__(self, array):
        super().__init__("windowed", Layout("TZYX"), array.shape, array.dtype)
        self.array, self.count = array, 0

    def read_window(self, index, rows, columns):
        self.count += 1
        return self.array[index][rows, columns]


def test_a_block_is_that_of_numpy_in_the_order_of_the_axes(picture):
    array = picture((2, 3, 20, 30), "uint16")
    for image in (open_array(array), Windowed(array)):
        block = image.read_block((slice(0, 2), slice(1, 3)), slice(4, 9), slice(25, 30))
        np.testing.assert_array_equal(block, array[0:2, 1:3, 4:9, 25:30])
        np.testing.assert_array_equal(
            image.read_block((slice(1, 2), slice(2, 3)), slice(0, 20), slice(0, 30)), array[1:, 2:]
        )
        assert image.chunks == (1, 1, 20, 30)
        assert image.missing_chunks() is None
        image.release()
    flat = open_array(array[0, 0])
    np.testing.assert_array_equal(flat.read_block((), slice(1, 5), slice(2, 9)), array[0, 0, 1:5, 2:9])


def test_a_block_is_one_read_of_the_array(picture):
    class Counted:
        shape, dtype, keys = (4, 20, 30), np.dtype(">u2"), []

        def __getitem__(self, key):
            self.keys.append(key)
            return picture(self.shape, self.dtype)[key]

    image = ArrayImage("counted", Handle(Counted), Layout("XZY"))
    block = image.read_block((slice(2, 12),), slice(3, 9), slice(1, 4))
    assert Counted.keys == [(slice(1, 4), slice(2, 12), slice(3, 9))]
    np.testing.assert_array_equal(block, picture((4, 20, 30)).transpose(1, 2, 0)[2:12, 3:9, 1:4])
    assert block.dtype.isnative


def test_a_block_of_grey_in_colour_samples_is_grey_and_of_colour_is_refused(picture):
    grey = picture((3, 20, 30))
    colour = np.stack([grey, grey, grey], -1)
    image = open_array(colour, "c.npy")
    np.testing.assert_array_equal(image.read_block((slice(1, 3),), slice(0, 9), slice(0, 9)), grey[1:, :9, :9])
    colour[2, 5, 5, 1] += 1
    image.read_block((slice(0, 2),), slice(0, 20), slice(0, 30))
    with pytest.raises(InputError, match=r"c\.npy\[1:3, 4:6, 4:6\]: is a colour image"):
        image.read_block((slice(1, 3),), slice(4, 6), slice(4, 6))


def test_what_was_decoded_whole_is_let_go_of_and_read_again(picture):
    made = []
    image = ArrayImage("a", Handle(lambda: made.append(picture((20, 30))) or made[-1]), Layout("YX"))
    image.read_block((), slice(0, 20), slice(0, 30))
    assert len(made) == 1
    image.release()
    image.release()
    np.testing.assert_array_equal(image.read_block((), slice(0, 20), slice(0, 30)), picture((20, 30)))
    assert len(made) == 2


def test_finite_pixels_pass_and_others_are_named(picture):
    check_finite("a", picture((20, 30)))
    array = picture((20, 30), "float32")
    check_finite("a", array)
    for bad in (np.nan, np.inf, -np.inf):
        array[3, 7] = array[5, 1] = bad
        with pytest.raises(
            InputError, match=r"stack\.tif\[4\]: has NaN or infinite pixels \(2, the first at \(3, 7\)\)"
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
        with pytest.raises(InputError, match=rf"a\.npy: has {dtype} pixels.*{remedy}"):
            check_dtype(np.dtype(dtype), "a.npy")


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
    with pytest.raises(InputError, match=r"a\.png: no such file"):
        image.planes[0].read()


def test_importing_the_room_loads_no_format():
    heavy = ("h5py", "mrcfile", "tifffile", "zarr", "tensorstore", "imagecodecs", "scipy", "PIL", "torch", "matplotlib")
    code = (
        "import sys, numpy; import pellucid.io.registry, pellucid.io.writing;"
        "import pellucid.data.source, pellucid.data.intensity_range;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
