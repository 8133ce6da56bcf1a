"""NumPy's .npy: one array, mapped from disk."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.files import reserve
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import Layout, default_layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec, lost_pixel_size, mapped_sink, refuse_other

WRITABLE = DTYPES


def open_file(path: str, inner: str | None) -> Image:
    """Map an array; axes are YX, ZYX, TZYX or TCZYX by its dimensions."""
    del inner
    opener = partial(_map, path)
    return ArrayImage(path, Handle(opener), default_layout(opener().shape, path))


def _map(path: str) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def create(path: Path, plan: OutputSpec) -> ArrayWriter:
    """Map a new array."""
    array = np.lib.format.open_memmap(path, "w+", plan.dtype, plan.shape)
    reserve(path, array.offset + plan.bytes)
    return _sink(array, plan)


def reopen(path: Path, plan: OutputSpec) -> ArrayWriter:
    """Map an array that was begun."""
    array = np.lib.format.open_memmap(path, "r+")
    refuse_other(plan.path, array, plan.shape, plan.dtype)
    return _sink(array, plan)


def _sink(array: Any, plan: OutputSpec) -> ArrayWriter:
    sink = mapped_sink(array, plan, Layout(plan.axes))
    sink.notes = lost_pixel_size(plan, "NPY")
    return sink
