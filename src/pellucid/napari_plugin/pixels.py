"""The pixels of a file as a Dask array: each plane or chunk is read when napari shows it."""

from __future__ import annotations

import math
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np

from pellucid.io.image import Image
from pellucid.io.layout import Array

LARGEST = 1 << 22
"""Pixels in a part that is read at once, unless a chunk of the file is larger."""
PREFIX = "pellucid-"
"""How the names of these Dask arrays begin."""


class _Indexable:
    """An image that is read by indexing, as Dask wants it."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self.shape, self.dtype, self.ndim = image.shape, image.dtype, len(image.shape)

    def __getitem__(self, index: tuple[slice, ...]) -> Array:
        *leading, rows, columns = index
        block = np.ma.getdata(self._image.read_block(tuple(leading), rows, columns))
        copied = np.array(block)  # not a map of the file, whose pages would stay in memory
        self._image.release()
        return copied


def lazy_pixels(image: Image) -> Any:
    """A Dask array of an image, in the order of its axes; nothing is read yet."""
    nothing = np.empty((0,) * len(image.shape), image.dtype)
    name = f"{PREFIX}{uuid4().hex}"
    return da.from_array(_Indexable(image), chunks=_parts(image), name=name, asarray=False, meta=nothing)


def is_lazy(pixels: Any) -> bool:
    """Whether pixels are read or computed later, or mapped from a file: they may be more than memory holds."""
    return not isinstance(pixels, np.ndarray) or isinstance(pixels, np.memmap)


def are_of_file(pixels: Any) -> bool:
    """Whether this is an array that `lazy_pixels` returned, and not one that was made of it."""
    return str(getattr(pixels, "name", "")).startswith(PREFIX)


def _parts(image: Image) -> tuple[int, ...]:
    """Whole planes where they are small, else whole chunks of the file, some together."""
    *depth, height, width = image.chunks
    rows, columns = image.shape[-2:]
    if rows * columns <= LARGEST:
        return (*depth, rows, columns)
    some = max(1, math.isqrt(LARGEST // (height * width)))
    tall = max(1, LARGEST // columns // height) * height if width == columns else height * some
    return (*depth, min(rows, tall), min(columns, width * some))
