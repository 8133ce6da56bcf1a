"""Tasks of a blockwise run: each is read, computed and written, independently of all others.

Whatever process does a task, on whatever machine, does the same: all that it depends on is fixed in the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pellucid.allocator import trim
from pellucid.blockwise.blocks import DenoisedBlock, NoisyBlock, denoise_block, planes_in_tiles, whole_planes
from pellucid.blockwise.folder import load_manifests
from pellucid.blockwise.grid import Slices
from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.lock import fencing_token, refuse_fenced
from pellucid.blockwise.outputs import Outputs
from pellucid.blockwise.plan import DENOISED, NOISE, BlockwisePlan, DenoiserSpec
from pellucid.blockwise.slab_statistics import SlabStatistics
from pellucid.data.neighbours import Neighbours
from pellucid.data.padding import HALO
from pellucid.inference import FrozenDenoiser
from pellucid.inference.tiles import Box, hull, tile_around
from pellucid.io.frames import read_frames
from pellucid.io.image import Image
from pellucid.io.layout import Array
from pellucid.io.manifest import Region
from pellucid.io.pyramid import downsample
from pellucid.io.registry import open_image
from pellucid.methods.slices import slices_of


class BlockWorker:
    """Does the tasks of one run, one at a time or overlapped: `read`, `compute` and `write` may each have a thread.

    Use it in a `with` block.

    Args:
        folder: of the run.
        plan: of the run.
        spec: the denoiser.
        images: of the run, in the plan's order; with their manifests, which reading is checked against.
        on_smaller: called with the new side of tiles when memory runs out.
    """

    def __init__(
        self,
        folder: Path,
        plan: BlockwisePlan,
        spec: DenoiserSpec,
        images: Sequence[Image],
        on_smaller: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.images = images
        self.statistics = SlabStatistics(folder, plan, images, spec)
        self._folder = folder
        self._plan = plan
        self._spec = spec
        self._frozen = (
            None if plan.whole else FrozenDenoiser(spec.denoiser, plan.side, on_smaller, amp=plan.options.amp)
        )
        self._neighbours = Neighbours(images, slices_of(spec.denoiser))
        self._token = fencing_token(folder)
        self._open: tuple[int, Outputs] | None = None

    @classmethod
    def opened(cls, folder: Path, plan: BlockwisePlan, spec: DenoiserSpec) -> BlockWorker:
        """The worker of a process that does not lead the run: it opens the images itself."""
        images = [read_frames(open_image(volume.source), plan.options.frames) for volume in plan.volumes]
        load_manifests(folder, images)
        return cls(folder, plan, spec, images)

    def __enter__(self) -> BlockWorker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        for image in self.images:  # else an exception stored for the final report keeps them open
            image.close()

    def outputs(self, image: int) -> Outputs:
        """The output files of an image, opened if they are not."""
        if self._open is None or self._open[0] != image:
            self.close()
            self._open = image, self._outputs(image)
            self._open[1].open()
        return self._open[1]

    def create(self, image: int) -> Outcome:
        """Create the output files of an image; they stay open."""
        self.close()
        self._open = image, self._outputs(image)
        self._open[1].create()
        return Outcome(written=self._open[1].on_disk())

    def _outputs(self, image: int) -> Outputs:
        return Outputs(self._folder, self._plan, self._plan.volumes[image], self.images[image])

    def on_disk(self, image: int) -> int:
        """The amount of an image's results on disk, in the unit of `Outcome.written`."""
        return self._outputs(image).on_disk()

    def tasks(self, image: int, level: int) -> Iterator[Task]:
        """The tasks that write an image at full resolution (level 0) or at a coarser level."""
        stage = "levels" if level else "blocks"
        for number in range(len(self.outputs(image).grids[level])):
            yield Task(stage, image, level, number)

    def box(self, task: Task) -> Slices:
        """Position of what a task writes, in its level of the output."""
        return self.outputs(task.image).grids[task.level].box(task.number)

    def chunks(self, task: Task) -> int:
        """The number of chunks written by a task that have a file."""
        return self.outputs(task.image).chunks(task.level, self.box(task))

    def refuse_gone(self) -> None:
        """Raise RunError if the run's folder has been removed, or another process leads the run."""
        refuse_fenced(self._folder, self._token)

    def close(self) -> None:
        """Close the output files that are open."""
        if self._open is not None:
            self._open[1].close()
        self._open = None

    def do(self, task: Task) -> Outcome:
        """Do a task from beginning to end."""
        return self.write(task, self.compute(task, self.read(task)))

    def read(self, task: Task) -> Any:
        """What a task needs."""
        if task.stage == "blocks":
            return self._read_block(task)
        if task.stage == "levels":
            return self.outputs(task.image).read_finer(task.level, self.box(task))
        return None

    def compute(self, task: Task, data: Any) -> Any:
        """What is to be written for it."""
        if task.stage == "blocks":
            return self._denoise(task, data)
        if task.stage == "levels":
            return {name: downsample(block, factors) for name, (block, factors) in data.items()}
        return self.statistics.measure(task.number)

    def write(self, task: Task, result: Any) -> Outcome:
        """Write it.

        Raises:
            RunError: the run's folder has been removed, or another process leads the run by now.
        """
        self.refuse_gone()
        if task.stage == "blocks":
            return self._write_block(task, result)
        if task.stage == "levels":
            return self._write_level(task, result)
        self.statistics.keep(task.number, result)
        return Outcome()

    def position(self, task: Task) -> tuple[Slices, Box, Box]:
        """Position of a block: along the leading axes, in its planes, and in its planes with the margin it needs."""
        denoiser, (height, width) = self._spec.denoiser, self.images[task.image].shape[-2:]
        origin = self._plan.volumes[task.image].origin
        *leading, rows, columns = (
            slice(part.start + start, part.stop + start) for part, start in zip(self.box(task), origin, strict=True)
        )
        core, plane = Box(rows.start, rows.stop, columns.start, columns.stop), Box(0, height, 0, width)
        if self._plan.whole:
            return tuple(leading), core, plane
        padded_height, padded_width = (-(-side // denoiser.stride) * denoiser.stride for side in (height, width))
        square = denoiser.square((height, width))
        squares = hull(core.on_grid(square, (height, width))) if square else core
        around = tile_around(squares, padded_height, padded_width, denoiser.halo, denoiser.stride).read
        return tuple(leading), core, around.grown(HALO).common(plane)

    def region(self, task: Task) -> Region:
        """What a block reads of its own image, and where that is one slice of many, of those next to it."""
        leading, _, read = self.position(task)
        return *self._neighbours.leading(self.images[task.image], leading), *read.slices

    def near(self, image: int) -> list[int]:
        """The images whose blocks read an image: itself, and where it is one slice of many, those next to it."""
        near = self._neighbours.images(self.images[image])
        return [number for number, each in enumerate(self.images) if any(each is other for other in near)]

    def _read_block(self, task: Task) -> NoisyBlock:
        image = self.images[task.image]
        leading, core, read = self.position(task)
        slices = self._neighbours.read(image, leading, *read.slices)
        for each in self._neighbours.images(image):
            each.release()
        return NoisyBlock(image, leading, core, read, slices)

    def _denoise(self, task: Task, noisy: NoisyBlock) -> DenoisedBlock:
        dtypes = self._plan.volumes[task.image].dtypes(noisy.image.dtype)
        estimates = [name for name in dtypes if name not in (DENOISED, NOISE)]
        denoise = (
            whole_planes(self._spec, self._plan.memory, estimates)
            if self._frozen is None
            else planes_in_tiles(self._frozen, partial(self.statistics.at, task.image), estimates)
        )
        return denoise_block(noisy, self._spec, denoise, dtypes)

    def _write_block(self, task: Task, done: DenoisedBlock) -> Outcome:
        written = self.outputs(task.image).write(0, self.box(task), done.results)
        trim()
        return done.outcome._replace(written=written)

    def _write_level(self, task: Task, blocks: Mapping[str, Array]) -> Outcome:
        return Outcome(written=self.outputs(task.image).write(task.level, self.box(task), blocks))
