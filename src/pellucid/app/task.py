"""A task: a command that runs in a process of its own, and the folder from which any process can tell how it is.

    task.json        what it is, and the arguments of its command
    log.txt          all that the command has said
    progress.json    how far it is, written by the command
    process.json     the process that runs the command
    asked.json       that it was asked to stop
    outcome.json     how the command ended
    lock             held as long as anything of the task is running

Whether a task is running is read from its lock alone: a process number may belong to another program by now.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pellucid.blockwise.lock import is_locked
from pellucid.errors import InputError, RunError
from pellucid.files import write_json
from pellucid.report.progress_file import Progress, read_progress

Kind = Literal["train", "denoise", "trust"]
"""The command that does the work; a stopped training goes on by `resume`."""

STOPPED_BY = frozenset({-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM, 129, -1})
"""Exit statuses of a command that was asked to stop; −n before it could answer."""

PATIENCE = 5.0
"""Seconds that a task may take to say which process it is."""

LAST_BYTES = 16_384
"""The end of a log that is read."""


class State(StrEnum):
    """How a task is."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    """It ended without a word: killed, or the power went."""

    @property
    def active(self) -> bool:
        """Whether something is running."""
        return self in (State.RUNNING, State.STOPPING)


@dataclass(frozen=True)
class TaskSpec:
    """What a task is.

    Attributes:
        kind: the command.
        title: what it is called on pages.
        arguments: of `pellucid`, the command's name first.
        result: the folder of the run, the output, or the page.
        inputs: the images, by kind, and the model.
    """

    kind: Kind
    title: str
    arguments: tuple[str, ...]
    result: str
    inputs: Mapping[str, str]


class Task:
    """A task by its folder. Nothing is kept in memory: another process may have changed it.

    Args:
        folder: of the task.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "lock"
        self.log_file = folder / "log.txt"
        self.progress_file = folder / "progress.json"
        self.process_file = folder / "process.json"
        self.outcome_file = folder / "outcome.json"
        self.asked_file = folder / "asked.json"

    @property
    def name(self) -> str:
        """The name of its folder, which no other task has."""
        return self.folder.name

    @cached_property
    def spec(self) -> TaskSpec:
        """What it is.

        Raises:
            InputError: the folder is gone or damaged.
        """
        try:
            values = json.loads((self.folder / "task.json").read_text(encoding="utf-8"))
            return TaskSpec(**{**values, "arguments": tuple(values["arguments"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self.folder}: is no task any more") from error

    def write_spec(self, spec: TaskSpec) -> None:
        """Record what it is."""
        write_json(self.folder / "task.json", asdict(spec))
        self.__dict__.pop("spec", None)

    @property
    def state(self) -> State:
        """How it is now."""
        if is_locked(self.lock):
            return State.STOPPING if self.asked_file.exists() else State.RUNNING
        status = _read(self.outcome_file).get("status")
        if status is None:
            return State.STOPPED if self.asked_file.exists() else State.LOST
        if status in STOPPED_BY:
            return State.STOPPED
        return State.FAILED if status else State.DONE

    @property
    def progress(self) -> Progress | None:
        """How far it is; None if it does not say."""
        return read_progress(self.progress_file)

    @property
    def log(self) -> list[str]:
        """The last lines that its command has said."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
                return file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    @property
    def error(self) -> str:
        """Why it failed, in one line; empty if it did not."""
        state = self.state
        if state == State.LOST:
            return "ended without a word: it was killed, memory ran out, or the power went"
        if state != State.FAILED:
            return ""
        said = [line.removeprefix("pellucid:").strip() for line in self.log if line.startswith("pellucid:")]
        return said[-1] if said else (self.log or ["the command failed without a word"])[-1]

    @property
    def warnings(self) -> list[str]:
        """What its command has warned of, each once."""
        return list(dict.fromkeys(line[9:] for line in self.log if line.startswith("warning: ")))

    @property
    def ended(self) -> float | None:
        """When it ended, in seconds since 1970; None if that is not known."""
        return _read(self.outcome_file).get("ended")

    def stop(self) -> None:
        """Ask it to save what is done, and to end. Asking one that is not running changes nothing.

        Raises:
            RunError: it does not say which process it is.
        """
        if self.state.active:
            write_json(self.asked_file, {"at": time.time()})
            _signal(self._process(), signal.SIGINT)

    def kill(self) -> None:
        """End it at once. What it saved last is kept.

        Raises:
            RunError: it does not say which process it is.
        """
        if self.state.active:
            write_json(self.asked_file, {"at": time.time()})
            os.killpg(self._process(), signal.SIGKILL)

    def _process(self) -> int:
        """The number of its process, which is that of its group; no other can have it while its lock is held."""
        end = time.monotonic() + PATIENCE
        while not (pid := _read(self.process_file).get("pid")):
            if time.monotonic() > end:
                raise RunError(f"{self.folder}: does not say which process it is; end it by the system's means")
            time.sleep(0.05)
        return int(pid)


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process beside a task, or, if that was killed, to what it has left running."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.killpg(pid, number)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # damaged
        return {}
