"""Doing the tasks of a job: each is read, computed and written, and knows nothing of the others.

Whatever process does a task, on whatever machine, does the same: all that it depends on is fixed in the job's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.allocator import trim
from pellucid.blockwise import inputs
from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.blockwise.grid import Slices, places
from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.lock import Claims
from pellucid.blockwise.outputs import Outputs
from pellucid.blockwise.plan import DENOISED, NOISE, JobPlan
from pellucid.blockwise.preprocessing import to_unit, view_of_part
from pellucid.blockwise.slab_statistics import SlabStatistics
from pellucid.data.padding import HALO, is_finite
from pellucid.errors import ModelError
from pellucid.evaluation import RemovedNoise, removed_noise
from pellucid.inference import DenoisedPlane, FrozenDenoiser, denoise_plane
from pellucid.inference.tiles import Box, hull, tile_around
from pellucid.io.conversion import Conversion
from pellucid.io.layout import Array
from pellucid.io.pyramid import downsample
from pellucid.io.registry import open_image


class NoisyBlock(NamedTuple):
    """The pixels read for a block.

    Attributes:
        pixels: (…, Y, X), the block with the margin that the networks and the detection of padding need.
        read: position of these pixels in their planes.
        core: position of the block in its planes.
        leading: position of both along the leading axes of the image.
    """

    pixels: Array
    read: Box
    core: Box
    leading: Slices


class Done(NamedTuple):
    """The pixels to write for a block, by the name of the result, and its outcome."""

    blocks: Mapping[str, Array]
    outcome: Outcome


class Worker:
    """Does tasks of one job, one at a time or overlapped: `read`, `compute` and `write` may each have a thread.

    Use it in a `with` block, or `close` it and leave its claims to the end of the process.

    Args:
        folder: of the job.
        plan: of the job.
        cleaner: what denoises.
        on_smaller: told of the new side of tiles when memory runs out.
    """

    def __init__(
        self, folder: Path, plan: JobPlan, cleaner: DenoiserSpec, on_smaller: Callable[[int], object] = lambda _: None
    ) -> None:
        self._cleaner = cleaner
        self._plan = plan
        self.images = [open_image(volume.source) for volume in plan.volumes]
        inputs.hold(folder, self.images)
        self.knots = SlabStatistics(folder, plan, self.images, cleaner)
        self._frozen = None if plan.whole else FrozenDenoiser(cleaner.denoiser, plan.side, on_smaller, amp=plan.amp)
        self._folder = folder
        self._claims = Claims(folder / "claims")
        self._open: tuple[int, Outputs] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        self._claims.close()
        for image in self.images:  # else an exception stored for the final report keeps them open
            image.close()

    def results(self, image: int) -> Outputs:
        """The files of an image, opened if they are not."""
        if self._open is None or self._open[0] != image:
            self.close()
            self._open = image, self._stack.enter_context(self._results(image))
        return self._open[1]

    def create(self, image: int) -> Outcome:
        """Make the files of an image."""
        self.close()
        results = self._results(image)
        results.create()
        return Outcome(written=results.on_disk())

    def _results(self, image: int) -> Outputs:
        return Outputs(self._folder, self._plan, self._plan.volumes[image], self.images[image])

    def on_disk(self, image: int) -> int:
        """The amount of an image's results on disk, in the unit of `Outcome.written`."""
        return self._results(image).on_disk()

    def tasks(self, image: int, level: int) -> Iterator[Task]:
        """The tasks that write an image at full resolution (level 0) or at a coarser level."""
        results = self.results(image)
        stage, grid = ("levels", results.level_grid(level)) if level else ("blocks", results.blocks)
        for number in range(len(grid)):
            yield Task(stage, image, level, number)

    def chunks(self, task: Task) -> int:
        """The number of chunks written by a task that have a file."""
        results = self.results(task.image)
        grid = results.level_grid(task.level) if task.level else results.blocks
        return results.chunks(task.level, grid.box(task.number))

    def refuse_gone(self) -> None:
        """Raise RunError if the job's folder has been removed or replaced."""
        self._claims.refuse_gone()

    def close(self) -> None:
        """Close the files that are open."""
        self._stack.close()
        self._open = None

    def do(self, task: Task) -> Outcome:
        """Do a task from beginning to end.

        Raises:
            BusyError: another process is at work on it.
        """
        with self.claimed(task):
            return self.write(task, self.compute(task, self.read(task)))

    def claimed(self, task: Task) -> AbstractContextManager[None]:
        """For the length of a block, no other process writes this task.

        Raises:
            BusyError: another one is at work on it.
        """
        return self._claims.held(repr(tuple(task)))

    def read(self, task: Task) -> Any:
        """What a task needs."""
        if task.stage == "blocks":
            return self._read_block(task)
        return self._read_finer(task) if task.stage == "levels" else None

    def compute(self, task: Task, data: Any) -> Any:
        """What is to be written for it."""
        if task.stage == "blocks":
            return self._denoise(task, data)
        if task.stage == "levels":
            return {name: downsample(block, factors) for name, (block, factors) in data.items()}
        return self.knots.measure(task.number)

    def write(self, task: Task, result: Any) -> Outcome:
        """Write it."""
        if task.stage == "blocks":
            return self._write_block(task, result)
        return self._write_level(task, result) if task.stage == "levels" else Outcome()

    # blocks

    def _read_block(self, task: Task) -> NoisyBlock:
        image = self.images[task.image]
        leading, core, read = self.sight(task)
        pixels = image.read_block(leading, *read.slices)
        image.release()
        return NoisyBlock(pixels, read, core, leading)

    def sight(self, task: Task) -> tuple[Slices, Box, Box]:
        """Position of a block: along the leading axes, in its planes, and in its planes with the margin it needs."""
        image, denoiser = self.images[task.image], self._cleaner.denoiser
        origin = self._plan.volumes[task.image].origin
        box = self.results(task.image).blocks.box(task.number)
        *leading, rows, columns = (
            slice(part.start + start, part.stop + start) for part, start in zip(box, origin, strict=True)
        )
        height, width = image.shape[-2:]
        core = Box(rows.start, rows.stop, columns.start, columns.stop)
        if self._plan.whole:
            read = Box(0, height, 0, width)
        else:
            padded_height, padded_width = (-(-side // denoiser.stride) * denoiser.stride for side in (height, width))
            square = denoiser.square((height, width))
            squares = hull(core.on_grid(square, (height, width))) if square else core
            around = tile_around(squares, padded_height, padded_width, denoiser.halo, denoiser.stride).read
            read = around.grown(HALO).common(Box(0, height, 0, width))
        return tuple(leading), core, read

    def _denoise(self, task: Task, noisy: NoisyBlock) -> Done:
        image = self.images[task.image]
        shape = noisy.pixels.shape[:-2] + noisy.core.shape
        convert = {name: Conversion(np.float32 if name == NOISE else image.dtype) for name in self._results_of(task)}
        blocks = {name: np.empty(shape, conversion.dtype) for name, conversion in convert.items()}
        outcome = Outcome()
        for plane, at in places(noisy.leading, image.shape[:-2]):
            part = noisy.pixels[at]
            pixels = part[noisy.core.within(noisy.read).slices]
            try:
                done = self._denoise_plane(task.image, plane, part, noisy)
            except ModelError as problem:
                raise ModelError(f"{self._cleaner.name} {problem} ({image.path}[{plane}])") from None
            valid = done.valid if done else np.zeros(pixels.shape, bool)
            for name, conversion in convert.items():
                result = _result(name, pixels, done, self._cleaner) if done else np.zeros(pixels.shape, np.float32)
                blocks[name][at] = conversion(np.where(valid, result, 0), f"{image.path}[{plane}]")
                blocks[name][at][~valid] = _untouched(name, pixels[~valid])
            corner = noisy.core.top, noisy.core.left
            removed = removed_noise(pixels, blocks[DENOISED][at], valid, corner) if done else RemovedNoise()
            missing = int((~is_finite(pixels)).sum())
            outcome += Outcome(0, missing, int((~valid).sum()) - missing, removed)
        return Done(blocks, outcome._replace(clipped=convert[DENOISED].report.clipped))

    def _results_of(self, task: Task) -> list[str]:
        return list(self._plan.volumes[task.image].results)

    def _denoise_plane(self, image: int, plane: int, part: Array, noisy: NoisyBlock) -> DenoisedPlane | None:
        """The denoised core; None if the plane or its whole series is padding, which is copied unchanged."""
        cleaner = self._cleaner
        if self._frozen is None:
            unit = to_unit(cleaner.intensity_range, part)
            return denoise_plane(cleaner.denoiser, unit, self._plan.memory).cropped(noisy.core)
        statistics = self.knots.at(image, plane)
        if statistics is None:
            return None
        self._frozen.use(statistics)
        height, width = self.images[image].shape[-2:]
        return self._frozen.denoise(view_of_part(cleaner, part, noisy.read, (height, width)), noisy.core)

    def _write_block(self, task: Task, done: Done) -> Outcome:
        results = self.results(task.image)
        box = results.blocks.box(task.number)
        written = sum(results.write(name, box, block) for name, block in done.blocks.items())
        results.release()
        trim()
        return done.outcome._replace(written=written)

    # levels of the pyramid

    def _read_finer(self, task: Task) -> dict[str, tuple[Array, tuple[int, ...]]]:
        results = self.results(task.image)
        box = results.level_grid(task.level).box(task.number)
        return {name: results.read_finer(name, task.level, box) for name in self._results_of(task)}

    def _write_level(self, task: Task, blocks: Mapping[str, Array]) -> Outcome:
        results = self.results(task.image)
        box = results.level_grid(task.level).box(task.number)
        return Outcome(written=sum(results.write_level(name, task.level, box, block) for name, block in blocks.items()))


def _untouched(name: str, noisy: Array) -> Array:
    """The output for pixels that are copied unchanged; as noise, 0 wherever the input is finite."""
    return np.where(is_finite(noisy), 0, noisy) if name == NOISE else noisy


def _result(name: str, noisy: Array, done: DenoisedPlane, cleaner: DenoiserSpec) -> Array:
    if name == NOISE:
        return noisy.astype(np.float32) - cleaner.intensity_range.denormalize(done.image)
    return cleaner.intensity_range.denormalize(done.image if name == DENOISED else done.estimates[name])
