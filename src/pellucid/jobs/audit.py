"""What is there, held against what should be: before a job goes on, and before its results go to their places."""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.errors import InputError, RunError
from pellucid.images.manifest import Box, ChangedError
from pellucid.images.registry import split
from pellucid.jobs.ledger import Ledger, Task
from pellucid.jobs.planning import DENOISED, JobPlan
from pellucid.jobs.results import LostError
from pellucid.jobs.worker import Worker
from pellucid.report import terminal


class Audit:
    """The images and results of a job, by its ledger.

    Args:
        plan: of the job.
        worker: who knows the files.
        ledger: what is done.
    """

    def __init__(self, plan: JobPlan, worker: Worker, ledger: Ledger) -> None:
        self._plan = plan
        self._worker = worker
        self._ledger = ledger

    def go_on(self) -> None:
        """Let be done again what is lost of a job that was begun earlier, and see that its images are the same.

        Raises:
            InputError: an image has changed since then, and parts of it are done.
        """
        for number, image in enumerate(self._worker.images):
            self._forget_lost(number)
            now = image.manifest()
            if image.files and image.known and now != image.known:
                self._refuse_changed(number, image.files.changes(image.known))
                image.known = now

    def refuse_partial(self, image: int) -> None:
        """See that all that was written of an image is there, and that its source is what it was in the beginning.

        Raises:
            LostError: something was removed; it will be done again.
            ChangedError: the source has changed.
            RunError: all of the job was removed.
        """
        self._worker.refuse_gone()
        self._ledger.save()
        source = self._worker.images[image]
        if source.manifest() != source.known:
            raise ChangedError(f"{source.path}: has changed while the job was at work: bring back what it was")
        self._worker.close()  # and opened again: what says how the chunks are to be read may be gone too
        if not self._is_begun(image) or self._worker.on_disk(image) != self._ledger.written(image):
            self._forget_lost(image)
            raise LostError(f"{self._target(image)}: a part that was written was removed while the job was at work")

    def refuse_lost(self) -> None:
        """Raise RunError if results that were in their places are not there in the end."""
        lost = {}
        for image in range(len(self._plan.volumes)):
            if self._ledger.has(Task("finish", image)) and (gone := self._lost_results(image)):
                lost[image] = gone[0]
                self._ledger.forget(image)
        if lost:
            first = next(iter(lost.values()))
            raise RunError(
                f"{first}: was removed while the job was at work, {len(lost)} of {len(self._plan.volumes)} results in "
                "all: the same command makes them again"
            )

    # images

    def _refuse_changed(self, number: int, boxes: list[Box]) -> None:
        """Raise InputError if anything that is done was computed from a part of an image that has changed."""
        finished = any(self._ledger.has(Task(stage, number)) for stage in ("move", "finish"))
        if finished or any(_meet(seen, box) for seen in self._seen(number) for box in boxes):
            raise InputError(
                f"{self._plan.volumes[number].source}: has changed since the job was begun, and what is done was "
                "computed from it as it was: bring that back, or begin again with --overwrite"
            )

    def _seen(self, number: int) -> Iterator[Box]:
        """The parts of an image that were read for what is done."""
        for slab in range(len(self._worker.knots)):
            if self._ledger.has(Task("statistics", number=slab)):
                yield from self._worker.knots.parts(slab, number)
        if self._ledger.has(Task("create", number)):
            for task in self._done(number, 0):
                leading, _, read = self._worker.sight(task)
                yield *leading, *read.slices

    # results

    def _forget_lost(self, image: int) -> None:
        """Let be done again what was done of an image and is not there any more."""
        if self._ledger.has(Task("finish", image)):
            gone = bool(self._lost_results(image))
        elif self._ledger.has(Task("create", image)) and not self._ledger.has(Task("move", image)):
            gone = not self._is_begun(image)
        else:
            return
        if gone:
            self._ledger.forget(image)
        elif not self._ledger.has(Task("finish", image)):
            gone = self._forget_lost_blocks(image)
        if gone:
            terminal.warn(f"{self._target(image)}: what was done of it is gone, and is done again")

    def _is_begun(self, image: int) -> bool:
        """Whether the files that were begun are there, and as long as they were."""
        length = self._ledger.written_by(Task("create", image))
        if length and self._worker.on_disk(image) != length:
            return False
        try:
            return bool(self._worker.results(image).sinks)
        except Exception:  # of whatever library: there is nothing to go on with
            return False

    def _forget_lost_blocks(self, image: int) -> bool:
        """Let be done again the blocks of which chunks are gone, and all coarser levels: they may be made of gaps."""
        lost: list[Task] = []
        for level in (0, *self._worker.results(image).levels()):
            finer_lost = bool(lost)
            lost += [task for task in self._done(image, level) if finer_lost or self._has_gaps(task)]
        for task in lost:
            self._ledger.undo(task)
        return bool(lost)

    def _has_gaps(self, task: Task) -> bool:
        return self._worker.chunks(task) != self._ledger.written_by(task)

    def _done(self, image: int, level: int) -> Iterator[Task]:
        return (task for task in self._worker.tasks(image, level) if self._ledger.has(task))

    def _lost_results(self, image: int) -> list[str]:
        paths = self._plan.volumes[image].results.values()
        return [path for path in paths if not split(path)[0].exists()]

    def _target(self, image: int) -> str:
        return self._plan.volumes[image].results[DENOISED]


def _meet(one: Box, other: Box) -> bool:
    """Whether two boxes have a pixel in common."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))
