"""Images given as arrays of any library, recognised by their interface, never by the name of the library.

An array is any object with `__array__`, `__array_interface__` or `__dlpack__` (NumPy, torch, JAX, CuPy, Pillow), or
with `chunks`, `shape`, `dtype` and indexing (Dask, Zarr, HDF5), which is then read in parts. If it also has `dims` and
`data` (xarray), these name its axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import InputError
from pellucid.io.axis_names import axis_letters
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage
from pellucid.io.layout import Layout, default_layout, named_layout


def is_array(given: Any) -> bool:
    """Whether this is an array, of any library."""
    if isinstance(given, type):
        return False
    return is_chunked(given) or any(hasattr(given, name) for name in ("__array__", "__array_interface__", "__dlpack__"))


def is_chunked(given: Any) -> bool:
    """Whether this is an array stored in chunks, which is read by indexing and not as a whole."""
    return all(hasattr(given, name) for name in ("chunks", "shape", "dtype", "__getitem__")) and not has_dims(given)


def is_deferred(given: Any) -> bool:
    """Whether this is a lazy array, as of Dask: functions are applied to its chunks later."""
    return is_chunked(given) and all(hasattr(given, name) for name in ("map_blocks", "rechunk"))


def has_dims(given: Any) -> bool:
    """Whether this is an array with named axes that wraps another array, as xarray's do."""
    return isinstance(getattr(given, "dims", None), tuple) and hasattr(given, "data") and hasattr(given, "copy")


def open_array(given: Any, name: str = "array") -> ArrayImage:
    """Open an array as an image; a chunked array is read only when its pixels are needed, any other is used directly.

    Raises:
        InputError: The array cannot be read on this machine, or its shape or dtype does not suit an image.
    """
    inner = given.data if has_dims(given) else given
    array = inner if is_chunked(inner) and not isinstance(inner, np.ndarray) else as_numpy(inner, name)
    if not all(float(size).is_integer() for size in array.shape):
        raise InputError(f"{name}: its shape is not known yet ({array.shape}): compute its chunk sizes first")
    return ArrayImage(name, Handle(lambda: array), _layout(given, array.shape, name))


def as_numpy(given: Any, name: str) -> npt.NDArray[Any]:
    """Convert an array of any library to NumPy, without a copy where possible; masks are kept.

    bfloat16 becomes float32, which represents each of its values exactly.

    Raises:
        InputError: The array cannot be read from the CPU, for example because it is on a GPU.
    """
    try:
        for step in ("detach", "cpu"):  # tensors with a gradient, or on a GPU
            given = getattr(given, step)() if hasattr(given, step) else given
        if isinstance(given, np.memmap | np.ma.MaskedArray):
            return given
        if hasattr(given, "new_tensor") and str(given.dtype) == "torch.bfloat16":  # which NumPy does not have
            given = given.float()
        by_numpy = hasattr(given, "__array__") or hasattr(given, "__array_interface__")
        return _without_bfloat16(np.asarray(given) if by_numpy else np.from_dlpack(given))
    except Exception as error:  # each library has its own
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{name}: {kind_of(given)} cannot be read ({reason}): convert it to a NumPy array") from error


def like(given: Any, result: npt.NDArray[Any]) -> Any:
    """Return a result as the same kind of array as its input: same library, mask, dimension names and coordinates.

    If the input's library offers no way to do this, the result stays a NumPy array.
    """
    if has_dims(given):
        return given.copy(data=like(given.data, result))
    if isinstance(given, np.ma.MaskedArray):
        mask = given.mask if given.mask is np.ma.nomask else given.mask.copy()
        return np.ma.MaskedArray(result, mask=mask, fill_value=given.fill_value)
    if isinstance(given, np.ndarray) or is_chunked(given):
        return result
    if hasattr(given, "new_tensor"):
        return given.new_tensor(result)
    if hasattr(given, "__array_namespace__"):
        return given.__array_namespace__().asarray(result, dtype=given.dtype)
    return result


def kind_of(given: Any) -> str:
    """The name of an object's type for messages: `torch.Tensor`, `dict`."""
    kind = type(given)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _without_bfloat16(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _layout(given: Any, shape: Sequence[int], name: str) -> Layout:
    letters = axis_letters(given.dims) if has_dims(given) else ""
    return named_layout(letters, shape, name) if letters else default_layout(shape, name)
