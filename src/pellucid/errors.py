"""Errors that are reported in one line: which file, what is wrong, what to do."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from typing import Any


class PellucidError(Exception):
    """An error that the command line reports in one line, without a traceback."""

    exit_status = 1


class InputError(PellucidError):
    """A wrong call or input, which the user can correct. Exit status 2."""

    exit_status = 2


class RunError(PellucidError):
    """A correct call that failed later: disk full, loss not finite. Exit status 1."""


class IncompleteError(RunError):
    """A run of which a part failed; the message names that part.

    Attributes:
        done: results of the part that succeeded.
    """

    def __init__(self, message: str, done: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.done = done


class Interrupted(RunError):  # noqa: N818
    """A run that was asked to stop, and kept what was done. Exit status 128 plus the signal's number, as in shells.

    Attributes:
        state: what was done and kept.
        number: number of the signal.
    """

    def __init__(self, state: str, number: int = signal.SIGINT, *, resume: str | None = None) -> None:
        super().__init__(f"{state}. Resume with: {resume}" if resume else state)
        self.state = state
        self.number = number
        self.exit_status = 128 + number


class ModelError(PellucidError):
    """A model whose result is not finite. Exit status 1; other images may work."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or all of them."""
    import difflib  # here: needed after mistakes only

    near = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
