"""How much the images of a source differ among themselves: a model that was trained on all of them knows each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pellucid.images.looks import Looks


class Interval(NamedTuple):
    """The lowest and the highest of some values."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Interval:
        """Of at least one."""
        found = list(values)
        return cls(min(found), max(found))

    def apart(self, value: float) -> float:
        """How far outside a value lies; 0 inside."""
        return max(self.low - value, value - self.high, 0.0)

    def times(self, value: float) -> float:
        """How many times a positive value is smaller than the lowest or larger than the highest; 1 inside."""
        return max(self.low / max(value, 1e-9), value / max(self.high, 1e-9), 1.0)


@dataclass(frozen=True)
class Spread:
    """Between what values measures of pieces of a source lie, in the units of its pixels.

    Attributes:
        mean, noise, ridges: as of `Looks`.
        contrast: likewise, the highest being what any of the pieces can have together.
        size: of the crops; None if none is large enough to tell.
        noise_alone: whether a piece is noise alone.
    """

    mean: Interval
    contrast: Interval
    noise: Interval
    ridges: Interval
    size: Interval | None
    noise_alone: bool

    @classmethod
    def of(cls, crops: Sequence[Looks], parts: Sequence[Looks] = ()) -> Spread:
        """Of at least one crop."""
        pieces = [*crops, *parts]
        sizes = [crop.size for crop in crops if crop.size is not None]
        mean, contrast = (Interval.of(getattr(piece, name) for piece in pieces) for name in ("mean", "contrast"))
        return cls(
            mean=mean,
            contrast=contrast._replace(high=math.hypot(contrast.high, (mean.high - mean.low) / 2)),  # Popoviciu
            noise=Interval.of(piece.noise for piece in pieces),
            ridges=Interval.of(piece.ridges for piece in pieces),
            size=Interval.of(sizes) if sizes else None,
            noise_alone=any(piece.is_noise for piece in pieces),
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Spread:
        """From what `dataclasses.asdict` gave, also by way of JSON; names that are not known are left out.

        Raises:
            KeyError: one is missing.
        """
        found: dict[str, Any] = {field.name: values[field.name] for field in fields(cls)}
        intervals = {name: Interval(*value) for name, value in found.items() if isinstance(value, list | tuple)}
        return cls(**{**found, **intervals})
