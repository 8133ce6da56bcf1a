"""Stacks of patches, cut at one place from neighbouring slices of a volume, and flipped and turned together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from pellucid.data.patches.coordinates import Coordinates, Numbers, Positions
from pellucid.data.patches.gpu_patches import GpuPatches
from pellucid.data.patches.patches import Patches


@dataclass(frozen=True)
class Stacks:
    """Patches of slices with those of their neighbours, at the positions of the slices in the middle.

    Attributes:
        patches: of single slices.
        neighbours: for each image the numbers of the images around it, its own in the middle, (images, slices); they
            have its shape.
    """

    patches: Patches | GpuPatches
    neighbours: Numbers

    @property
    def positions(self) -> Positions:
        """All positions of the middle slices."""
        return self.patches.positions

    @property
    def mapped(self) -> bool:
        """Whether cutting reads any image from disk."""
        return self.patches.mapped

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Random positions of `count` stacks, as in `Patches`."""
        return self.patches.draw(random, count)

    def cut(self, numbers: Numbers) -> Tensor:
        """The stacks at n positions: (n, slices, size, size), in [−1, 1]."""
        image, *place = (each[:, None] for each in self.positions.locate(numbers))
        around = np.broadcast_arrays(self.neighbours[image[:, 0]], *place)
        cut = self.patches.cut(self.positions.number(Coordinates(*around)).reshape(-1))
        return cut.reshape(*around[0].shape, *cut.shape[2:])
