"""A blockwise run: denoises images of any size into files, and resumes where it was stopped.

The statistics of the norms are measured first, then for some images at a time blocks are denoised, coarser levels are
made of finer ones, and complete files are moved to their final names.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from pellucid.blockwise import folder as folders
from pellucid.blockwise.cluster import Cluster
from pellucid.blockwise.denoised_files import DenoisedFile
from pellucid.blockwise.dry_run import Needs, needs_of, refuse_disk, tell
from pellucid.blockwise.failures import Failures, as_run_error
from pellucid.blockwise.integrity import IntegrityCheck
from pellucid.blockwise.ledger import Ledger, Outcome, Task
from pellucid.blockwise.outputs import LostError, Outputs
from pellucid.blockwise.plan import DENOISED, BlockwisePlan, DenoiseOptions, DenoiserSpec, identity, make_plan
from pellucid.blockwise.progress import Advance, PrintedTime, denoising_bar
from pellucid.blockwise.serial import Executor, SerialExecutor
from pellucid.blockwise.worker import BlockWorker
from pellucid.data.output_paths import refuse_existing
from pellucid.data.source import Source
from pellucid.errors import InputError, RunError
from pellucid.files import check_free
from pellucid.inference import Cost, measure_tile
from pellucid.io.conversion import ClipReport
from pellucid.io.image import Image
from pellucid.io.manifest import ChangedError
from pellucid.io.registry import split
from pellucid.report import terminal

_WORTH_TELLING = 8e6
"""Number of pixels from which the plan of a run is printed before it starts."""


def denoise_source(
    source: Source, output: Path, spec: DenoiserSpec, options: DenoiseOptions, cluster: Cluster | None = None
) -> list[DenoisedFile]:
    """Denoise images of any size into files of the same format, dtype, axes and pixel size.

    Stopped, and called again with the same images, model and options, it resumes where it was.

    Args:
        source: the noisy images.
        output: a file for one image, else a folder.
        spec: the denoiser.
        options: what else is asked for.
        cluster: processes that do it, if not this one.

    Raises:
        InputError: images, outputs or options that cannot be used, or a run begun with others.
        RunError: the disk is full, the cluster is lost, or some blocks failed again and again; the others are done.
    """
    spec = cluster.sharing(spec) if cluster is not None else spec
    tile = _measured_tile(source, spec) if source.pixels >= _WORTH_TELLING else None
    plan = make_plan(source, output, spec, options, tile)
    folder = folders.unfinished(output)
    if not folders.is_begun(folder):
        _refuse_impossible(plan, source.images)
    with closing(source), folders.led(folder, identity(source, spec, options), overwrite=options.overwrite) as ledger:
        plan = folders.keep_plan(folder, plan)
        begins = ledger.count() == 0
        if begins:
            _note_manifests(source.images)
            folders.save_manifests(folder, source.images)
        folders.load_manifests(folder, source.images)
        source.close()  # what was read so far was read before the manifests were known
        printed = None
        if tile:
            needs = needs_of(plan, source.images, spec, tile)
            tell(plan, source.images, spec, needs)
            printed = PrintedTime(needs.seconds, terminal.say) if begins and needs.seconds > 0 else None
        with BlockWorker(folder, plan, spec, source.images, _tell_of_smaller) as worker:
            run = BlockwiseRun(plan, worker, ledger)
            if not begins:
                run.resume()
                _tell_of_done(ledger.count("finish"))
                folders.save_manifests(folder, source.images)
            _tell_of_missing(source.images)
            serial = nullcontext(SerialExecutor(worker, options.retries))
            if cluster is not None:
                run.refuse_unshared(local=cluster.processes is not None)
            with serial if cluster is None else cluster.runner(folder, spec, options.retries) as executor:
                run.measure(executor)
                with _bar(plan, ledger, spec) as advance:
                    planes = sum(volume.planes for volume in plan.volumes)
                    watched = printed.watched(advance, planes) if printed else advance
                    return run.denoise(executor, watched, together=cluster is not None)


def dry_run(source: Source, output: Path, spec: DenoiserSpec, options: DenoiseOptions) -> Needs:
    """Print what `denoise_source` would do, with what it needs, and do nothing.

    Raises:
        InputError: as there.
    """
    tile = _measured_tile(source, spec)
    plan = make_plan(source, output, spec, options, tile)
    _refuse_impossible(plan, source.images)
    needs = needs_of(plan, source.images, spec, tile)
    tell(plan, source.images, spec, needs)
    return needs


def _measured_tile(source: Source, spec: DenoiserSpec) -> Cost:
    planes = source.images[0].planes
    return measure_tile(spec.denoiser, planes[len(planes) // 2], spec.intensity_range)


def _refuse_impossible(plan: BlockwisePlan, images: Sequence[Image]) -> None:
    """Raise InputError if results exist, cannot be written there, or cannot be held by the formats asked for."""
    targets = [Path(path) for volume in plan.volumes for path in volume.results.values()]
    if not plan.options.overwrite:
        refuse_existing(targets)
    for target in targets:
        check_free(split(target)[0], overwrite=plan.options.overwrite)
    for volume, image in zip(plan.volumes, images, strict=True):
        Outputs(Path(), plan, volume, image).check()
    refuse_disk(plan, images)


def _note_manifests(images: Iterable[Image]) -> None:
    for image in images:
        image.known = image.manifest()


def _tell_of_missing(images: Iterable[Image]) -> None:
    """Report how many chunks have no file; only the creator of an image knows whether that is intended."""
    for image in images:
        missing, chunks = image.missing_chunks() or (0, 0)
        if missing:
            terminal.say(f"{image.path}: {missing:,} of {chunks:,} chunks are missing: they read as the fill value")


def _tell_of_done(files: int) -> None:
    """Report how many results were complete before: they are not among those that this run tells of."""
    if files:
        terminal.say(f"{files:,} file{' was' if files == 1 else 's were'} done before the stop")


def _tell_of_smaller(side: int) -> None:
    terminal.warn(f"out of memory: going on with tiles of {side} pixels")


def _bar(plan: BlockwisePlan, ledger: Ledger, spec: DenoiserSpec) -> AbstractContextManager[Advance]:
    done = sum(volume.planes for number, volume in enumerate(plan.volumes) if ledger.has(Task("finish", number)))
    pixels = sum(math.prod(volume.shape) for volume in plan.volumes)
    return denoising_bar(spec.denoiser, sum(volume.planes for volume in plan.volumes), pixels, done)


class BlockwiseRun:
    """The order of tasks in a run, and the record of what is done.

    Args:
        plan: of the run.
        worker: opens the outputs and knows which tasks there are.
        ledger: of the run.
    """

    def __init__(self, plan: BlockwisePlan, worker: BlockWorker, ledger: Ledger) -> None:
        self._plan = plan
        self._worker = worker
        self._ledger = ledger
        self._audit = IntegrityCheck(plan, worker, ledger)
        self._failures = Failures()

    def resume(self) -> None:
        """Check that the run can be resumed.

        Raises:
            InputError: an image has changed; with --overwrite the run begins again instead.
        """
        try:
            self._audit.resume()
        except InputError:
            if not self._plan.options.overwrite:
                raise
            self._ledger.clear()
            self._worker.statistics.clear()
            _note_manifests(self._worker.images)

    def refuse_unshared(self, *, local: bool) -> None:
        """Raise InputError if there is a file that several processes, on this machine or not, cannot write at once."""
        for image, volume in enumerate(self._plan.volumes):
            if self._ledger.has(Task("finish", image)):
                continue
            self._create(image)
            if not self._worker.outputs(image).shared(local=local):
                raise InputError(
                    f"{volume.results[DENOISED]}: a cluster cannot write this format at many places at once; "
                    "give an output that ends in .zarr"
                )

    def measure(self, executor: Executor) -> None:
        """Measure the statistics that are not there yet.

        Raises:
            InputError: an image cannot be read where it is measured.
            RunError: an image was removed or changed.
        """
        slabs = [Task("statistics", number=number) for number in range(len(self._worker.statistics))]
        missing = [slab for slab in slabs if not self._ledger.has(slab)]
        with terminal.progress_over(missing, "measuring") as shown:
            for task, outcome in executor.run(shown):
                if isinstance(outcome, Exception):
                    raise as_run_error(outcome)
                self._ledger.mark(task, outcome)

    def denoise(self, executor: Executor, advance: Advance, *, together: bool) -> list[DenoisedFile]:
        """Do everything that is not done yet.

        Args:
            executor: does the tasks.
            advance: called with the progress.
            together: whether blocks of all images may be done in any order, so that no process waits for the last
                block of an image; else the images are finished one by one.

        Raises:
            InputError: no block could be denoised; the message gives the first failure.
            RunError: some blocks failed, an image has changed, or a finished result was removed.
        """
        written: list[DenoisedFile] = []
        every = range(len(self._plan.volumes))
        for group in [every] if together else ([image] for image in every):
            images = [image for image in group if not self._ledger.has(Task("finish", image))]
            begun = [image for image in images if not self._ledger.has(Task("move", image))]
            for image in begun:
                self._create(image)
            self._do(executor, self._tasks(begun, 0), advance)
            whole = self._failures.without(begun)
            for level in range(1, max((len(self._worker.outputs(image).grids) for image in whole), default=1)):
                self._do(executor, self._tasks(whole, level), advance)
            written += [self._finish(image) for image in self._failures.without(images) if self._is_whole(image)]
        self._audit.refuse_lost()
        self._failures.refuse(written, anything_done=self._ledger.count("blocks") > 0)
        return written

    def _create(self, image: int) -> None:
        task = Task("create", image)
        if not self._ledger.has(task):
            self._ledger.mark(task, self._worker.create(image))
            self._ledger.save()

    def _tasks(self, images: Iterable[int], level: int) -> Iterator[Task]:
        for image in images:
            if level < len(self._worker.outputs(image).grids):
                yield from self._worker.tasks(image, level)

    def _do(self, executor: Executor, tasks: Iterable[Task], advance: Advance) -> None:
        for task, outcome in executor.run(self._open(tasks, advance)):
            if isinstance(outcome, Exception):
                self._failures.record(task, outcome)
                continue
            self._ledger.mark(task, outcome)
            advance(self._planes(task))

    def _open(self, tasks: Iterable[Task], advance: Advance) -> Iterator[Task]:
        for task in tasks:
            if self._ledger.has(task):
                advance(self._planes(task))
            elif task.image not in self._failures.given_up:
                yield task

    def _planes(self, task: Task) -> float:
        """The number of planes that a task denoises, with parts of planes."""
        if task.stage != "blocks":
            return 0.0
        pixels = math.prod(part.stop - part.start for part in self._worker.box(task))
        return float(pixels / math.prod(self._plan.volumes[task.image].shape[-2:]))

    def _is_whole(self, image: int) -> bool:
        if self._ledger.has(Task("move", image)):  # it was checked before its first file moved
            return True
        try:
            self._audit.refuse_partial(image)
        except (LostError, ChangedError) as problem:
            self._failures.record(Task("finish", image), problem)
            return False
        return True

    def _finish(self, image: int) -> DenoisedFile:
        outputs = self._worker.outputs(image)
        notes = tuple(outputs.notes)
        self._ledger.mark(Task("move", image), Outcome())  # files are moved one by one; from here on none is written to
        self._ledger.save()
        try:
            outputs.finish(overwrite=self._plan.options.overwrite)
        except LostError as problem:
            self._ledger.forget(image)
            raise RunError(f"{problem}: run the same command again to recreate it") from None
        self._worker.close()
        self._ledger.mark(Task("finish", image), Outcome())
        self._ledger.save()
        volume, outcome = self._plan.volumes[image], self._ledger.outcome(image)
        return DenoisedFile(
            source=volume.source,
            path=Path(volume.results[DENOISED]),
            clipped=ClipReport(outcome.clipped, math.prod(volume.shape)),
            missing=outcome.missing,
            kept=outcome.kept,
            removed=outcome.removed,
            chunks=self._worker.images[image].missing_chunks(),
            notes=notes,
        )
