"""How far a denoising is: planes, and within each the rounds of methods that take many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pellucid.methods import Denoiser
from pellucid.report import terminal


@contextmanager
def denoising_bar(denoiser: Denoiser, planes: int) -> Iterator[Callable[[], None]]:
    """A progress bar for the length of the block, for the person who waits; none where there is but one round.

    Yields:
        What is to be called after each plane.
    """
    total = planes * denoiser.rounds
    if total < 2:
        yield lambda: None
        return
    with terminal.progress_bar("denoising", total) as bar:
        finished = 0

        def after_plane() -> None:
            nonlocal finished
            finished += denoiser.rounds
            bar.set(finished)

        previous = denoiser.on_round
        denoiser.on_round = lambda number: bar.set(finished + number)
        try:
            yield after_plane
        finally:
            denoiser.on_round = previous
