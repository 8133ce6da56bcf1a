"""Progress where no terminal is, as in a cluster's log: a plain line every so often."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

FIRST = 5.0
"""Seconds until the first line: soon, so that a person sees that it goes on at all."""

NEAREST, FARTHEST = 30.0, 300.0
"""Seconds between two lines: few at first, and more and more, so that the log of a week can still be read."""


class ProgressLines:
    """Says how much is done, how long that took, and how long the rest will take.

    Args:
        say: prints a line.
        title: what is going on.
        total: how much there is to do.
        done: how much was done before.
        clock: seconds that only ever grow.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        title: str,
        total: float,
        done: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.say = say
        self._title, self._total, self._before, self._clock = title, total, done, clock
        self._done, self._note = done, ""
        self._told: float | None = None
        self._began = clock()
        self._due = self._began + FIRST

    def set(self, done: float, note: str = "") -> None:
        """So much is done; it is told when it is time to."""
        self._done, self._note = done, note
        now = self._clock()
        if now >= self._due:
            self._tell(now)
            self._due = now + min(max(NEAREST, (now - self._began) / 10), FARTHEST)

    def close(self) -> None:
        """Tell the end, unless the last line did."""
        if self._done != self._told:
            self._tell(self._clock())

    def _tell(self, now: float) -> None:
        self._told = self._done
        share = f" ({self._done / self._total:.0%})" if self._total else ""
        parts = [f"{self._title} {int(self._done)}/{self._total:g}{share}", f"{_duration(now - self._began)} taken"]
        if self._done > self._before:
            rate = (self._done - self._before) / max(now - self._began, 1e-9)
            parts.append(f"{_duration((self._total - self._done) / rate)} left")
        self.say(", ".join(parts) + (f"  {self._note}" if self._note else ""))


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(max(0.0, seconds))))
