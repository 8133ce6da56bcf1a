"""Cache of planes for random access: in memory if they fit, else decoded once into a mapped file."""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid.files import reserve, writing
from pellucid.io.image import Plane
from pellucid.io.layout import Array

_ALIGN = 64  # every plane starts at a cache line


def cache_planes(planes: Sequence[Plane], budget_bytes: int) -> list[Array]:
    """The planes as arrays, in their own dtype, never converted.

    Args:
        planes: Any mix of shapes and dtypes.
        budget_bytes: The memory that they may take. If they need more, they are decoded to one temporary file, which is
            mapped and removed with the process; planes that are maps of their own files remain so.

    Returns:
        One (Y, X) array per plane, read-only if mapped.

    Raises:
        InputError: A plane cannot be read.
        RunError: The disk has no space for the temporary file.
    """
    if sum(_bytes(plane) for plane in planes) <= budget_bytes:
        return [np.array(_pixels(plane)) for plane in planes]
    cached: list[Array | None] = [_mapped(plane) for plane in planes]
    rest = [number for number, array in enumerate(cached) if array is None]
    for number, array in zip(rest, _decode([planes[number] for number in rest]), strict=True):
        cached[number] = array
    return [array for array in cached if array is not None]


def _bytes(plane: Plane) -> int:
    return plane.shape[0] * plane.shape[1] * plane.dtype.itemsize


def _pixels(plane: Plane) -> Array:
    """The pixels of a plane; masked ones, whose values are arbitrary, are replaced by the median of the others."""
    pixels = plane.read()
    if not np.ma.isMaskedArray(pixels):
        return pixels
    valid = ~np.ma.getmaskarray(pixels)
    data: Array = np.ma.getdata(pixels)
    return np.where(valid, data, np.median(data[valid]).astype(data.dtype)) if valid.any() else data


def _mapped(plane: Plane) -> Array | None:
    """The plane if it is a map of its own file, which needs no copy."""
    corner = plane[:1, :1]
    return plane.read() if isinstance(corner, np.memmap) else None


def _decode(planes: Sequence[Plane]) -> list[Array]:
    if not planes:
        return []
    starts = np.cumsum([0] + [-(-_bytes(plane) // _ALIGN) * _ALIGN for plane in planes])
    descriptor, name = tempfile.mkstemp(prefix="pellucid-", suffix=".raw")
    os.close(descriptor)
    path = Path(name)
    try:
        with writing(f"the temporary file {path}"):
            reserve(path, int(starts[-1]))
        store = np.memmap(path, np.uint8, "r+", shape=(int(starts[-1]),))
        views = [_view(store, int(start), plane) for start, plane in zip(starts, planes, strict=False)]
        for view, plane in zip(views, planes, strict=True):
            view[:] = _pixels(plane)
            view.flags.writeable = False
    finally:
        _remove(path)
    return views


def _view(store: Array, start: int, plane: Plane) -> Array:
    return store[start : start + _bytes(plane)].view(plane.dtype).reshape(plane.shape)


def _remove(path: Path) -> None:
    """Remove the file now if the system allows it for mapped files, else (Windows) when the process ends."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        atexit.register(_try_remove, path)


def _try_remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
