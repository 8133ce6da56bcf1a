"""How far a denoising is: planes and parts of them, and the rounds of methods that take many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pellucid.methods import Denoiser
from pellucid.report import terminal

Advance = Callable[[float], None]
"""Told how many more planes are denoised, or which part of one."""

_QUICK = 4e6
"""Pixels that are denoised before a bar would be of any use."""


@contextmanager
def denoising_bar(denoiser: Denoiser, planes: int, pixels: int, done: float = 0.0) -> Iterator[Advance]:
    """A progress bar for the length of the block, for the person who waits; none for a single small image.

    Args:
        denoiser: whose rounds are shown too.
        planes: that there are.
        pixels: of all of them.
        done: planes that are denoised already.
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

        previous = denoiser.on_round
        denoiser.on_round = lambda number: bar.set(finished + number)
        try:
            yield advance
        finally:
            denoiser.on_round = previous
