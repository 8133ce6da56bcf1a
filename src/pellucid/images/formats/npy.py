"""NumPy's .npy: one array, mapped from disk."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.images.atomic import reserve
from pellucid.images.handles import Handle
from pellucid.images.image import DTYPES, ArrayImage, Image
from pellucid.images.layout import Layout, default_layout
from pellucid.images.plan import Plan, Sink, lost_pixel_size

WRITABLE = DTYPES


def open_file(path: str, inner: str | None) -> Image:
    """Map an array; axes are YX, ZYX, TZYX or TCZYX by its dimensions."""
    del inner
    opener = partial(_map, path)
    return ArrayImage(path, Handle(opener), default_layout(opener().shape, path))


def _map(path: str) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def create(path: Path, plan: Plan) -> Sink:
    """Map a new array."""
    array = np.lib.format.open_memmap(path, "w+", plan.dtype, plan.shape)
    reserve(path, array.offset + plan.bytes)
    return Sink(array, Layout(plan.axes), array.flush, notes=lost_pixel_size(plan, "NPY"))
