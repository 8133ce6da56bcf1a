"""When something is due by the clock, however long the steps take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

REST = 20.0
"""Shortest pause after an action, in multiples of its duration: an action takes a twentieth of the time at most."""


class Timer:
    """Due after each of these pauses.

    Args:
        pauses: seconds, an endless sequence.
        clock: a clock in seconds that never goes back.
    """

    def __init__(self, pauses: Iterable[float], clock: Callable[[], float] = time.monotonic) -> None:
        self._pauses = iter(pauses)
        self._clock = clock
        self._end = clock() + next(self._pauses)

    @property
    def due(self) -> bool:
        """Whether the pause is over."""
        return self._clock() >= self._end

    @contextmanager
    def action(self) -> Iterator[None]:
        """Measure what happens within the block; then the next pause begins."""
        began = self._clock()
        yield
        now = self._clock()
        self._end = now + max(next(self._pauses), REST * (now - began))
