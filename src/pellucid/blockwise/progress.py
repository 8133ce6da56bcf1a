"""How far a denoising is: planes and parts of them, and the rounds of methods that take many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pellucid.methods import Denoiser
from pellucid.methods.base import on_round
from pellucid.report import terminal

WRONG = 1.5
"""Ratio between the new and the printed estimate at which the new one is printed."""
_SURE = 60.0
"""Seconds, and share of the work done, after which the total time can be estimated."""
_SHARE = 0.05

Advance = Callable[[float], None]
"""Called with the number of further planes that are denoised, or with the part of one."""

_QUICK = 4e6
"""Pixels that are denoised before a bar would be of any use."""


@contextmanager
def denoising_bar(denoiser: Denoiser, planes: int, pixels: int, done: float = 0.0) -> Iterator[Advance]:
    """A progress bar for the length of the block; none for a single small image.

    Args:
        denoiser: its rounds are shown too.
        planes: number of planes.
        pixels: number of pixels in all planes.
        done: number of planes that are denoised already.
    """
    total = planes * denoiser.rounds
    if total < 2 and pixels < _QUICK:
        yield lambda _: None
        return
    with terminal.progress_bar("denoising", total) as bar:
        finished = done * denoiser.rounds
        bar.set(finished)

        def advance(more: float) -> None:
            nonlocal finished
            finished += more * denoiser.rounds
            bar.set(finished)

        outside = on_round.set(lambda number: bar.set(finished + number))
        try:
            yield advance
        finally:
            on_round.reset(outside)


class PrintedTime:
    """An estimated time, printed before the work began and corrected when it proves wrong.

    Args:
        seconds: the printed estimate for all of the work.
        say: prints a line.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, seconds: float, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._printed, self._say, self._clock = seconds, say, clock
        self._began = clock()

    def watched(self, advance: Advance, total: float) -> Advance:
        """Wrap `advance` so that each call also checks the estimate.

        Args:
            advance: called with the amount of work just done.
            total: the amount of work left; time already spent, such as on measuring, is added once.
        """
        begun, done = self._clock(), 0.0

        def further(more: float) -> None:
            nonlocal done
            advance(more)
            done += more
            self._look(begun, done / total)

        return further

    def _look(self, begun: float, share: float) -> None:
        now = self._clock()
        if now - self._began < _SURE or share < _SHARE:
            return
        whole = begun - self._began + (now - begun) / share
        if not self._printed / WRONG <= whole <= self._printed * WRONG:
            self._say(f"new estimate: about {time_text(whole)} in all, not {time_text(self._printed)}")
            self._printed = whole


def time_text(seconds: float) -> str:
    """A duration as readable text."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
