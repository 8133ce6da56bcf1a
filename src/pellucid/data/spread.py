"""How far the images of a source differ from each other: whatever lies between them is familiar to a model of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Interval(NamedTuple):
    """The range between the lowest and the highest of some values."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Interval:
        """The interval of at least one value."""
        found = list(values)
        return cls(min(found), max(found))

    def apart(self, value: float) -> float:
        """How far outside the interval a value lies; 0 if inside."""
        return max(self.low - value, value - self.high, 0.0)

    def times(self, value: float) -> float:
        """By what factor a positive value lies below the lowest or above the highest; 1 if inside."""
        return max(self.low / max(value, 1e-9), value / max(self.high, 1e-9), 1.0)


@dataclass(frozen=True)
class Spread:
    """The ranges of measurements over pieces of a source, in the units of its pixels.

    Attributes:
        mean, noise, ridges: as in `StructureStatistics`.
        contrast: as in `StructureStatistics`, but its upper end is the most that any mixture of the pieces can have.
        size: as in `StructureStatistics`, over whole crops; None if no crop is large enough to tell.
        noise_alone: whether any piece is pure noise.
    """

    mean: Interval
    contrast: Interval
    noise: Interval
    ridges: Interval
    size: Interval | None
    noise_alone: bool
