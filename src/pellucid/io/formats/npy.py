"""NumPy's .npy: one array, memory-mapped."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.files import reserve
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import Layout, default_layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec, lost_pixel_size, mapped_writer, refuse_mismatch

WRITABLE = DTYPES


def open_file(path: str, inner: str | None) -> Image:
    """Map an array; its axes are YX, ZYX, TZYX or TCZYX, by the number of dimensions."""
    del inner
    opener = partial(_map, path)
    return ArrayImage(path, Handle(opener), default_layout(opener().shape, path))


def _map(path: str) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map a new array."""
    array = np.lib.format.open_memmap(path, "w+", spec.dtype, spec.shape)
    reserve(path, array.offset + spec.bytes)
    return _writer(array, spec)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map an array that was begun."""
    array = np.lib.format.open_memmap(path, "r+")
    refuse_mismatch(spec.path, array, spec.shape, spec.dtype)
    return _writer(array, spec)


def _writer(array: Any, spec: OutputSpec) -> ArrayWriter:
    writer = mapped_writer(array, spec, Layout(spec.axes))
    writer.notes = _lost_axes(spec) + lost_pixel_size(spec, "NPY")
    return writer


def _lost_axes(spec: OutputSpec) -> list[str]:
    read_as = default_layout(spec.shape, spec.path).axes
    return [f"NPY names no axes: {spec.axes} will be read as {read_as}"] if read_as != spec.axes else []
