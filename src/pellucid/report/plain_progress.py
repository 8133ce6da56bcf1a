"""Progress without a terminal, as in the log of a cluster: a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

FIRST = 5.0
"""Seconds until the first line: soon, to show that the work has begun."""

NEAREST, FARTHEST = 30.0, 300.0
"""Least and greatest pause between two lines, in seconds: it grows, so that the log of a week stays short."""


class ProgressLines:
    """Reports how much is done, how long it took, and how long the rest will take.

    Args:
        say: prints a line.
        title: the name of the work.
        total: the amount of work.
        done: the amount done before.
        clock: a monotonic clock, in seconds.
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
        self._printed: float | None = None
        self._began = clock()
        self._due = self._began + FIRST

    def set(self, done: float, note: str = "") -> None:
        """Set the amount done; print a line if one is due."""
        self._done, self._note = done, note
        now = self._clock()
        if now >= self._due:
            self._print(now)
            self._due = now + min(max(NEAREST, (now - self._began) / 10), FARTHEST)

    def close(self) -> None:
        """Print the final amount, unless the last line did."""
        if self._done != self._printed:
            self._print(self._clock())

    def _print(self, now: float) -> None:
        self._printed = self._done
        share = f" ({self._done / self._total:.0%})" if self._total else ""
        parts = [f"{self._title} {int(self._done)}/{self._total:g}{share}", f"{_duration(now - self._began)} taken"]
        if self._done > self._before:
            rate = (self._done - self._before) / max(now - self._began, 1e-9)
            parts.append(f"{_duration((self._total - self._done) / rate)} left")
        self.say(", ".join(parts) + (f"  {self._note}" if self._note else ""))


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(max(0.0, seconds))))
