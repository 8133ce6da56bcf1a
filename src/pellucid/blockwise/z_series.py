"""Z series: the planes that share statistics, in the order in which a specimen's contrast drifts."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, product
from typing import NamedTuple

import numpy as np

from pellucid.blockwise.plan import VolumePlan
from pellucid.io.image import Image

THINNEST = 8
"""Smallest number of planes in a slab."""
_WORTH = 48e6
"""Pixels in a slab from which sampling its windows costs only a few per cent of denoising it."""


class Stack(NamedTuple):
    """Planes of one image: `first`, `first + step`, ... in C order of its leading axes."""

    image: int
    first: int
    step: int
    planes: int


class Slab(NamedTuple):
    """Neighbouring planes of a series: places `start` to `stop`, the latter excluded."""

    start: int
    stop: int

    @property
    def centre(self) -> float:
        """The place for which its statistics hold."""
        return (self.start + self.stop - 1) / 2


@dataclass(frozen=True)
class ZSeries:
    """Planes along the axis of drift: Z, else T, else the images of a folder one after the other.

    The place of a plane is its position in the series, counted from 0.
    """

    stacks: tuple[Stack, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", list(accumulate(stack.planes for stack in self.stacks)))

    def __len__(self) -> int:
        return self._ends[-1]  # type: ignore[attr-defined, no-any-return]

    def plane(self, place: int) -> tuple[int, int]:
        """The numbers of the image and of the plane at a place."""
        ends: list[int] = self._ends  # type: ignore[attr-defined]
        number = bisect.bisect_right(ends, place)
        stack = self.stacks[number]
        return stack.image, stack.first + stack.step * (place - (ends[number] - stack.planes))

    def slabs(self, plane_pixels: int) -> list[Slab]:
        """Slabs of equal thickness, thick enough for sampling to be cheap."""
        thickness = max(THINNEST, math.ceil(_WORTH / plane_pixels))
        count = max(1, round(len(self) / thickness))
        borders = [round(number * len(self) / count) for number in range(count + 1)]
        return [Slab(start, stop) for start, stop in pairwise(borders)]


class ZSeriesIndex:
    """The z series of some images.

    Images with a Z or T axis are volumes, each (t, c) or each c of them a series of its own; the others are tiles or
    sections of one specimen: together they are one series for each channel.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = images
        self.series: list[ZSeries] = []
        self._homes: list[_Home | None] = []
        sections: dict[int, list[Stack]] = {}
        for number, image in enumerate(images):
            leading = dict(zip(image.axes[:-2], image.shape[:-2], strict=True))
            drift = next((axis for axis in "ZT" if axis in leading), None)
            if drift is None:
                self._homes.append(None)
                for channel in range(leading.get("C", 1)):
                    sections.setdefault(channel, []).append(Stack(number, channel, 1, 1))
            else:
                self._homes.append(self._add_volume(number, image, drift))
        self._sections = len(self.series)
        self.series += [ZSeries(tuple(stacks)) for stacks in sections.values()]
        self._places = [{stack.image: place for place, stack in enumerate(stacks)} for stacks in sections.values()]

    def _add_volume(self, number: int, image: Image, drift: str) -> _Home:
        at = image.axes.index(drift)
        step, count = math.prod(image.shape[at + 1 : -2]), image.shape[at]
        home = _Home(step, count, len(self.series))
        planes = math.prod(image.shape[:-2])
        for outer in range(0, planes, step * count):
            self.series += [ZSeries((Stack(number, outer + inner, step, count),)) for inner in range(step)]
        return home

    def locate(self, image: int, plane: int) -> tuple[int, int]:
        """The number of a plane's series, and its place there."""
        home = self._homes[image]
        if home is None:
            return self._sections + plane, self._places[plane][image]
        outer, rest = divmod(plane, home.step * home.planes)
        place, inner = divmod(rest, home.step)
        return home.series + outer * home.step + inner, place

    def places_in(self, volumes: Sequence[VolumePlan]) -> dict[int, range]:
        """The places of each series that lie in the planned region of the images."""
        found: dict[int, range] = {}
        for number, volume in enumerate(volumes):
            for plane in _first_and_last(self._images[number], volume):
                series, place = self.locate(number, plane)
                known = found.get(series, range(place, place + 1))
                found[series] = range(min(known.start, place), max(known.stop, place + 1))
        return found


class _Home(NamedTuple):
    """The series of a volume: the first one, and the steps that lead from one to the next."""

    step: int
    planes: int
    series: int


def _first_and_last(image: Image, volume: VolumePlan) -> Iterator[int]:
    """Planes of the planned region: along Z only the first and the last, along other axes all."""
    leading = zip(image.axes[:-2], volume.origin, volume.shape, strict=False)
    ranges = [
        sorted({start, start + size - 1}) if axis == "Z" else range(start, start + size)
        for axis, start, size in leading
    ]
    for index in product(*ranges):
        yield int(np.ravel_multi_index(index, image.shape[:-2])) if index else 0
