"""Checks of a run's files: that inputs are unchanged and that everything written so far is still on disk.

They are made when a run is resumed, and again before its results are moved to their final names.
"""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.blockwise.ledger import Ledger, Task
from pellucid.blockwise.outputs import LostError
from pellucid.blockwise.plan import DENOISED, BlockwisePlan
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import InputError, RunError
from pellucid.io.manifest import ChangedError, Region
from pellucid.io.registry import split
from pellucid.report import terminal


class IntegrityCheck:
    """Compares the images and results of a run with what its ledger records.

    Args:
        plan: of the run.
        worker: opens the images and results.
        ledger: the record of finished tasks.
    """

    def __init__(self, plan: BlockwisePlan, worker: BlockWorker, ledger: Ledger) -> None:
        self._plan = plan
        self._worker = worker
        self._ledger = ledger

    def resume(self) -> None:
        """Check the files of a run that is being resumed, and schedule again the tasks whose results are missing.

        Raises:
            InputError: an image has changed since the run began, and finished tasks depend on the changed part.
        """
        for number, image in enumerate(self._worker.images):
            self._forget_lost(number)
            now = image.manifest()
            if image.files and image.known and now != image.known:
                self._refuse_changed(number, image.files.changes(image.known))
                image.known = now

    def refuse_partial(self, image: int) -> None:
        """Check that an image's result is complete on disk, and that its source has not changed since the run began.

        Raises:
            LostError: part of the result was removed; the next call computes it again.
            ChangedError: the source has changed.
            RunError: the folder of the run was removed.
        """
        self._worker.refuse_gone()
        self._ledger.save()
        source = self._worker.images[image]
        if source.manifest() != source.known:
            raise ChangedError(f"{source.path}: changed while it was being denoised: restore the original file")
        self._worker.close()  # reopened below, because the metadata of the chunks may have been removed too
        if not self._is_begun(image) or self._worker.on_disk(image) != self._ledger.written(image):
            self._forget_lost(image)
            raise LostError(f"{self._target(image)}: part of the result was removed during the run")

    def refuse_lost(self) -> None:
        """Raise RunError if finished results no longer exist at the end of the run."""
        lost = {}
        for image in range(len(self._plan.volumes)):
            if self._ledger.has(Task("finish", image)) and (gone := self._lost_results(image)):
                lost[image] = gone[0]
                self._ledger.forget(image)
        if lost:
            first = next(iter(lost.values()))
            raise RunError(
                f"{first}: removed during the run ({len(lost)} of {len(self._plan.volumes)} results are "
                "missing): run the same command again to recreate them"
            )

    # images

    def _refuse_changed(self, number: int, boxes: list[Region]) -> None:
        """Raise InputError if any finished task read a part of the image that has since changed."""
        stages = [Task(stage, near) for near in self._worker.near(number) for stage in ("move", "finish")]
        finished = any(map(self._ledger.has, stages))
        if finished or any(_meet(seen, box) for seen in self._seen(number) for box in boxes):
            raise InputError(
                f"{self._plan.volumes[number].source}: changed since the run began, so the finished part of the result "
                "no longer matches it: restore the original file, or start over with --overwrite"
            )

    def _seen(self, number: int) -> Iterator[Region]:
        """The parts of an image that finished tasks have read."""
        for slab in range(len(self._worker.statistics)):
            if self._ledger.has(Task("statistics", number=slab)):
                yield from self._worker.statistics.parts(slab, number)
        for near in self._worker.near(number):
            if self._ledger.has(Task("create", near)):
                yield from map(self._worker.region, self._done(near, 0))

    # results

    def _forget_lost(self, image: int) -> None:
        """Mark as not done the tasks of an image whose results no longer exist."""
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
            terminal.warn(f"{self._target(image)}: finished parts are missing from disk; they are computed again")

    def _is_begun(self, image: int) -> bool:
        """Whether the partly written files exist and have the length they were created with."""
        length = self._ledger.written_by(Task("create", image))
        if length and self._worker.on_disk(image) != length:
            return False
        try:
            return bool(self._worker.outputs(image).writers)
        except Exception:  # from any file library: the partial files are unusable
            return False

    def _forget_lost_blocks(self, image: int) -> bool:
        """Mark blocks with missing chunks as not done, with every coarser level: those may have been made from gaps."""
        lost: list[Task] = []
        for level in range(len(self._worker.outputs(image).grids)):
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


def _meet(one: Region, other: Region) -> bool:
    """Whether two boxes have a pixel in common."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))
