"""The pixels of a file as a Dask array: each plane or chunk is read when napari shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np
from dask.array.core import normalize_chunks

from pellucid.io.image import Image
from pellucid.io.layout import Array

LARGEST = 1 << 22
"""Pixels in a part that is read at once, unless a chunk of the file is larger."""
PREFIX = "pellucid-"
"""How the names of these Dask arrays begin."""


def lazy_pixels(image: Image) -> Any:
    """A Dask array of an image, in the order of its axes; nothing is read yet."""
    return da.map_blocks(
        partial(_read, image),
        chunks=normalize_chunks(_parts(image), image.shape),
        dtype=image.dtype,
        meta=np.empty((0,) * len(image.shape), image.dtype),
        name=f"{PREFIX}{uuid4().hex}",
    )


def _read(image: Image, block_info: Mapping[Any, Any]) -> Array:
    """A part of an image, copied: pages of a mapped file would stay in memory."""
    *leading, rows, columns = (slice(*span) for span in block_info[None]["array-location"])
    block = np.array(np.ma.getdata(image.read_block(tuple(leading), rows, columns)))
    image.release()
    return block


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
