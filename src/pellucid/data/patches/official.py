"""The published data pipeline with its two defects, for reproducing the conditions of the paper.

Augmentation: of the eight copies of an image only five differ (the three pure rotations never occur). All images come
unchanged first, then all in their second copy, and so on.
Shuffle: patches pass in raster order through a buffer as long as the number of *images*. A batch therefore has patches
of very few images, and its clean and noisy patches come from the same positions in images of the same number.
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
    """Batches in the published order; `clean` and `noisy` have the same number of square images, all of one size."""

    def __init__(
        self,
        clean: Patches | GpuPatches,
        noisy: Patches | GpuPatches,
        batch: int,
        seed: int,
        share: Share = WHOLE,
    ) -> None:
        shapes, size = clean.positions.shapes, clean.positions.size
        sides = {side for each in (clean.positions, noisy.positions) for shape in each.shapes for side in shape}
        if len(sides) != 1 or min(sides) < size or len(shapes) != len(noisy.positions.shapes):
            raise InputError(
                "pipeline=official needs as many clean as noisy images, all square, of one size "
                f"and of {size} pixels or more: use pipeline=correct for others"
            )
        self.clean, self.noisy, self.batch, self.seed, self.share = clean, noisy, batch, seed, share
        self.raster = RasterPatches(len(shapes), sides.pop(), size)

    def __call__(self, number: int) -> dict[str, Tensor]:
        """The batch of step `number`, counted from 1: this process's share of it."""
        first = (number - 1) * self.batch
        taken = shuffled(self.seed, self.raster.images, first, first + self.batch)[slots(self.batch, self.share)]
        positions = self.clean.positions.number(self.raster.coordinates(taken))
        return {"clean": self.clean.cut(positions), "noisy": self.noisy.cut(positions)}


class RasterPatches:
    """An endless sequence of patches: copy after copy of all images, image after image, each in raster order."""

    def __init__(self, images: int, side: int, size: int) -> None:
        self.images, self.last = images, side - size
        self.starts = np.array([*range(0, self.last, size), self.last])  # the last one of a row ends at the border

    def coordinates(self, numbers: Numbers) -> Coordinates:
        """The coordinates of patches by number, in the unchanged images."""
        shape = (len(COPIES), self.images, len(self.starts), len(self.starts))
        copy, image, row, column = np.unravel_index(numbers % np.prod(shape), shape)
        y, x, which = self.starts[row], self.starts[column], COPIES[copy]
        y = np.where(which & 2, self.last - y, y)  # undo the flips of the copy, then its transposition
        x = np.where(which & 1, self.last - x, x)
        return Coordinates(image, np.where(which & 4, x, y), np.where(which & 4, y, x), which)


def shuffled(seed: int, buffer: int, first: int, last: int) -> Numbers:
    """Elements `first` to `last` (exclusive) of the sequence 0, 1, 2, ... after a shuffle buffer like that of tf.data.

    At each step one slot of the buffer returns its element and receives the next one of the sequence, which is `buffer`
    elements ahead. The element of a slot thus follows from the step at which it was emptied before: no state is needed.
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
    """The random slots that are emptied at steps `first` to `last`."""
    random = np.random.Philox(seed).advance(first // 4)  # four numbers per counter value
    drawn = random.random_raw(last - first // 4 * 4)[first % 4 :]
    return (drawn % np.uint64(buffer)).astype(np.int64)


def _equal_before(values: Numbers) -> Numbers:
    """For each value the index of the last equal value before it, or −1."""
    order = np.argsort(values, kind="stable")
    again = values[order[1:]] == values[order[:-1]]
    before = np.full(len(values), -1)
    before[order[1:][again]] = order[:-1][again]
    return before
