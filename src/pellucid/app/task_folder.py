"""The folder of all tasks: starts them, lets them go on, finds them again, and forgets them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from pellucid.app.task import Kind, State, Task, TaskSpec
from pellucid.blockwise.folder import unfinished
from pellucid.blockwise.lock import locked
from pellucid.errors import InputError
from pellucid.files import writing
from pellucid.runs.folder import Run

PATIENCE = 5.0
"""Seconds to wait for another process that looks at the same task."""


class TaskFolder:
    """All tasks of a work folder; any number of apps and pages may use it at once.

    Args:
        work: the work folder.
    """

    def __init__(self, work: Path) -> None:
        self._work = work.resolve()
        self._folder = self._work / "tasks"

    def all(self, kind: Kind | None = None) -> list[Task]:
        """The tasks, the latest first; of one kind if that is given."""
        names = sorted((path for path in self._folder.glob("*/task.json")), reverse=True)
        tasks = [Task(path.parent) for path in names]
        return [task for task in tasks if kind is None or _kind_of(task) == kind]

    def get(self, name: str) -> Task | None:
        """The task of this name; None if there is none."""
        plain = re.fullmatch(r"[\w.-]+", name) and not name.startswith(".")
        task = Task(self._folder / name)
        return task if plain and (task.folder / "task.json").is_file() else None

    def running(self) -> list[Task]:
        """The tasks that are running."""
        return [task for task in self.all() if task.state.active]

    def start(self, spec: TaskSpec) -> Task:
        """Begin a task. It goes on when this process ends.

        Raises:
            InputError: the folder cannot be written, or this system has no processes that outlive their parent.
            RunError: the disk is full.
        """
        task = Task(self._new_folder(spec))
        task.write_spec(spec)
        self._launch(task)
        return task

    def resume(self, task: Task, arguments: tuple[str, ...] | None = None) -> None:
        """Let a task that has ended go on where it was.

        Args:
            task: which one.
            arguments: what its command is from now on; by default that which goes on with it.

        Raises:
            InputError: it is running, or gone.
        """
        if task.state.active:
            raise InputError(f"{task.spec.title}: is running already")
        task.write_spec(replace(task.spec, arguments=arguments or command_to_resume(task.spec)))
        self._launch(task)

    def forget(self, task: Task) -> None:
        """Remove the folder of a task. Its result stays.

        Raises:
            InputError: it is running.
        """
        self._refuse_running(task)
        shutil.rmtree(task.folder, ignore_errors=True)

    def delete(self, task: Task) -> None:
        """Remove a task with the run that it trained, or with what is unfinished of its output.

        Finished outputs stay: they are the user's.

        Raises:
            InputError: it is running, or another process is training its run.
        """
        self._refuse_running(task)
        result = Path(task.spec.result)
        if task.spec.kind == "train":
            run = Run(result)
            if run.started:  # else the folder may be anything
                run.refuse_busy()
                shutil.rmtree(result, ignore_errors=True)
        elif task.spec.kind == "denoise":
            shutil.rmtree(unfinished(result), ignore_errors=True)
        self.forget(task)

    def _refuse_running(self, task: Task) -> None:
        if task.state.active:
            raise InputError(f"{task.spec.title}: is running; stop it first")

    def _new_folder(self, spec: TaskSpec) -> Path:
        plain = re.sub(r"[^\w.-]+", "-", Path(spec.result).name).strip("-.")[:40] or spec.kind
        began = time.strftime("%Y%m%d-%H%M%S")
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, 1000):
                folder = self._folder / f"{began}-{number:03d}-{spec.kind}-{plain}"
                try:
                    folder.mkdir()
                except FileExistsError:  # another tab began one in this second
                    continue
                return folder
        raise InputError(f"{self._folder}: too many tasks were begun in one second; try again")

    def _launch(self, task: Task) -> None:
        if os.name != "posix":
            raise InputError("tasks need Linux or macOS (or WSL on Windows); run the command in a terminal instead")
        with locked(task.lock, f"{task.spec.title}: is running already", PATIENCE) as descriptor:
            for file in (task.outcome_file, task.asked_file, task.process_file, task.progress_file):
                file.unlink(missing_ok=True)
            with task.log_file.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "pellucid.app.task_process", str(task.folder), str(descriptor)],
                    cwd=self._work,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(descriptor,),
                    start_new_session=True,
                )
        threading.Thread(target=process.wait, daemon=True).start()  # or it would stay as a zombie when it has ended


def command_to_resume(spec: TaskSpec) -> tuple[str, ...]:
    """The command that goes on with a task: `resume` for a training that has begun, else the same command."""
    begun = spec.kind == "train" and Run(Path(spec.result)).started
    return ("resume", spec.result) if begun else spec.arguments


def can_resume(task: Task) -> bool:
    """Whether letting it go on makes sense."""
    return task.state in (State.STOPPED, State.FAILED, State.LOST)


def _kind_of(task: Task) -> str:
    try:
        return task.spec.kind
    except InputError:  # damaged, or removed by another page just now
        return ""
