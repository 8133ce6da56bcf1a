"""Progress in a file, for a program that watches this one, such as `pellucid app`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pellucid.errors import PellucidError
from pellucid.files import write_json

VARIABLE = "PELLUCID_PROGRESS_FILE"
"""The environment variable that names the file; without it none is written."""

PAUSE = 1.0
"""Seconds between two versions of the file at least."""


class Progress(NamedTuple):
    """How far some work is.

    Attributes:
        title: the name of the work.
        done: the amount done.
        total: the amount of work.
        before: the amount that was done when the work began, or went on.
        taken: seconds since then.
        note: what else there is to say.
    """

    title: str
    done: float
    total: float
    before: float
    taken: float
    note: str = ""

    @property
    def share(self) -> float:
        """The part that is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take if it goes on as so far; None if nothing is done yet."""
        if self.done <= self.before:
            return None
        return max(0.0, (self.total - self.done) * self.taken / (self.done - self.before))


class ProgressFile:
    """Writes how much is done to a file, at most once a second. What cannot be written is left out.

    Args:
        path: the file.
        title: the name of the work.
        total: the amount of work.
        done: the amount done before.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self, path: Path, title: str, total: float, done: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._clock = path, clock
        self._began = clock()
        self._latest = Progress(title, done, total, done, 0.0)
        self._due = self._began
        self._write()

    def set(self, done: float, note: str = "") -> None:
        """Set the amount done; write it if it is time to."""
        taken = self._clock() - self._began
        self._latest = self._latest._replace(done=done, note=note, taken=taken)
        if self._clock() >= self._due:
            self._write()

    def close(self) -> None:
        """Write the final amount."""
        self._write()

    def _write(self) -> None:
        self._due = self._clock() + PAUSE
        with suppress(OSError, PellucidError):  # a full disk must not end the work because of this
            write_json(self._path, self._latest._asdict())


def read_progress(path: Path) -> Progress | None:
    """What a file says; None if there is none, or it cannot be read."""
    try:
        return Progress(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def watching() -> Path | None:
    """The file that a program which watches this one has asked for."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None
