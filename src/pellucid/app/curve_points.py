"""The losses of a run for drawing: read as they grow, and thinned out, so that a long run costs no more."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MOST = 400
"""Points of a curve at most; half of it at least, once there are so many."""

CHUNK = 1 << 20
"""Bytes that are read at once."""


@dataclass
class Point:
    """Some consecutive values of a loss.

    Attributes:
        step: of the first.
        count: of the finite values.
        total: their sum.
        low: the least.
        high: the greatest.
    """

    step: int
    count: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @property
    def mean(self) -> float:
        """The mean of the finite values."""
        return self.total / self.count

    def take(self, other: Point) -> None:
        """Take the values of another point too."""
        self.count += other.count
        self.total += other.total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)


@dataclass
class ThinCurve:
    """One loss over the steps, in points that become wider as the training becomes longer.

    Attributes:
        points: in order.
        width: number of values in a point.
    """

    points: list[Point] = field(default_factory=list)
    width: int = 1

    def add(self, step: int, value: float) -> None:
        """Add the value of a further step; one that is not finite leaves a gap."""
        if not math.isfinite(value):
            return
        one = Point(step, 1, value, value, value)
        if self.points and self.points[-1].count < self.width:
            self.points[-1].take(one)
            return
        if len(self.points) == MOST:
            self._halve()
        if self.points and self.points[-1].count < self.width:
            self.points[-1].take(one)
        else:
            self.points.append(one)

    def _halve(self) -> None:
        for first, second in zip(self.points[::2], self.points[1::2], strict=True):
            first.take(second)
        self.points = self.points[::2]
        self.width *= 2


class CurveReader:
    """Follows the metrics of a run. What was read is never read again, unless the file was replaced.

    Args:
        path: the metrics file; it need not exist yet.

    Attributes:
        curves: by the name of the loss.
        step: the last step that was read; 0 before the first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin()

    def _begin(self) -> None:
        self._position, self._file, self._rest = 0, 0, b""
        self.curves: dict[str, ThinCurve] = {}
        self.step = 0

    def read(self) -> None:
        """Read what has been added since."""
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._file or found.st_size < self._position:  # a resumed run forgets steps
                    self._begin()
                    self._file = found.st_ino
                file.seek(self._position)
                while chunk := file.read(CHUNK):
                    self._position += len(chunk)
                    self._take(chunk)
        except FileNotFoundError:
            self._begin()

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            for step, name, value in _losses(line):
                self.curves.setdefault(name, ThinCurve()).add(step, value)
                self.step = step


def _losses(line: bytes) -> Iterator[tuple[int, str, float]]:
    """The losses of a line; a line that was cut off by a kill has none."""
    try:
        record = json.loads(line)
        step = int(record.pop("step"))
    except (ValueError, KeyError, AttributeError, TypeError):
        return
    for name, value in record.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield step, name, float(value)
