"""The published data pipeline with its two defects, for whoever wants to reproduce the paper's conditions.

Augmentation: of the eight copies of an image only five differ (the three pure rotations never occur). First come all
images as they are, then all in their second copy, and so on.
Shuffle: tiles pass in raster order through a buffer as long as the number of *images*, so a batch holds tiles of
very few images, and the clean and the noisy patch of a slot come from the same place of the k-th image of each kind.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from pellucid.data.patches.batches import slots
from pellucid.data.patches.coordinates import Coordinates, Numbers
from pellucid.data.patches.gpu_patches import GpuPatches
from pellucid.data.patches.patches import Patches
from pellucid.errors import InputError
from pellucid.launch import WHOLE, Share

COPIES = np.array([0, 4, 1, 7, 1, 7, 2, 4])
"""The orientation of each copy: 0 to 3 quarter turns followed by a flip, upside down or left to right."""


class OfficialBatches:
    """Batches in the published order; `clean` and `noisy` hold equally many square images of one size."""

    def __init__(
        self,
        clean: Patches | GpuPatches,
        noisy: Patches | GpuPatches,
        batch: int,
        seed: int,
        share: Share = WHOLE,
    ) -> None:
        shapes, size = clean.positions.shapes, clean.positions.size
        sides = {side for places in (clean.positions, noisy.positions) for shape in places.shapes for side in shape}
        if len(sides) != 1 or min(sides) < size or len(shapes) != len(noisy.positions.shapes):
            raise InputError(
                "pipeline=official needs equally many clean and noisy images, all square, of one size "
                f"and of {size} pixels or more: use pipeline=correct for others"
            )
        self.clean, self.noisy, self.batch, self.seed, self.share = clean, noisy, batch, seed, share
        self.tiles = Tiles(len(shapes), sides.pop(), size)

    def __call__(self, number: int) -> dict[str, Tensor]:
        """The batch of step `number`, counted from 1, or this process's share of it."""
        first = (number - 1) * self.batch
        taken = shuffled(self.seed, self.tiles.images, first, first + self.batch)[slots(self.batch, self.share)]
        places = self.clean.positions.number(self.tiles.coordinates(taken))
        return {"clean": self.clean.cut(places), "noisy": self.noisy.cut(places)}


class Tiles:
    """Every tile, again and again: copy after copy of all images, image after image, and each in raster order."""

    def __init__(self, images: int, side: int, size: int) -> None:
        self.images, self.halo = images, side - size
        self.starts = np.array([*range(0, self.halo, size), self.halo])  # the last of a row is flush with the border

    def coordinates(self, numbers: Numbers) -> Coordinates:
        """Where the tiles of these numbers lie in the images as they are."""
        shape = (len(COPIES), self.images, len(self.starts), len(self.starts))
        copy, image, row, column = np.unravel_index(numbers % np.prod(shape), shape)
        y, x, which = self.starts[row], self.starts[column], COPIES[copy]
        y = np.where(which & 2, self.halo - y, y)  # the copy's flips are taken back, and then its transposition
        x = np.where(which & 1, self.halo - x, x)
        return Coordinates(image, np.where(which & 4, x, y), np.where(which & 4, y, x), which)


def shuffled(seed: int, buffer: int, first: int, last: int) -> Numbers:
    """The elements `first` to `last` (not included) of 0, 1, 2, ... behind a shuffle buffer (as tf.data).

    Each time one slot of the buffer is emptied, and takes up the next element. So what a slot gives is what it took up
    when it was emptied before: `buffer` elements after the one that it gave up then. No state needs to be carried.
    """
    back = 8 * buffer
    while True:
        begin = max(0, first - back)
        emptied = _emptied(seed, buffer, begin, last)
        before = _equal_before(emptied)[first - begin :]
        if begin == 0 or before.min() >= 0:
            return np.where(before >= 0, begin + before + buffer, emptied[first - begin :])
        back *= 2


def _emptied(seed: int, buffer: int, first: int, last: int) -> Numbers:
    """The slots that are emptied at the times `first` to `last`, at random."""
    random = np.random.Philox(seed).advance(first // 4)  # four numbers a count
    drawn = random.random_raw(last - first // 4 * 4)[first % 4 :]
    return (drawn % np.uint64(buffer)).astype(np.int64)


def _equal_before(values: Numbers) -> Numbers:
    """For each value the position of the last equal one before it, or −1."""
    order = np.argsort(values, kind="stable")
    again = values[order[1:]] == values[order[:-1]]
    before = np.full(len(values), -1)
    before[order[1:][again]] = order[:-1][again]
    return before
