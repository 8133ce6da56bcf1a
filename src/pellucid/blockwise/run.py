"""The order of things in a job, and what is done of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.blockwise.audit import Audit
from pellucid.blockwise.blocks import Worker
from pellucid.blockwise.ledger import Ledger, Outcome, Task
from pellucid.blockwise.outputs import LostError
from pellucid.blockwise.plan import DENOISED, JobPlan
from pellucid.blockwise.progress import Advance
from pellucid.blockwise.serial import Runner
from pellucid.errors import IncompleteError, InputError, PellucidError, RunError
from pellucid.evaluation import RemovedNoise
from pellucid.io.conversion import ClipReport
from pellucid.io.manifest import ChangedError
from pellucid.report import terminal

_LISTED = 5
"""Failures that are told one by one at the end."""


@dataclass(frozen=True)
class Written:
    """A denoised file.

    Attributes:
        source: what was denoised.
        path: where the result is.
        clipped: how many pixels had to be clipped to the pixel type.
        missing: number of pixels that are not finite; they are copied unchanged.
        kept: number of padding pixels, copied unchanged.
        removed: statistics of the noise removed from all other pixels.
        chunks: number of missing chunks and of all chunks of the source; None for formats without chunks.
        notes: what the format could not keep.
    """

    source: str
    path: Path
    clipped: ClipReport
    missing: int
    kept: int
    removed: RemovedNoise
    chunks: tuple[int, int] | None
    notes: tuple[str, ...]


def padding_of(files: Sequence[Written]) -> str | None:
    """One line on the padding in denoised files; None if there is none."""
    padded = [file for file in files if file.kept]
    if not padded:
        return None
    share = sum(file.kept for file in files) / sum(file.clipped.pixels for file in files)
    where = padded[0].source if len(files) == 1 else f"in {len(padded)} of {len(files)} images"
    blank = [file for file in padded if file.kept == file.clipped.pixels]
    copied = f" ({len(blank)} of them blank)" if blank and len(files) > 1 else ""
    return f"{where}{copied}: {padding_text(share)}"


def padding_text(share: float) -> str:
    """A sentence on padding that makes up this share of all pixels."""
    percent = f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.2g}"
    return (
        f"{percent} % of all pixels are padding (areas of one value: canvas, bars, missing chunks); "
        "they are excluded from all statistics and copied unchanged"
    )


class Job:
    """The order of things: statistics, then for some images at a time blocks, coarser levels, and the last touch.

    Args:
        plan: what to do.
        worker: who opens and closes files, and knows what tasks there are.
        ledger: what is done.
        overwrite: replace files that exist.
    """

    def __init__(self, plan: JobPlan, worker: Worker, ledger: Ledger, *, overwrite: bool) -> None:
        self._plan = plan
        self._worker = worker
        self._ledger = ledger
        self._overwrite = overwrite
        self._audit = Audit(plan, worker, ledger)
        self._failed: dict[Task, Exception] = {}
        self._given_up: set[int] = set()

    def measure(self, runner: Runner) -> None:
        """Get the statistics that are not there yet.

        Raises:
            InputError: an image cannot be read where it is measured.
            RunError: an image was removed or changed.
        """
        slabs = [Task("statistics", number=number) for number in range(len(self._worker.knots))]
        missing = [slab for slab in slabs if not self._ledger.has(slab)]
        with terminal.progress_over(missing, "measuring") as told:
            for task, outcome in runner.run(told):
                if isinstance(outcome, Exception):
                    raise _at_run(outcome)
                self._ledger.mark(task, outcome)

    def run(self, runner: Runner, groups: Iterable[Sequence[int]], advance: Advance) -> list[Written]:
        """Get everything done that is not done yet.

        Args:
            runner: who does the tasks.
            groups: numbers of images whose tasks may be done in any order.
            advance: told of progress.

        Raises:
            InputError: no block could be denoised; the message gives the first failure.
            RunError: some blocks failed, an image has changed, or a finished result was removed.
        """
        written: list[Written] = []
        for group in groups:
            images = [image for image in group if not self._ledger.has(Task("finish", image))]
            begun = [image for image in images if not self._ledger.has(Task("move", image))]
            for image in begun:
                self._create(image)
            self._do(runner, self._blocks(begun), advance)
            whole = self._unfailed(begun)
            for level in range(1, max((len(self._worker.results(image).levels()) for image in whole), default=0) + 1):
                self._do(runner, self._levels(whole, level), advance)
            written += [self._finish(image) for image in self._unfailed(images) if self._is_whole(image)]
        self._audit.refuse_lost()
        self._report_failed(written)
        return written

    def refuse_unshared(self, *, local: bool) -> None:
        """Raise InputError if there is a file that several processes, on this machine or not, cannot write at once."""
        for image, volume in enumerate(self._plan.volumes):
            if self._ledger.has(Task("finish", image)):
                continue
            self._create(image)
            if not self._worker.results(image).shared(local=local):
                raise InputError(
                    f"{volume.results[DENOISED]}: a cluster cannot write this format at many places at once; "
                    "give an output that ends in .zarr"
                )

    def _unfailed(self, images: Iterable[int]) -> list[int]:
        failed = {task.image for task in self._failed}
        return [image for image in images if image not in failed]

    def _open(self, tasks: Iterable[Task], advance: Advance) -> Iterator[Task]:
        for task in tasks:
            if self._ledger.has(task):
                advance(self._planes(task))
            elif task.image not in self._given_up:
                yield task

    def _do(self, runner: Runner, tasks: Iterable[Task], advance: Advance) -> None:
        for task, outcome in runner.run(self._open(tasks, advance)):
            if isinstance(outcome, Exception):
                self._fail(task, outcome)
                continue
            self._ledger.mark(task, outcome)
            advance(self._planes(task))

    def _planes(self, task: Task) -> float:
        """How many planes a task denoises, in parts of planes too."""
        if task.stage != "blocks":
            return 0.0
        grid = self._worker.results(task.image).blocks
        pixels = math.prod(part.stop - part.start for part in grid.box(task.number))
        return float(pixels / math.prod(grid.shape[-2:]))

    def _create(self, image: int) -> None:
        task = Task("create", image)
        if not self._ledger.has(task):
            self._ledger.mark(task, self._worker.create(image))
            self._ledger.save()

    def _blocks(self, images: Iterable[int]) -> Iterator[Task]:
        for image in images:
            yield from self._worker.tasks(image, 0)

    def _levels(self, images: Iterable[int], level: int) -> Iterator[Task]:
        for image in images:
            if level in self._worker.results(image).levels():
                yield from self._worker.tasks(image, level)

    def _fail(self, task: Task, problem: Exception) -> None:
        self._failed[task] = problem
        terminal.warn(f"{_what(task)} failed: {_first_line(problem)}")
        if isinstance(problem, ChangedError):  # its other blocks cannot be trusted either
            self._given_up.add(task.image)

    def _is_whole(self, image: int) -> bool:
        if self._ledger.has(Task("move", image)):  # it was checked before its first file moved
            return True
        try:
            self._audit.refuse_partial(image)
        except (LostError, ChangedError) as problem:
            self._fail(Task("finish", image), problem)
        return Task("finish", image) not in self._failed

    def _finish(self, image: int) -> Written:
        results = self._worker.results(image)
        notes = tuple(results.notes)
        self._ledger.mark(Task("move", image), Outcome())  # files are moved one by one; from here on none is written to
        self._ledger.save()
        try:
            results.finish(overwrite=self._overwrite)
        except LostError as problem:
            self._ledger.forget(image)
            raise RunError(f"{problem}: run the same command again to recreate it") from None
        self._worker.close()
        self._ledger.mark(Task("finish", image), Outcome())
        self._ledger.save()
        volume, outcome = self._plan.volumes[image], self._ledger.outcome(image)
        clipped = ClipReport(outcome.clipped, math.prod(volume.shape))
        return Written(
            volume.source,
            Path(volume.results[DENOISED]),
            clipped,
            outcome.missing,
            outcome.kept,
            outcome.removed,
            self._worker.images[image].missing_chunks(),
            notes,
        )

    def _report_failed(self, written: Sequence[Written]) -> None:
        if not self._failed:
            return
        first = next(iter(self._failed.values()))
        if not self._ledger.count("blocks"):
            raise _at_run(first)
        listed = "; ".join(f"{_what(task)}: {_first_line(why)}" for task, why in list(self._failed.items())[:_LISTED])
        more = f"; and {len(self._failed) - _LISTED} more" if len(self._failed) > _LISTED else ""
        left = ", and the remaining blocks of changed images were skipped" if self._given_up else ""
        raise IncompleteError(
            f"{len(self._failed)} blocks failed ({listed}{more}){left}; all others are finished and saved: "
            "fix the cause, then run the same command again to denoise only the rest",
            written,
        )


def _at_run(problem: Exception) -> Exception:
    """The same problem as a RunError if a file was removed or changed during the job, which is not bad input."""
    return RunError(str(problem)) if isinstance(problem, (ChangedError, LostError)) else problem


def _what(task: Task) -> str:
    if task.stage == "finish":
        return f"image {task.image}"
    level = f" of level {task.level}" if task.level else ""
    return f"block {task.number}{level} of image {task.image}"


def _first_line(problem: Exception) -> str:
    text = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return text if isinstance(problem, PellucidError) else f"{type(problem).__name__}: {text}"
