"""``OutputSpec`` describes an image to be written; ``ArrayWriter`` is what a format returns to write it into."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from pellucid.errors import RunError
from pellucid.io.layout import Layout
from pellucid.io.manifest import ChunkFiles
from pellucid.io.memmap import release_map
from pellucid.io.pixel_size import PixelSize

#: How the history of a denoised image begins.
DENOISED_BY = "denoised with Pellucid"


@dataclass(frozen=True)
class Style:
    """How a file of one format is stored, and what it says beside its pixels: what a writer of that format copies."""

    @property
    def annotations(self) -> tuple[str, ...]:
        """What it says beside pixels, axes and pixel size, in words: ``("tilt angles", "3 labels")``."""
        return ()


@dataclass(frozen=True)
class OutputSpec:
    """The description of an image to be written.

    Attributes:
        path: As the user wrote it, for messages.
        axes, shape, dtype, pixel_size: As in ``Image``.
        style: That of the input image, whatever its format.
        inner: The path inside the file, for HDF5.
        offset: The position of the first pixel in the input of which this is a part, in pixels by axis; 0 if not named.
        chunks, shards: Along ``axes``, for a Zarr; None for the format's choice.
        levels: Whether to write coarser levels, if the format has them (OME-Zarr).
        history: One line that tells what was done to the pixels, for formats that have a place for it.
    """

    path: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pixel_size: PixelSize | None = None
    style: Style = Style()
    inner: str | None = None
    offset: Mapping[str, int] = field(default_factory=dict)
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    levels: bool = False
    history: str = ""

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


@dataclass(frozen=True)
class Level:
    """One resolution of an image being written.

    Attributes:
        array: Assign regions to it: ``array[layout.index(region)] = layout.from_axes(block, spec.axes)``.
        layout: The order of its axes.
        shape: Along the axes of the ``OutputSpec``.
        factors: How many pixels of the finer level make one of this level, by axis; all 1 for the finest.
        unit: As in ``ArrayWriter``.
        files: The level's chunks on disk.
    """

    array: Any
    layout: Layout
    shape: tuple[int, ...]
    factors: Mapping[str, int]
    unit: tuple[int, ...]
    files: ChunkFiles


@dataclass
class ArrayWriter:
    """An image file being written: an array to assign pixels to.

    Attributes:
        array: Assign planes or regions to it, through ``layout``: in any order, each once, from any thread.
        layout: The order of its axes.
        unit: The sides, along the axes of the ``OutputSpec``, of the smallest region that can be written independently.
            Regions start at multiples of it, and end there or at the border.
        finish: Call it when all planes are written: encodes if necessary, and closes. If the process is killed
            meanwhile, ``reopen`` and ``finish`` again have the same result.
        abort: Call it instead after an error: closes.
        release: Writes pending pixels to the file and frees the memory that they took.
        levels: All resolutions, the finest (``array`` itself) first; empty if the format has only one.
        parallel: Whether several processes may write at once, each to units of its own.
        notes: What the format cannot store, one sentence each.
    """

    array: Any
    layout: Layout
    unit: tuple[int, ...]
    finish: Callable[[], object]
    abort: Callable[[], object] = lambda: None
    release: Callable[[], object] = lambda: None
    levels: list[Level] = field(default_factory=list)
    parallel: bool = True
    notes: list[str] = field(default_factory=list)


def lost_pixel_size(spec: OutputSpec, format_name: str) -> list[str]:
    """The note for a format that cannot store a pixel size; empty if there is none."""
    return (
        [f"{format_name} cannot hold the pixel size ({spec.pixel_size}): it is not stored"] if spec.pixel_size else []
    )


def mapped_writer(
    array: Any, spec: OutputSpec, layout: Layout, finish: Callable[[], object] | None = None
) -> ArrayWriter:
    """The writer of a memory-mapped file, in which any pixel can be written independently."""
    release = partial(release_map, array)
    return ArrayWriter(array, layout, (1,) * len(spec.shape), finish or release, abort=release, release=release)


def refuse_mismatch(path: str, begun: Any, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Check that an array that was begun is of this shape and dtype.

    Raises:
        RunError: It was begun for another image.
    """
    if begun.shape != tuple(shape) or begun.dtype != dtype:
        raise RunError(
            f"{path}: the unfinished file is {begun.shape} {begun.dtype}, not {tuple(shape)} {dtype}: start over"
        )
