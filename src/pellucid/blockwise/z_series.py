"""Z series: the planes that share statistics, in the order in which a specimen's contrast drifts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.blockwise.plan import VolumePlan
from pellucid.io.image import Image

THINNEST = 8
"""Smallest number of planes in a slab."""
_WORTH = 48e6
"""Pixels in a slab from which sampling its windows costs only a few per cent of denoising it."""


class Slab(NamedTuple):
    """Neighbouring planes of a series: places `start` to `stop`, the latter excluded."""

    start: int
    stop: int

    @property
    def centre(self) -> float:
        """The place for which its statistics hold."""
        return (self.start + self.stop - 1) / 2


class ZSeries:
    """The z series of some images; the place of a plane is its position in its series, counted from 0.

    A series goes along Z, else T, else from image to image. Images with a Z or T axis are volumes, each (t, c) or each
    c of them a series of its own; the others are tiles or sections of one specimen: together they are one series for
    each channel.

    Attributes:
        planes: for each series an array (places, 2) of image and plane numbers.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self.planes: list[NDArray[Any]] = []
        sections: dict[int, list[tuple[int, int]]] = {}
        for number, image in enumerate(images):
            planes = np.arange(math.prod(image.shape[:-2])).reshape(image.shape[:-2])
            drift = next((axis for axis in "ZT" if axis in image.axes), None)
            if drift is None:
                for channel in planes.ravel():
                    sections.setdefault(int(channel), []).append((number, int(channel)))
                continue
            along = np.moveaxis(planes, image.axes.index(drift), -1).reshape(-1, image.shape[image.axes.index(drift)])
            self.planes += [np.stack([np.full_like(row, number), row], axis=1) for row in along]
        self.planes += [np.array(section) for section in sections.values()]
        self._places = [np.empty((math.prod(image.shape[:-2]), 2), int) for image in images]
        for series, members in enumerate(self.planes):
            for place, (number, plane) in enumerate(members.tolist()):
                self._places[number][plane] = series, place

    def locate(self, image: int, plane: int) -> tuple[int, int]:
        """The number of a plane's series, and its place there."""
        series, place = self._places[image][plane]
        return int(series), int(place)

    def slabs(self, series: int, plane_pixels: int) -> list[Slab]:
        """Slabs of equal thickness, thick enough for sampling to be cheap."""
        length = len(self.planes[series])
        count = max(1, round(length / max(THINNEST, math.ceil(_WORTH / plane_pixels))))
        borders = [round(number * length / count) for number in range(count + 1)]
        return [Slab(start, stop) for start, stop in pairwise(borders)]

    def places_in(self, volumes: Sequence[VolumePlan], images: Sequence[Image]) -> dict[int, range]:
        """The places of each series that lie in the planned region of the images, and between those."""
        found: dict[int, range] = {}
        for volume, image, places in zip(volumes, images, self._places, strict=True):
            region = tuple(slice(start, start + size) for start, size in zip(volume.origin, volume.shape, strict=True))
            for series, place in places.reshape(*image.shape[:-2], 2)[region[:-2]].reshape(-1, 2).tolist():
                known = found.get(series, range(place, place + 1))
                found[series] = range(min(known.start, place), max(known.stop, place + 1))
        return found
