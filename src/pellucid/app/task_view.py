"""A task on a page: how it is, how far, what it says, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nicegui import ui

from pellucid.app.numbers import duration
from pellucid.app.parts import Shortened
from pellucid.app.task import Kind, State, Task
from pellucid.report.progress_file import Progress

WORDS = {
    State.RUNNING: ("running", "play_circle"),
    State.STOPPING: ("saving, then it stops", "hourglass_top"),
    State.STOPPED: ("stopped, and can be resumed", "pause_circle"),
    State.DONE: ("done", "check_circle"),
    State.FAILED: ("failed", "error"),
    State.LOST: ("ended without a word", "help"),
}
"""What a state is called, and its icon."""

STARTING = "starting: reading the images"
"""Until the command says how far it is."""


class Snapshot(NamedTuple):
    """A task at one moment.

    Attributes:
        name: of its folder.
        kind: its command.
        result: of its command.
        state: how it is.
        progress: how far it is, if it says so.
        error: why it failed, else empty.
        warnings: what its command has warned of.
    """

    name: str
    kind: Kind
    result: str
    state: State
    progress: Progress | None
    error: str
    warnings: tuple[str, ...]

    @property
    def share(self) -> float:
        """The part that is done."""
        return 1.0 if self.state == State.DONE else self.progress.share if self.progress else 0.0

    @property
    def line(self) -> str:
        """State and time in one line."""
        words = [WORDS[self.state][0]]
        if self.state == State.RUNNING and self.progress is None:
            return STARTING
        if self.progress and self.state.active:
            words[0] = f"{self.progress.title.removesuffix(', seconds')} {self.share:.0%}"
            if self.progress.left is not None and self.state == State.RUNNING:
                words.append(f"{duration(self.progress.left)} left")
            words += [self.progress.note] if self.progress.note else []
        return " · ".join(words)


def snapshot(task: Task) -> Snapshot:
    """A task as it is now.

    Raises:
        InputError: it is gone.
    """
    spec = task.spec
    return Snapshot(task.name, spec.kind, spec.result, task.state, task.progress, task.error, tuple(task.warnings))


class TaskRow:
    """A line in the list of tasks.

    Args:
        seen: the task.
        chosen: called when it is clicked.
    """

    def __init__(self, seen: Snapshot, chosen: Callable[[], object]) -> None:
        with ui.element("button").classes("p-task").props('type="button"').on("click", chosen) as self._row:
            self._icon = ui.icon("").props('aria-hidden="true"')
            Shortened(Path(seen.result).name, seen.result)
            self._told = ui.label().classes("p-told")
            self._bar = ui.element("span").classes("p-fill")
        self.update(seen, chosen=False)

    def update(self, seen: Snapshot, *, chosen: bool) -> None:
        """Show the task as it is now."""
        word, icon = WORDS[seen.state]
        self._icon.props(f"name={icon}")
        told = f"{seen.share:.0%}" if seen.state == State.RUNNING else word.split(",")[0]
        self._told.text = told
        self._bar.style(f"width:{100 * seen.share:.1f}%")
        self._row.props(f'aria-current="{"true" if chosen else "false"}"')
        self._row.classes(replace=f"p-task p-task-{seen.state}")


class TaskHead:
    """How a task is: title, bar, one line, errors and warnings."""

    def __init__(self, title: str) -> None:
        with ui.element("h2").classes("p-heading"):
            ui.label(title)
        self._line = ui.label().classes("p-line").props('role="status"')
        self._bar = ui.linear_progress(0, show_value=False, size="8px").props('rounded aria-label="progress"')
        self._error = ui.label().classes("p-error")
        self._warnings = ui.element("ul").classes("p-warnings")
        self._shown: tuple[str, ...] = ()

    def update(self, seen: Snapshot) -> None:
        """Show the task as it is now."""
        self._line.text = seen.line
        self._bar.value = round(seen.share, 3)
        self._bar.props(f"indeterminate={'true' if seen.state.active and not seen.share else 'false'}")
        self._bar.set_visibility(seen.state != State.DONE)
        self._error.text = seen.error
        self._error.set_visibility(bool(seen.error))
        if seen.warnings != self._shown:
            self._shown = seen.warnings
            self._warnings.clear()
            with self._warnings:
                for warning in seen.warnings:
                    with ui.element("li"):
                        ui.label(warning)
