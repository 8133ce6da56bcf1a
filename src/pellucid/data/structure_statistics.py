"""Statistics of a source: brightness, contrast, noise and structures, stored with a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.data.clipping import share_of_lowest
from pellucid.data.crops import Crop, crops_of, quarters_of
from pellucid.data.spread import Interval, Spread
from pellucid.io.image import Plane
from pellucid.io.layout import Array

Values = npt.NDArray[np.float64]

_FOR_SIZE = 192
"""Smallest side of a crop in which the size of structures is measured: a smaller one contains too few."""
_SIZE_SPREAD = 0.25
"""Standard deviation of log(size) between crops of one tissue, assumed where too few crops show it."""
_SPREAD_CROPS = 16
_TINY = 1e-30
_LEAST_OF = {"contrast": _TINY, "size": _TINY, "noise": 0.0, "noise_share": 0.0, "size_error": 0.0}
"""What stored statistics must at least be; they may come from anyone."""


@dataclass(frozen=True)
class StructureStatistics:
    """Measurements on crops of a source, in the units of its pixels; padding does not count.

    Attributes:
        crops: number of crops.
        lowest, highest: the smallest and largest pixel value.
        mean: mean brightness.
        black, white: 1st and 99th percentile of the smoothed image.
        contrast: standard deviation of the smoothed image.
        noise: standard deviation of the noise.
        noise_share: the same divided by the standard deviation of the image, 0 to 1.
        structure: how unevenly details are spread; 0 for pure noise (see `texture.structure`).
        ridges: prevalence of dark over bright lines, −1 to 1; positive: dark membranes.
        ridges_error: standard error of `ridges`.
        skew: skewness of the smoothed image; negative if the dark tail is the longer one.
        size: typical size of structures in pixels; None if no crop is large enough to tell.
        size_error: standard error of log(size).
        clipped_black, clipped_white: share of pixels at the lowest and highest value of their crop, if far more
            pixels have that value than the values next to it; otherwise 0.
        blockiness: steps at the borders of JPEG's 8×8 blocks divided by steps elsewhere; 1 without compression.
        spread: how far parts of the source differ from each other; None if not measured.
    """

    crops: int
    lowest: float
    highest: float
    mean: float
    black: float
    white: float
    contrast: float
    noise: float
    noise_share: float
    structure: float
    ridges: float
    ridges_error: float
    skew: float
    size: float | None
    size_error: float
    clipped_black: float
    clipped_white: float
    blockiness: float
    spread: Spread | None = None

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> StructureStatistics:
        """Rebuild from the output of `dataclasses.asdict`, also after JSON; unknown names are ignored.

        Raises:
            ValueError: a value is missing, of another type, or impossible.
        """
        from pydantic import TypeAdapter  # here: looking at images needs no pydantic

        found = TypeAdapter(cls).validate_python(values)
        for name, value in vars(found).items():
            if isinstance(value, float) and not (math.isfinite(value) and value >= _LEAST_OF.get(name, value)):
                raise ValueError(f"{name} is {value:g}")
        return found

    @property
    def has_structure(self) -> bool:
        """Whether the source shows more than noise."""
        if self.noise_share > 0.75:  # film grain and dirt are slightly uneven too
            return self.structure > 0.14
        return self.structure > 0.08 or self.noise_share < 0.55

    @property
    def is_noise(self) -> bool:
        """Whether the source is pure noise; never true of tiny crops, which may lie within cytoplasm."""
        return not self.has_structure and self.size is not None

    @property
    def polarity(self) -> str | None:
        """Whether thin lines (membranes) are ``"dark"`` or ``"bright"``; None if neither clearly prevails."""
        if not self.has_structure or abs(self.ridges) < max(0.04, 2 * self.ridges_error):
            return None
        return "dark" if self.ridges > 0 else "bright"

    @property
    def tail(self) -> str | None:
        """Which tail of the smoothed histogram is clearly longer, ``"dark"`` or ``"bright"``; None if neither is."""
        if not self.has_structure or abs(self.skew) < 0.5:
            return None
        return "dark" if self.skew < 0 else "bright"


def structure_statistics(planes: Sequence[Plane] | Sequence[Array]) -> StructureStatistics | None:
    """Measure (Y, X) planes of any dtype; None if all are too small, constant, or padding."""
    return _statistics_of(crops_of(planes))


def structure_statistics_with_spread(planes: Sequence[Plane] | Sequence[Array]) -> StructureStatistics | None:
    """Like `structure_statistics`, with the spread over up to 16 crops and their 256×256 quarters."""
    whole, crops = structure_statistics(planes), crops_of(planes, _SPREAD_CROPS)
    if whole is None:
        return None
    return replace(
        whole, spread=spread_of([whole, *_each(crops)], _each([p for crop in crops for p in quarters_of(crop)]))
    )


def spread_of(crops: Sequence[StructureStatistics], parts: Sequence[StructureStatistics] = ()) -> Spread:
    """The spread over at least one crop, and over parts of crops."""
    pieces = [*crops, *parts]
    sizes = [crop.size for crop in crops if crop.size is not None]
    mean, contrast = (Interval.of(getattr(piece, name) for piece in pieces) for name in ("mean", "contrast"))
    return Spread(
        mean=mean,
        contrast=contrast._replace(high=math.hypot(contrast.high, (mean.high - mean.low) / 2)),  # Popoviciu
        noise=Interval.of(piece.noise for piece in pieces),
        ridges=Interval.of(piece.ridges for piece in pieces),
        size=Interval.of(sizes) if sizes else None,
        noise_alone=any(piece.is_noise for piece in pieces),
    )


def _each(crops: Sequence[Crop]) -> list[StructureStatistics]:
    return [statistics for crop in crops if (statistics := _statistics_of([crop])) is not None]


def _statistics_of(crops: Sequence[Crop]) -> StructureStatistics | None:
    from pellucid.data import texture  # imported late: models without training measure nothing and need no scipy

    crops = [crop for crop in crops if crop[0].std() > 0]
    if not crops:
        return None
    values = np.concatenate([image[valid] for image, valid in crops])
    smoothed = [texture.without_noise(image) for image, _ in crops]
    smooth = np.concatenate([image[valid] for image, (_, valid) in zip(smoothed, crops, strict=True)])
    levels = np.array([texture.noise_level(image) for image, _ in crops])
    lines = np.array([texture.ridges(image) for image, _ in crops])
    sizes = [texture.structure_size(image) for image, _ in crops if min(image.shape) >= _FOR_SIZE]
    size, size_error = _mean_size(sizes)
    black, white = np.percentile(smooth, (1, 99))
    return StructureStatistics(
        crops=len(crops),
        lowest=float(values.min()),
        highest=float(values.max()),
        mean=float(values.mean()),
        black=float(black),
        white=float(white),
        contrast=float(smooth.std()),
        noise=float(np.mean(levels)),
        noise_share=float(np.mean([level / image.std() for level, (image, _) in zip(levels, crops, strict=True)])),
        structure=float(np.mean([texture.structure(image) for image, _ in crops])),
        ridges=float(lines.mean()),
        ridges_error=float(lines.std(ddof=1) / np.sqrt(lines.size)) if lines.size > 1 else 0.0,
        skew=float(np.mean([texture.skewness(image) for image in smoothed])),
        size=size,
        size_error=size_error,
        clipped_black=float(np.mean([share_of_lowest(image[valid]) for image, valid in crops])),
        clipped_white=float(np.mean([share_of_lowest(-image[valid]) for image, valid in crops])),
        blockiness=float(np.median([texture.blockiness(image) for image, _ in crops])),
    )


def _mean_size(sizes: Sequence[float]) -> tuple[float | None, float]:
    """The geometric mean, and the standard error of its logarithm."""
    if not sizes:
        return None, 0.0
    logs = np.log(sizes)
    spread = max(_SIZE_SPREAD, float(logs.std(ddof=1))) if logs.size > 1 else _SIZE_SPREAD
    return float(np.exp(logs.mean())), spread / float(np.sqrt(logs.size))
