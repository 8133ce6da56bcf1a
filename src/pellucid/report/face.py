"""Programs with a face of their own, such as napari: they show messages and progress in the place of the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Bar(Protocol):
    """A progress bar with a short note."""

    def set(self, done: float, note: str = "") -> None:
        """Set the amount done."""

    def say(self, text: str) -> None:
        """Print a line without disturbing the bar."""


class Face(Protocol):
    """What shows messages and progress."""

    def say(self, text: str) -> None:
        """Show a message."""

    def warn(self, text: str) -> None:
        """Show a warning."""

    def bar(self, title: str, total: float, done: float) -> Bar:
        """Begin to show progress; an error that `Bar.set` raises ends the work."""


_face: ContextVar[Face | None] = ContextVar("what shows messages and progress, if not the terminal", default=None)


def present_face() -> Face | None:
    """The face of the program; None where the terminal is meant."""
    return _face.get()


@contextmanager
def shown_by(face: Face) -> Iterator[None]:
    """Within the block, in this thread, messages and progress go to a face."""
    token = _face.set(face)
    try:
        yield
    finally:
        _face.reset(token)
