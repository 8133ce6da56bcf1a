"""What can go wrong for a user, said in one line: which file, what is wrong, what to do."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from typing import Any


class PellucidError(Exception):
    """Anything that the command line reports as one line, without a traceback."""

    exit_status = 1


class InputError(PellucidError):
    """A wrong call or a wrong input: the user can mend it. Exit status 2."""

    exit_status = 2


class RunError(PellucidError):
    """A run that was rightly started and failed: disk full, not-a-number loss. Exit status 1."""


class IncompleteError(RunError):
    """A run that did what could be done, and names the rest.

    Attributes:
        done: what there is to say of what was done.
    """

    def __init__(self, message: str, done: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.done = done


class Interrupted(RunError):  # noqa: N818
    """Somebody asked to stop, and what is done is kept. Exit status 128 and the signal's number, as shells have it.

    Attributes:
        state: what was done and kept.
        number: of the signal.
    """

    def __init__(self, state: str, number: int = signal.SIGINT, *, resume: str | None = None) -> None:
        super().__init__(f"{state}. Go on with: {resume}" if resume else state)
        self.state = state
        self.number = number
        self.exit_status = 128 + number


class ModelError(PellucidError):
    """A model that does not do: what it makes of numbers is none. Exit status 1; other images may be better off."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all of them."""
    import difflib  # here: only mistakes need it

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
