"""What is to be written, and where a format puts it: the two objects between the writer and the formats."""

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


@dataclass(frozen=True)
class OutputSpec:
    """An image to be written.

    Attributes:
        path: As the user wrote it, for messages.
        axes, shape, dtype, pixel_size: As in ``Image``.
        style: The ``style`` of the image that it shall be like, of whatever format; None without one.
        inner: The path inside the file, for HDF5.
        offset: Where the first pixel lies in the image that it is cut out of, in pixels by axis; 0 where not named.
        chunks, shards: Along ``axes``, as the user wants them in a Zarr; None leaves the choice to the format.
        levels: Whether coarser levels are wanted, where the format has them (OME-Zarr).
    """

    path: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pixel_size: PixelSize | None = None
    style: object = None
    inner: str | None = None
    offset: Mapping[str, int] = field(default_factory=dict)
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    levels: bool = False

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
        array: Boxes are set in it: ``array[layout.box(place)] = layout.from_box(block, spec.axes)``.
        layout: The order of its axes.
        shape: Along the spec's axes.
        factors: How many pixels of the level above make one of this, by axis of the spec; all 1 for the finest.
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
    """A file being written.

    Attributes:
        array: Planes or boxes are set in it, through ``layout``; any order, each once, from any thread.
        layout: The order of its axes.
        unit: The smallest box along the spec's axes that may be written without touching what others write;
            boxes start at multiples of it and end at such or at the border.
        finish: Called when all planes are in: encodes what has to be, closes. If the process dies meanwhile,
            ``reopen`` and ``finish`` again do the same.
        abort: Called instead if something failed: closes.
        release: Brings what was written to the file and lets go of the memory that it took.
        levels: Every resolution, the finest (``array`` itself) first; empty where the format has but one.
        parallel: Whether several processes may write at once, each into units of its own.
        notes: What the format cannot keep, in plain words.
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
    """The note for a format without a place for the pixel size; empty if there is none to lose."""
    return (
        [f"{format_name} cannot hold the pixel size ({spec.pixel_size}): it is not stored"] if spec.pixel_size else []
    )


def mapped_writer(
    array: Any, spec: OutputSpec, layout: Layout, finish: Callable[[], object] | None = None
) -> ArrayWriter:
    """The writer of a file whose pixels are mapped: any pixel can be written alone."""
    release = partial(release_map, array)
    return ArrayWriter(array, layout, (1,) * len(spec.shape), finish or release, abort=release, release=release)


def refuse_mismatch(path: str, begun: Any, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Refuse to go on with an array that was begun for another image.

    Raises:
        RunError: Its shape or dtype is another than wanted.
    """
    if begun.shape != tuple(shape) or begun.dtype != dtype:
        raise RunError(f"{path}: what was begun is {begun.shape} {begun.dtype}, not {tuple(shape)} {dtype}: start over")
