"""What is to be written, and where a format puts it: the two objects between the writer and the formats."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.images.image import PixelSize
from pellucid.images.layout import Layout


@dataclass(frozen=True)
class Plan:
    """An image to be written.

    Attributes:
        path: As the user wrote it, for messages.
        axes, shape, dtype, pixel_size: As in ``Image``.
        style: The ``style`` of the image that it shall be like, of whatever format; None without one.
        inner: The path inside the file, for HDF5.
    """

    path: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pixel_size: PixelSize | None = None
    style: object = None
    inner: str | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """The size of every axis."""
        return dict(zip(self.axes, self.shape, strict=True))

    @property
    def bytes(self) -> int:
        """The size of all pixels in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def planes(self) -> int:
        """The number of planes."""
        return math.prod(self.shape[:-2])


@dataclass
class Sink:
    """A file being written.

    Attributes:
        array: Planes are set in it, through ``layout``; any order, each once.
        layout: The order of its axes.
        finish: Called when all planes are in: encodes what has to be, closes.
        abort: Called instead if something failed: closes.
        notes: What the format cannot keep, in plain words.
    """

    array: Any
    layout: Layout
    finish: Callable[[], object]
    abort: Callable[[], object] = lambda: None
    notes: list[str] = field(default_factory=list)


def lost_pixel_size(plan: Plan, format_name: str) -> list[str]:
    """The note for a format without a place for the pixel size; empty if there is none to lose."""
    return (
        [f"{format_name} cannot hold the pixel size ({plan.pixel_size}): it is not stored"] if plan.pixel_size else []
    )


def scratch(folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Room for decoded planes that are encoded at the end: memory while small, else a mapped file in ``folder``."""
    from pellucid.images.atomic import reserve

    size = math.prod(shape) * dtype.itemsize
    if size <= 1 << 28:
        return np.zeros(shape, dtype)
    raw = folder / "planes.raw"
    reserve(raw, size)
    return np.memmap(raw, dtype, "r+", shape=shape)
