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
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage
from pellucid.io.layout import AXES, Layout, default_layout, named_layout

_LETTERS = {"time": "T", "channel": "C", **{letter.lower(): letter for letter in AXES}}
"""Axis letters by the lower-case names of dimensions."""
_UNKNOWN = "?"


def is_array(held: Any) -> bool:
    """Whether this is an array, of any library."""
    if isinstance(held, type):
        return False
    return is_chunked(held) or any(hasattr(held, name) for name in ("__array__", "__array_interface__", "__dlpack__"))


def is_chunked(held: Any) -> bool:
    """Whether this is an array stored in chunks, which is read by indexing and not as a whole."""
    return all(hasattr(held, name) for name in ("chunks", "shape", "dtype", "__getitem__")) and not has_dims(held)


def is_deferred(held: Any) -> bool:
    """Whether this is a lazy array, as of Dask: functions are applied to its chunks later."""
    return is_chunked(held) and all(hasattr(held, name) for name in ("map_blocks", "rechunk"))


def has_dims(held: Any) -> bool:
    """Whether this is an array with named axes that wraps another array, as xarray's do."""
    return isinstance(getattr(held, "dims", None), tuple) and hasattr(held, "data") and hasattr(held, "copy")


def open_array(held: Any, name: str = "array") -> ArrayImage:
    """Open an array as an image; a chunked array is read only when its pixels are needed, any other is used directly.

    Raises:
        InputError: The array cannot be read on this machine, or its shape or dtype does not suit an image.
    """
    inner = held.data if has_dims(held) else held
    array = inner if is_chunked(inner) and not isinstance(inner, np.ndarray) else as_numpy(inner, name)
    if not all(float(size).is_integer() for size in array.shape):
        raise InputError(f"{name}: its shape is not known yet ({array.shape}): compute its chunk sizes first")
    return ArrayImage(name, Handle(lambda: array), _layout(held, array.shape, name))


def as_numpy(held: Any, name: str) -> npt.NDArray[Any]:
    """Convert an array of any library to NumPy, without a copy where possible; masks are kept.

    bfloat16 becomes float32, which represents each of its values exactly.

    Raises:
        InputError: The array cannot be read from the CPU, for example because it is on a GPU.
    """
    try:
        for step in ("detach", "cpu"):  # tensors with a gradient, or on a GPU
            held = getattr(held, step)() if hasattr(held, step) else held
        if isinstance(held, np.memmap | np.ma.MaskedArray):
            return held
        if hasattr(held, "new_tensor") and str(held.dtype) == "torch.bfloat16":  # which NumPy does not have
            held = held.float()
        by_numpy = hasattr(held, "__array__") or hasattr(held, "__array_interface__")
        return _without_bfloat16(np.asarray(held) if by_numpy else np.from_dlpack(held))
    except Exception as error:  # each library has its own
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{name}: {kind_of(held)} cannot be read ({reason}): convert it to a NumPy array") from error


def like(held: Any, result: npt.NDArray[Any]) -> Any:
    """Return a result as the same kind of array as its input: same library, mask, dimension names and coordinates.

    If the input's library offers no way to do this, the result stays a NumPy array.
    """
    if has_dims(held):
        return held.copy(data=like(held.data, result))
    if isinstance(held, np.ma.MaskedArray):
        mask = held.mask if held.mask is np.ma.nomask else held.mask.copy()
        return np.ma.MaskedArray(result, mask=mask, fill_value=held.fill_value)
    if isinstance(held, np.ndarray) or is_chunked(held):
        return result
    if hasattr(held, "new_tensor"):
        return held.new_tensor(result)
    if hasattr(held, "__array_namespace__"):
        return held.__array_namespace__().asarray(result, dtype=held.dtype)
    return result


def kind_of(held: Any) -> str:
    """The name of an object's type for messages: `torch.Tensor`, `dict`."""
    kind = type(held)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _without_bfloat16(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _layout(held: Any, shape: Sequence[int], name: str) -> Layout:
    if has_dims(held):
        letters = [_LETTERS.get(str(dim).lower(), _UNKNOWN) for dim in held.dims]
        if {"Y", "X"} <= set(letters):
            return named_layout("".join(letters), shape, name)
    return default_layout(shape, name)
