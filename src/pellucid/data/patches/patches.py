"""Patches cut from images in main memory or mapped from disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.patches.coordinates import Numbers, Positions, fill, orient
from pellucid.data.patches.coverage import Coverage

Pixels = NDArray[Any]
Normalize = Callable[[Pixels], NDArray[np.float32]]


@dataclass(frozen=True)
class Patches:
    """Patches of one kind.

    Attributes:
        images: (Y, X) each, of any size and dtype, in memory or mapped from disk.
        normalize: maps the pixels of an array of any shape to [−1, 1], one by one.
        size: side of a patch, in pixels; smaller images are padded to it by mirroring.
        coverage: by image number, the coverages that must all admit a position; none for images without padding.
    """

    images: Sequence[Pixels]
    normalize: Normalize
    size: int
    coverage: Mapping[int, Sequence[Coverage]] = field(default_factory=dict)

    @cached_property
    def positions(self) -> Positions:
        """All possible positions of the patches."""
        return Positions([(image.shape[0], image.shape[1]) for image in self.images], self.size, self.coverage)

    @cached_property
    def dtype(self) -> np.dtype[Any] | None:
        """The pixel type of all images, in native byte order; None if there are several."""
        found = {image.dtype.newbyteorder("=") for image in self.images}
        return found.pop() if len(found) == 1 else None

    @property
    def mapped(self) -> bool:
        """Whether cutting reads any image from disk."""
        return any(isinstance(image, np.memmap) for image in self.images)

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Random positions of `count` patches: uniform over all positions in all images and orientations."""
        return self.positions.draw(random, count)

    def cut(self, numbers: Numbers) -> Tensor:
        """The patches at n positions: (n, 1, size, size), in [−1, 1]."""
        coordinates = zip(*(each.tolist() for each in self.positions.locate(numbers)), strict=True)
        pieces = [orient(self._piece(image, y, x), which) for image, y, x, which in coordinates]
        return torch.from_numpy(self._normalized(pieces))[:, None]

    def _piece(self, image: int, y: int, x: int) -> Pixels:
        return fill(native(self.images[image][y : y + self.size, x : x + self.size]), self.size)

    def _normalized(self, pieces: Sequence[Pixels]) -> NDArray[np.float32]:
        if self.dtype is None:  # a patch must not depend on the pixel types of others
            return np.stack([self.normalize(piece) for piece in pieces])
        return self.normalize(np.stack(pieces))


def native(image: Pixels) -> Pixels:
    """The image in this machine's byte order, as a plain array."""
    return np.asarray(image, image.dtype.newbyteorder("="))
