from __future__ import annotations

import dask.array
import h5py
import numpy as np
import pytest
import torch
import zarr
from PIL import Image as Pillow

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.arrays import is_array, is_chunked, is_deferred, like, open_array

COUNTED = dask.array.from_array(np.arange(99.0))


class Labelled:
    """What xarray's DataArray offers, of it what is used."""

    def __init__(self, data, dims, coords=None, attrs=None, name=None):
        self.data, self.dims, self.coords, self.attrs, self.name = data, dims, coords, attrs, name

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    chunks = property(lambda self: getattr(self.data, "chunks", None))

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("it would be read as a whole")

    def __getitem__(self, key):
        raise AssertionError("it would be indexed by its labels")

    def copy(self, data):
        return Labelled(data, self.dims, self.coords, self.attrs, self.name)


class ByDLPack:
    """An array of a library that speaks DLPack alone."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class ByInterface:
    """An array of a library that speaks NumPy's old protocol alone."""

    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Namespaced:
    """An array of a library with the array API, as JAX and CuPy are."""

    def __init__(self, array, dtype=None):
        self.array = array
        self.dtype = dtype or array.dtype

    def __array__(self, dtype=None, copy=None):
        return self.array

    def __array_namespace__(self):
        return Namespace


class Namespace:
    asarray = Namespaced


@pytest.fixture
def stack(picture):
    return picture((3, 20, 30))


@pytest.fixture
def h5(stack, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        yield file.create_dataset("raw", data=stack, chunks=(1, 10, 10))


@pytest.mark.parametrize(
    "make",
    [
        torch.from_numpy,
        lambda stack: torch.from_numpy(stack).float().requires_grad_(),
        ByDLPack,
        ByInterface,
        Namespaced,
        lambda stack: Labelled(stack, ("z", "y", "x")),
        lambda stack: dask.array.from_array(stack, chunks=(2, 10, 30)),
        lambda stack: zarr.array(stack, chunks=(2, 10, 30)),
        np.asfortranarray,
        lambda stack: stack.astype(">i2"),
        lambda stack: stack.repeat(2, axis=2)[:, :, ::2],
        lambda stack: np.broadcast_to(stack, stack.shape),
        lambda stack: stack[::-1, ::-1][::-1, ::-1],
    ],
)
def test_arrays_of_many_kinds_hold_the_same_pixels(make, stack, pixels):
    given = make(stack)
    assert is_array(given)
    (image,) = open_source(given).images
    assert (image.axes, image.shape) == ("ZYX", (3, 20, 30))
    np.testing.assert_array_equal(pixels(image), stack)


def test_an_hdf5_data_set_is_read_where_it_is_asked_for(h5, stack):
    assert is_chunked(h5)
    assert not is_deferred(h5)
    np.testing.assert_array_equal(open_array(h5).planes[1][3:9, 4:8], stack[1, 3:9, 4:8])


def test_a_picture_of_pillow_is_an_array(stack):
    np.testing.assert_array_equal(open_array(Pillow.fromarray(stack[0])).planes[0].read(), stack[0])


def test_of_a_chunked_array_no_more_is_read_than_is_asked_for(stack):
    read = []

    def block(value, block_info=None):
        read.append(block_info[0]["chunk-location"])
        return value

    chunked = dask.array.from_array(stack, chunks=(1, 20, 30)).map_blocks(block, dtype=stack.dtype, meta=stack[:0])
    image = open_array(chunked)
    assert read == []
    np.testing.assert_array_equal(image.planes[2].read(), stack[2])
    assert read == [(2, 0, 0)]


def test_named_axes_are_found_whatever_their_order(stack, pixels):
    image = open_array(Labelled(stack.transpose(2, 0, 1), ("x", "time", "y")))
    assert (image.axes, image.shape) == ("TYX", (3, 20, 30))
    np.testing.assert_array_equal(pixels(image), stack)
    assert open_array(Labelled(stack, ("plane", "row", "column"))).axes == "ZYX"  # unknown names: by their number


def test_rows_and_columns_by_name_are_found_beside_axes_of_unknown_names(stack, pixels):
    image = open_array(Labelled(stack.transpose(1, 2, 0), ("y", "x", "section")))
    assert (image.axes, image.shape) == ("ZYX", (3, 20, 30))
    np.testing.assert_array_equal(pixels(image), stack)
    image = open_array(Labelled(stack[:, None], ("z", "round", "y", "x")))
    assert (image.axes, image.shape) == ("ZTYX", (3, 1, 20, 30))


def test_a_masked_array_stays_masked(stack):
    masked = np.ma.MaskedArray(stack, stack > 100)
    np.testing.assert_array_equal(np.ma.getmaskarray(open_array(masked).planes[0].read()), stack[0] > 100)


def test_a_memory_map_stays_one(stack, tmp_path):
    np.save(tmp_path / "a.npy", stack)
    assert isinstance(open_array(np.load(tmp_path / "a.npy", mmap_mode="r")).planes[0].read(), np.memmap)


def test_a_list_of_different_sizes_and_kinds(picture):
    source = open_source([picture((20, 30)), torch.from_numpy(picture((40, 50))), picture((2, 16, 16)).copy("F")])
    assert [(image.path, image.shape) for image in source.images] == [
        ("array 0", (20, 30)),
        ("array 1", (40, 50)),
        ("array 2", (2, 16, 16)),
    ]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (None, "NoneType"),
        (3, "int"),
        ({"a": np.zeros((20, 20))}, "dict"),
        (b"noisy", "bytes"),
        ((number for number in range(2)), "generator"),
        (dict, "type"),
        (torch.nn.Identity(), "torch.nn.modules.linear.Identity"),
    ],
)
def test_anything_else_is_told_by_its_type(given, kind):
    message = f"^array is of the type .*{kind}, which is not an image: give a file, a folder"
    with pytest.raises(InputError, match=message) as told:
        open_source(given)
    assert "\n" not in str(told.value)
    with pytest.raises(InputError, match=f"^array 1 is of the type .*{kind}, which is not an image"):
        open_source([np.zeros((20, 20), np.uint8), given])


def test_numbers_in_lists_are_no_image():
    with pytest.raises(InputError, match="array 0 is of the type list"):
        open_source([[1, 2], [3, 4]])


def test_no_name_at_all_is_not_the_folder_one_is_in():
    with pytest.raises(InputError, match="the name of a source is empty"):
        open_source("")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((20, 20), bool), "bool pixels.*a mask is not an image; convert it to uint8"),
        (np.ones((20, 20), complex), "complex128 pixels.*take its magnitude"),
        (np.ones((20, 20), object), "object pixels.*convert it to uint16 or float32"),
        (np.ones((20, 20), np.int64), "int64 pixels.*convert it to uint16 or float32"),
        (np.array(["a" * 20] * 2), "1 dimension"),
        (np.float64(3), "0 dimensions"),
        (np.ones(40), "1 dimension "),
        (np.ones((1, 1, 1, 1, 20, 20)), "6 dimensions"),
        (np.ones((0, 20, 20)), r"is empty \(shape \(0, 20, 20\)\)"),
        (np.ones((20, 0), np.uint8), "is empty"),
        (np.ones((15, 20), np.uint8), "is 15×20 pixels"),
        (torch.zeros((20, 20), device="meta"), r"torch\.Tensor cannot be read"),
        (COUNTED[COUNTED > 5], "its shape is not known yet"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_images(array, message):
    with pytest.raises(InputError, match=message):
        open_source(array)


@pytest.mark.parametrize("shape", [(20, 30, 3), (16, 16, 4), (2, 20, 30, 3)])
def test_colour_is_told_as_such_whatever_the_size(shape, picture):
    with pytest.raises(InputError, match="is a colour image"):
        open_source(picture(shape))


def test_a_result_is_of_the_kind_of_what_was_given(stack):
    result = stack // 2
    assert like(stack, result) is result
    tensor = like(torch.from_numpy(stack).requires_grad_(False), result)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.uint8
    np.testing.assert_array_equal(tensor.numpy(), result)
    learning = like(torch.ones((3, 20, 30), requires_grad=True), result.astype("float32"))
    assert not learning.requires_grad
    masked = like(np.ma.MaskedArray(stack, stack > 100, fill_value=7), result)
    assert masked.fill_value == 7
    np.testing.assert_array_equal(masked.mask, stack > 100)
    labelled = like(
        Labelled(torch.from_numpy(stack), ("z", "y", "x"), {"z": [1, 2, 3]}, {"unit": "nm"}, "cells"), result
    )
    assert isinstance(labelled.data, torch.Tensor)
    assert (labelled.coords, labelled.attrs, labelled.name) == ({"z": [1, 2, 3]}, {"unit": "nm"}, "cells")
    assert isinstance(like(Namespaced(stack), result), Namespaced)
    assert like(Namespaced(stack, "bfloat16"), result).dtype == "bfloat16"
    assert like(zarr.array(stack), result) is result
