"""The files that one image of a job becomes; they lie in the job's folder until they are whole."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from pellucid.blockwise.grid import Grid, Slices, grown
from pellucid.blockwise.plan import NOISE, JobPlan, VolumePlan
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
    """Files by name: "denoised", the estimates, "noise". Open in a `with` block.

    Args:
        folder: of the job.
        plan: of the job.
        volume: of the image.
        image: the noisy one, whose dtype, axes, pixel size and style the results have.
    """

    def __init__(self, folder: Path, plan: JobPlan, volume: VolumePlan, image: Image) -> None:
        self._job = plan
        self._image = image
        self._folder = folder
        self._plans = {name: _file_plan(target, name, plan, volume, image) for name, target in volume.results.items()}
        self.sinks: dict[str, ArrayWriter] = {}

    def check(self) -> None:
        """Raise InputError if a format cannot hold a result, so that it is said before anything is computed."""
        for plan in self._plans.values():
            writable_format(split(plan.path)[0], plan)

    def create(self) -> None:
        """Make the files, in place of whatever an earlier try has left."""
        for name, plan in self._plans.items():
            file = self._file(name)
            shutil.rmtree(file.parent, ignore_errors=True)
            with writing(plan.path):
                file.parent.mkdir(parents=True)
                writable_format(file, plan).load().create(file, plan).abort()

    def __enter__(self) -> Outputs:
        for name, plan in self._plans.items():
            file = self._file(name)
            if _is_begun(file):  # else it is at its place already
                with writing(plan.path):
                    self.sinks[name] = writable_format(file, plan).load().reopen(file, plan)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for sink in self.sinks.values():
            sink.abort()
        self.sinks = {}

    @property
    def notes(self) -> list[str]:
        """What the formats cannot keep, in plain words."""
        return [note for sink in self.sinks.values() for note in sink.notes]

    def shared(self, *, local: bool) -> bool:
        """Whether several processes can write at once: on one machine also files that are mapped."""
        if not local and any(set(sink.unit) == {1} for sink in self.sinks.values()):
            return False
        return all(sink.parallel for sink in self.sinks.values())

    @property
    def blocks(self) -> Grid:
        """How the image is cut for denoising: blocks that can be read and written alone."""
        shape = next(iter(self._plans.values())).shape
        # at least what any of the files has to write at once, and as deep as the input is read at once
        units = [sink.unit for sink in self.sinks.values()]
        unit = [max(sizes) for sizes in zip(*units, strict=True)]
        depth = [size * max(1, chunk // size) for size, chunk in zip(unit, self._image.chunks, strict=True)][:-2]
        if self._job.whole:
            return Grid(shape, (*depth, *shape[-2:]))
        return Grid(shape, grown((*depth, *unit[-2:]), shape, self._job.block))

    def levels(self) -> range:
        """Numbers of the coarser levels, to be made one after the other."""
        return range(1, max((len(sink.levels) for sink in self.sinks.values()), default=1))

    def level_grid(self, level: int) -> Grid:
        """How a coarser level is cut."""
        found = next(iter(self.sinks.values())).levels[level]
        return Grid(found.shape, grown(found.unit, found.shape, self._job.block))

    def write(self, name: str, box: Slices, block: Array) -> int:
        """Write a block at full resolution, and return the number of its chunks that have a file."""
        sink, plan = self.sinks[name], self._plans[name]
        with writing(plan.path):
            place = dict(zip(plan.axes, box, strict=True))
            sink.array[sink.layout.box(place)] = sink.layout.from_box(block, plan.axes)
        return _chunks(sink, 0, place)

    def read_finer(self, name: str, number: int, box: Slices) -> tuple[Array, tuple[int, ...]]:
        """The pixels that a block of a level is made of, and how many of them along each axis make one."""
        finer, level = self.sinks[name].levels[number - 1 : number + 1]
        axes = self._plans[name].axes
        factors = tuple(level.factors.get(axis, 1) for axis in axes)
        place = {
            axis: slice(part.start * factor, min(part.stop * factor, size))
            for axis, part, factor, size in zip(axes, box, factors, finer.shape, strict=True)
        }
        return finer.layout.to_box(np.asarray(finer.array[finer.layout.box(place)])), factors

    def write_level(self, name: str, number: int, box: Slices, block: Array) -> int:
        """Write a block of a coarser level, and return the number of its chunks that have a file."""
        sink, plan = self.sinks[name], self._plans[name]
        level = sink.levels[number]
        with writing(plan.path):
            place = dict(zip(plan.axes, box, strict=True))
            level.array[level.layout.box(place)] = level.layout.from_box(block, plan.axes)
        return _chunks(sink, number, place)

    def chunks(self, level: int, box: Slices) -> int:
        """The number of chunks of a block that have a file."""
        place = dict(zip(self._image.axes, box, strict=True))
        return sum(_chunks(sink, level, place) for sink in self.sinks.values())

    def on_disk(self) -> int:
        """The amount on disk before files are moved: number of chunk files, or bytes for single-file formats.

        Single-file formats occupy their full size from the start. No file is opened, since opening could extend it.
        """
        return sum(_size(self._file(name)) for name in self._plans)

    def release(self) -> None:
        """Let go of the memory that writing has taken."""
        for sink in self.sinks.values():
            sink.release()

    def finish(self, *, overwrite: bool) -> None:
        """Close the files and move them to their final names.

        Raises:
            InputError: a file of that name has appeared in the meantime.
            RunError: the disk is full.
            LostError: a file was removed or damaged after it was written.
        """
        for name, plan in self._plans.items():
            if name not in self.sinks and not split(plan.path)[0].exists():
                raise LostError(f"{plan.path}: removed while the job was running")
        for name, sink in self.sinks.items():
            plan = self._plans[name]
            with writing(plan.path):
                sink.finish()
                _refuse_other(self._file(name), plan)
                target = split(plan.path)[0]
                check_free(target, overwrite=overwrite)
                target.parent.mkdir(parents=True, exist_ok=True)
                put_in_place(self._file(name), target)
                shutil.rmtree(self._file(name).parent)
        self.sinks = {}

    def _file(self, name: str) -> Path:
        target = split(self._plans[name].path)[0].name
        return self._folder / "files" / name / target / target


def _chunks(sink: ArrayWriter, number: int, place: Mapping[str, slice]) -> int:
    """The number of chunks in part of a level that have a file; chunks of only the fill value have none."""
    if not sink.levels:
        return 0
    level = sink.levels[number]
    return level.files.count(tuple(place[axis] for axis in level.layout.axes))


def _size(file: Path) -> int:
    """The number of non-empty chunk files, or the bytes of a single file or of its raw pixels in a temporary file."""
    if not file.is_dir():
        return sum(path.stat().st_size for path in file.parent.glob("*") if path.is_file())
    entries = (entry for _, entry in walk(file) if not entry.name.startswith(".z") and entry.name != "zarr.json")
    return sum(1 for entry in entries if not entry.name.endswith(".partial") and entry.stat().st_size)


def _refuse_other(file: Path, plan: OutputSpec) -> None:
    """Raise LostError if a finished file cannot be read or lacks pixels."""
    try:
        pixels = math.prod(open_image(f"{file}:{plan.inner}" if plan.inner else file).shape)
    except InputError as problem:
        raise LostError(f"{plan.path}: damaged while it was being written ({problem})") from None
    if pixels != math.prod(plan.shape):
        raise LostError(
            f"{plan.path}: damaged while it was being written: {pixels:,} of {math.prod(plan.shape):,} pixels"
        )


def _is_begun(file: Path) -> bool:
    return file.parent.is_dir() and any(path.name != "old" for path in file.parent.iterdir())


def _file_plan(target: str, name: str, job: JobPlan, volume: VolumePlan, image: Image) -> OutputSpec:
    return OutputSpec(
        path=target,
        axes=image.axes,
        shape=volume.shape,
        dtype=np.dtype(np.float32) if name == NOISE else image.dtype,
        pixel_size=image.pixel_size,
        style=image.style,
        inner=split(target)[1],
        offset=dict(zip(image.axes, volume.origin, strict=True)),
        chunks=job.chunks,
        shards=job.shards,
        levels=True,
    )
