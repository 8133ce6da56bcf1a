"""How far some work is, and the wish to stop it: between the thread that works and the panel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from pellucid.errors import Interrupted
from pellucid.inference.tiles import on_tile
from pellucid.methods.base import on_round
from pellucid.report.face import Bar, shown_by

T = TypeVar("T")
_END = object()


class Progress(NamedTuple):
    """How far some work is; the total is 0 while it is not known."""

    title: str
    done: float = 0.0
    total: float = 0.0


class Watch:
    """Watches work in one thread: shows each tile that is done, and ends the work after a tile if asked to.

    Args:
        show: called with the progress, in the thread that works.
    """

    def __init__(self, show: Callable[[Progress], object] = lambda _: None) -> None:
        self.show = show
        self.lines: list[str] = []
        """What was said meanwhile, in order."""
        self.is_closed: Callable[[], bool] = lambda: False
        """Whether the viewer is being closed."""
        self._stop = threading.Event()
        self._latest = Progress("starting")

    def stop(self) -> None:
        """Ask the work to stop; from any thread."""
        self._stop.set()

    def check(self) -> None:
        """Raise Interrupted if the work shall stop."""
        if self._stop.is_set() or self.is_closed():
            raise Interrupted("stopped")

    def set(self, progress: Progress) -> Progress:
        """Show how far the work is, and stop if asked to."""
        self._latest = progress
        self.show(progress)
        self.check()
        return progress

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block, in this thread, tiles, rounds, messages and bars of Pellucid are watched."""
        tile, round_ = on_tile.set(self._tile), on_round.set(lambda _: self.check())
        try:
            with shown_by(self):
                yield
        finally:
            on_tile.reset(tile)
            on_round.reset(round_)

    def over(self, steps: Iterable[T]) -> Iterator[T]:
        """Steps that are watched while they are computed; between them, when others work, nothing is."""
        iterator = iter(steps)
        while True:
            with self.watching():
                step = next(iterator, _END)
            if step is _END:
                return
            yield step  # type: ignore[misc]

    def _tile(self, pixels: int) -> None:
        """A tile is done; in work that counts pixels it is shown."""
        counts = self._latest.title == PIXELS
        self.set(self._latest._replace(done=self._latest.done + pixels) if counts else self._latest)

    def say(self, text: str) -> None:
        """See `Face.say`."""
        self.lines.append(text)

    def warn(self, text: str) -> None:
        """See `Face.warn`."""
        self.lines.append(f"warning: {text}")

    def bar(self, title: str, total: float, done: float) -> Bar:
        """See `Face.bar`."""
        return _WatchedBar(self, title, total, done)


PIXELS = "denoising"
"""Title of work whose amount is a number of pixels."""


class _WatchedBar:
    def __init__(self, watch: Watch, title: str, total: float, done: float) -> None:
        self._watch, self._title, self._total = watch, title, total
        self.set(done)

    def set(self, done: float, note: str = "") -> None:
        """See `Bar.set`."""
        title = f"{self._title} planes" if self._title == PIXELS else self._title
        self._watch.set(Progress(f"{title}: {note}" if note else title, done, self._total))

    def say(self, text: str) -> None:
        """See `Bar.say`."""
        self._watch.say(text)
