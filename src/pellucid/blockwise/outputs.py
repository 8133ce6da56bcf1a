"""The output files of one image of a run; they lie in the run's folder until they are complete."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.blockwise.grid import Grid, Slices, grown
from pellucid.blockwise.plan import DENOISED, BlockwisePlan, VolumePlan
from pellucid.errors import InputError, PellucidError
from pellucid.files import check_free, put_in_place, writing
from pellucid.io.image import Image
from pellucid.io.layout import Array
from pellucid.io.manifest import walk
from pellucid.io.output_spec import ArrayWriter, OutputSpec
from pellucid.io.registry import open_image, split, writable_format


class LostError(PellucidError):
    """A written part of a result is missing from disk."""


class Outputs:
    """The output files of one image by name: "denoised", the estimates, "noise".

    Args:
        folder: of the run.
        plan: of the run.
        volume: of the image.
        image: the noisy one, whose dtype, axes, pixel size and style the results have.
    """

    def __init__(self, folder: Path, plan: BlockwisePlan, volume: VolumePlan, image: Image) -> None:
        self._plan = plan
        self._image = image
        self._folder = folder
        self._specs = {
            name: _output_spec(volume.results[name], dtype, plan, volume, image)
            for name, dtype in volume.dtypes(image.dtype).items()
        }
        self.writers: dict[str, ArrayWriter] = {}
        self.grids: list[Grid] = []
        """How each level is cut into blocks; the first is full resolution. Known while the files are open."""

    def check(self) -> None:
        """Raise InputError if a format cannot hold a result, so that it is said before anything is computed."""
        for spec in self._specs.values():
            writable_format(split(spec.path)[0], spec)

    def create(self) -> None:
        """Create the files, in place of whatever an earlier try has left, and leave them open."""
        for name, spec in self._specs.items():
            file = self._file(name)
            shutil.rmtree(file.parent, ignore_errors=True)
            with writing(spec.path):
                file.parent.mkdir(parents=True)
                self.writers[name] = writable_format(file, spec).create(file, spec)
        self.grids = self._cut()

    def open(self) -> None:
        """Open the files that were created, unless they have been moved to their final names."""
        for name, spec in self._specs.items():
            file = self._file(name)
            if _is_begun(file):
                with writing(spec.path):
                    self.writers[name] = writable_format(file, spec).reopen(file, spec)
        if self.writers:
            self.grids = self._cut()

    def close(self) -> None:
        """Close the files."""
        for writer in self.writers.values():
            writer.abort()
        self.writers = {}

    @property
    def notes(self) -> list[str]:
        """What the format of the result cannot keep, in plain words; noise and estimates are told of by the result."""
        return list(self.writers[DENOISED].notes) if DENOISED in self.writers else []

    def shared(self, *, local: bool) -> bool:
        """Whether several processes can write at once: on one machine also files that are mapped."""
        if not local and any(set(writer.unit) == {1} for writer in self.writers.values()):
            return False
        return all(writer.parallel for writer in self.writers.values())

    def _cut(self) -> list[Grid]:
        """Blocks that can be read and written alone, for each level."""
        shape = next(iter(self._specs.values())).shape
        # at least what any of the files has to write at once, and as deep as the input is read at once
        unit = [max(sizes) for sizes in zip(*(writer.unit for writer in self.writers.values()), strict=True)]
        depth = [size * max(1, chunk // size) for size, chunk in zip(unit, self._image.chunks, strict=True)][:-2]
        plane = shape[-2:] if self._plan.whole else unit[-2:]
        blocks = (*depth, *plane) if self._plan.whole else grown((*depth, *plane), shape, self._plan.block)
        levels = next(iter(self.writers.values())).levels[1:]
        return [
            Grid(shape, blocks),
            *(Grid(each.shape, grown(each.unit, each.shape, self._plan.block)) for each in levels),
        ]

    def write(self, level: int, box: Slices, blocks: Mapping[str, Array]) -> int:
        """Write a block of a level, by name of the result; return the number of its chunks that have a file."""
        place = dict(zip(self._image.axes, box, strict=True))
        for name, block in blocks.items():
            writer, spec = self.writers[name], self._specs[name]
            target = writer.levels[level] if writer.levels else writer
            with writing(spec.path):
                target.array[target.layout.index(place)] = target.layout.from_axes(block, spec.axes)
            writer.release()
        return self.chunks(level, box)

    def read_finer(self, level: int, box: Slices) -> dict[str, tuple[Array, tuple[int, ...]]]:
        """The pixels that a block of a level is made of, and how many of them along each axis make one, by name."""
        return {name: self._read_finer(writer, level, box) for name, writer in self.writers.items()}

    def _read_finer(self, writer: ArrayWriter, number: int, box: Slices) -> tuple[Array, tuple[int, ...]]:
        finer, level = writer.levels[number - 1 : number + 1]
        axes = self._image.axes
        factors = tuple(level.factors.get(axis, 1) for axis in axes)
        place = {
            axis: slice(part.start * factor, min(part.stop * factor, size))
            for axis, part, factor, size in zip(axes, box, factors, finer.shape, strict=True)
        }
        return finer.layout.to_axes(np.asarray(finer.array[finer.layout.index(place)])), factors

    def chunks(self, level: int, box: Slices) -> int:
        """The number of chunks of a block that have a file."""
        place = dict(zip(self._image.axes, box, strict=True))
        return sum(_chunks(writer, level, place) for writer in self.writers.values())

    def on_disk(self) -> int:
        """The amount on disk before files are moved: number of chunk files, or bytes for single-file formats.

        Single-file formats occupy their full size from the start. No file is opened, since opening could extend it.
        """
        return sum(_size(self._file(name)) for name in self._specs)

    def finish(self, *, overwrite: bool) -> None:
        """Close the files and move them to their final names.

        Raises:
            InputError: a file of that name has appeared in the meantime.
            RunError: the disk is full.
            LostError: a file was removed or damaged after it was written.
        """
        for name, spec in self._specs.items():
            if name not in self.writers and not split(spec.path)[0].exists():
                raise LostError(f"{spec.path}: removed during the run")
        for name, writer in self.writers.items():
            spec = self._specs[name]
            with writing(spec.path):
                writer.finish()
                _refuse_other(self._file(name), spec)
                target = split(spec.path)[0]
                check_free(target, overwrite=overwrite)
                target.parent.mkdir(parents=True, exist_ok=True)
                put_in_place(self._file(name), target)
                shutil.rmtree(self._file(name).parent)
        self.writers = {}

    def _file(self, name: str) -> Path:
        target = split(self._specs[name].path)[0].name
        return self._folder / "files" / name / target / target


def _chunks(writer: ArrayWriter, number: int, place: Mapping[str, slice]) -> int:
    """The number of chunks in part of a level that have a file; chunks of only the fill value have none."""
    if not writer.levels:
        return 0
    level = writer.levels[number]
    return level.files.count(tuple(place[axis] for axis in level.layout.axes))


def _size(file: Path) -> int:
    """The number of non-empty chunk files, or the bytes of a single file or of its raw pixels in a temporary file."""
    if not file.is_dir():
        return sum(path.stat().st_size for path in file.parent.glob("*") if path.is_file())
    entries = (entry for _, entry in walk(file) if not entry.name.startswith(".z") and entry.name != "zarr.json")
    return sum(1 for entry in entries if not entry.name.endswith(".partial") and entry.stat().st_size)


def _refuse_other(file: Path, spec: OutputSpec) -> None:
    """Raise LostError if a finished file cannot be read or lacks pixels."""
    try:
        pixels = math.prod(open_image(f"{file}:{spec.inner}" if spec.inner else file).shape)
    except InputError as problem:
        raise LostError(f"{spec.path}: damaged while it was being written ({problem})") from None
    if pixels != math.prod(spec.shape):
        raise LostError(
            f"{spec.path}: damaged while it was being written: {pixels:,} of {math.prod(spec.shape):,} pixels"
        )


def _is_begun(file: Path) -> bool:
    return file.parent.is_dir() and any(path.name != "old" for path in file.parent.iterdir())


def _output_spec(path: str, dtype: np.dtype[Any], plan: BlockwisePlan, volume: VolumePlan, image: Image) -> OutputSpec:
    return OutputSpec(
        path=path,
        axes=image.axes,
        shape=volume.shape,
        dtype=dtype,
        pixel_size=image.pixel_size,
        style=image.style,
        history=plan.history,
        inner=split(path)[1],
        offset=dict(zip(image.axes, volume.origin, strict=True)),
        chunks=plan.options.chunks,
        shards=plan.options.shards,
        levels=True,
    )
