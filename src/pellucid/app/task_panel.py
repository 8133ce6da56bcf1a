"""The tasks of a page: a list, and the chosen one with its buttons. The files of tasks are all that is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from nicegui import ui

from pellucid.app.frame import clear
from pellucid.app.parts import heading, remark
from pellucid.app.run_panel import RunPanel
from pellucid.app.session import Session
from pellucid.app.task import Kind, State, Task
from pellucid.app.task_folder import TaskFolder, can_resume
from pellucid.app.task_view import Snapshot, TaskHead, TaskRow, snapshot
from pellucid.errors import InputError

PAUSE = 2.0
"""Seconds between two looks at the tasks."""

Extra = Callable[[Snapshot], None]
"""Adds the buttons that a page has for a task."""


class TaskPanel:
    """The tasks of some kinds, as they are on disk: those of other tabs and of before a restart too.

    Args:
        session: of the tab.
        kinds: of the tasks.
        extra: adds further buttons to the chosen task, whenever its state has changed.
        nothing: what is said as long as there are no tasks.
    """

    def __init__(self, session: Session, kinds: Sequence[Kind], extra: Extra, nothing: str) -> None:
        self._session, self._kinds, self._extra = session, kinds, extra
        self.tasks = TaskFolder(session.workplace.folder)
        self._chosen: str | None = None
        self._rows: dict[str, TaskRow] = {}
        self._detail: _Detail | None = None
        self._nothing = remark(nothing)
        self._list = ui.element("div").classes("p-tasks").props('role="group" aria-label="Tasks"')
        self._place = ui.element("div").classes("p-detail")

    async def begin(self) -> None:
        """Show the tasks, and follow them as long as the page is open."""
        await self.refresh()
        ui.timer(PAUSE, self.refresh)

    async def choose(self, name: str) -> None:
        """Show a task."""
        self._chosen = name
        clear()
        await self.refresh()

    async def refresh(self) -> None:
        """Look at the tasks again."""
        seen = await self._session.workplace.read(self._look)
        if self._chosen not in {each.name for each in seen}:
            active = [each for each in seen if each.state.active]
            self._chosen = (active or seen)[0].name if seen else None
        self._nothing.set_visibility(not seen)
        self._show_rows(seen)
        chosen = next((each for each in seen if each.name == self._chosen), None)
        if chosen is None:
            self._place.clear()
            self._detail = None
        else:
            await self._show(chosen)

    def _look(self) -> list[Snapshot]:
        found = []
        for task in self.tasks.all():
            try:
                found.append(snapshot(task))
            except InputError:  # removed by another tab just now
                continue
        return [each for each in found if each.kind in self._kinds]

    def _show_rows(self, seen: list[Snapshot]) -> None:
        if list(self._rows) != [each.name for each in seen]:
            self._list.clear()
            with self._list:
                self._rows = {each.name: TaskRow(each, partial(self.choose, each.name)) for each in seen}
        for each in seen:
            self._rows[each.name].update(each, chosen=each.name == self._chosen)

    async def _show(self, seen: Snapshot) -> None:
        if self._detail is None or self._detail.name != seen.name:
            self._place.clear()
            task = self.tasks.get(seen.name)
            if task is None:
                return
            with self._place:
                self._detail = _Detail(self, task, seen)
        await self._detail.update(seen)

    def add_buttons(self, task: Task, seen: Snapshot) -> None:
        """Add what can be done with a task."""
        if seen.state.active:
            _button("Pause", "pause", lambda: self._stop(task)).tooltip(
                "Saves what is done and frees the processor; it can be resumed at any time, after a restart too"
            )
        if seen.state == State.STOPPING:
            _button("Stop at once", "dangerous", lambda: self._kill(task)).tooltip("Keeps what was saved last")
        if can_resume(task):
            _button("Resume", "play_arrow", lambda: self._resume(task))
        self._extra(seen)
        if not seen.state.active:
            _button("Delete", "delete_outline", lambda: self._ask(task))

    async def _stop(self, task: Task) -> None:
        await self._session.workplace.read(task.stop)
        await self.refresh()

    async def _kill(self, task: Task) -> None:
        await self._session.workplace.read(task.kill)
        await self.refresh()

    async def _resume(self, task: Task) -> None:
        clear()
        await self._session.workplace.read(self.tasks.resume, task)
        await self.refresh()

    def _ask(self, task: Task) -> None:
        """Ask what shall be deleted."""
        made = {
            "train": f"The run {task.spec.result} with its model is deleted too.",
            "denoise": "What is unfinished is deleted too; finished files stay.",
            "trust": f"The page {task.spec.result} stays.",
        }
        with ui.dialog() as dialog, ui.card().classes("p-dialog"):
            heading("Delete this task?")
            ui.label(made[task.spec.kind])
            with ui.element("div").classes("p-buttons"):
                ui.button("Delete all of it", on_click=lambda: self._delete(task, dialog)).props("unelevated no-caps")
                keep = ui.button("Remove from the list only", on_click=lambda: self._forget(task, dialog))
                keep.props("outline no-caps color=none")
                ui.button("Cancel", on_click=dialog.close).props("flat no-caps color=none")
        dialog.on("hide", dialog.delete)
        dialog.open()

    async def _delete(self, task: Task, dialog: ui.dialog) -> None:
        dialog.close()
        await self._session.workplace.read(self.tasks.delete, task)
        await self.refresh()

    async def _forget(self, task: Task, dialog: ui.dialog) -> None:
        dialog.close()
        await self._session.workplace.read(self.tasks.forget, task)
        await self.refresh()


class _Detail:
    """The chosen task."""

    def __init__(self, panel: TaskPanel, task: Task, seen: Snapshot) -> None:
        self.name = seen.name
        self._panel, self._task = panel, task
        self._head = TaskHead(Path(seen.result).name)
        self._buttons = ui.element("div").classes("p-buttons")
        self._buttons_for: State | None = None
        self._run = RunPanel(panel._session.workplace, Path(seen.result)) if seen.kind == "train" else None
        with ui.expansion("What the command says", icon="notes").classes("p-command"):
            self._log = ui.label().classes("p-code")

    async def update(self, seen: Snapshot) -> None:
        """Show the task as it is now."""
        self._head.update(seen)
        if seen.state != self._buttons_for:
            self._buttons_for = seen.state
            self._buttons.clear()
            with self._buttons:
                self._panel.add_buttons(self._task, seen)
        self._log.text = "\n".join(self._task.log)
        if self._run is not None:
            await self._run.refresh()


def _button(text: str, icon: str, act: Callable[[], object]) -> ui.button:
    return ui.button(text, icon=icon, on_click=act).props("outline no-caps dense color=none")
