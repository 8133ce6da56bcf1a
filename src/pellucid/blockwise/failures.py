"""Tasks that were given up, and how a run ends because of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pellucid.blockwise.denoised_files import DenoisedFile
from pellucid.blockwise.ledger import Task
from pellucid.blockwise.outputs import LostError
from pellucid.errors import IncompleteError, PellucidError, RunError
from pellucid.io.manifest import ChangedError
from pellucid.report import terminal

_LISTED = 5
"""Number of failures that are listed at the end."""


class Failures:
    """The tasks of a run that were given up, with their errors."""

    def __init__(self) -> None:
        self._errors: dict[Task, Exception] = {}
        self.given_up: set[int] = set()
        """Images that changed during the run: none of their blocks can be trusted."""

    def record(self, task: Task, problem: Exception) -> None:
        """Remember a task that was given up, and warn of it."""
        self._errors[task] = problem
        terminal.warn(f"{_what(task)} failed: {_first_line(problem)}")
        if isinstance(problem, ChangedError):
            self.given_up.add(task.image)

    def without(self, images: Iterable[int]) -> list[int]:
        """Those of some images of which no task was given up."""
        failed = {task.image for task in self._errors}
        return [image for image in images if image not in failed]

    def refuse(self, written: Sequence[DenoisedFile], *, anything_done: bool) -> None:
        """Raise an error if there is any failure: the first one itself if nothing was done, else one that names some.

        Raises:
            IncompleteError: some tasks failed; `written` are the files that are done.
        """
        if not self._errors:
            return
        if not anything_done:
            raise as_run_error(next(iter(self._errors.values())))
        listed = "; ".join(f"{_what(task)}: {_first_line(why)}" for task, why in list(self._errors.items())[:_LISTED])
        more = f"; and {len(self._errors) - _LISTED} more" if len(self._errors) > _LISTED else ""
        left = ", and the remaining blocks of changed images were skipped" if self.given_up else ""
        raise IncompleteError(
            f"{len(self._errors)} blocks failed ({listed}{more}){left}; all others are finished and saved: "
            "fix the cause, then run the same command again to denoise only the rest",
            written,
        )


def as_run_error(problem: Exception) -> Exception:
    """The same problem as a RunError if a file was removed or changed during the run, which is not bad input."""
    return RunError(str(problem)) if isinstance(problem, (ChangedError, LostError)) else problem


def _what(task: Task) -> str:
    if task.stage == "finish":
        return f"image {task.image}"
    level = f" of level {task.level}" if task.level else ""
    return f"block {task.number}{level} of image {task.image}"


def _first_line(problem: Exception) -> str:
    text = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return text if isinstance(problem, PellucidError) else f"{type(problem).__name__}: {text}"
