"""When something is due by the clock, whatever the steps take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

REST = 20.0
"""Pauses are at least so many times as long as what lies between them: it takes a twentieth of the time at most."""


class Pace:
    """Due after each of these pauses.

    Args:
        pauses: seconds, endlessly many.
        clock: seconds that only ever grow.
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
    def doing(self) -> Iterator[None]:
        """Do it within the block; then the next pause begins."""
        began = self._clock()
        yield
        now = self._clock()
        self._end = now + max(next(self._pauses), REST * (now - began))
