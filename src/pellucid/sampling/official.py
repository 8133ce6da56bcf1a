"""The published data pipeline with its two defects, for whoever wants to reproduce the paper's conditions.

Augmentation: of the eight copies of an image only five differ (the three pure rotations never occur).
Shuffle: tiles pass in raster order through a buffer as long as the number of *images*, so a batch holds tiles of
very few images, and the clean and the noisy patch of a slot come from the same place of the k-th image of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.errors import InputError
from pellucid.sampling.patches import Patches


class Tile(NamedTuple):
    """A tile of the k-th image of either kind."""

    image: int
    copy: int
    y: int
    x: int


class OfficialBatches:
    """Batches in the published order; `clean` and `noisy` hold equally many square images of one size."""

    def __init__(self, clean: Patches, noisy: Patches, batch: int, seed: int) -> None:
        sides = {side for image in (*clean.images, *noisy.images) for side in image.shape}
        if len(sides) != 1 or min(sides) < clean.size or len(clean.images) != len(noisy.images):
            raise InputError(
                "pipeline=official needs equally many clean and noisy images, all square, of one size "
                f"and of {clean.size} pixels or more: use pipeline=correct for others"
            )
        self.clean, self.noisy, self.batch, self.seed = clean, noisy, batch, seed
        side = clean.images[0].shape[0]
        self.tiles = tiles(len(clean.images), side, clean.size)
        self._restart()

    def __call__(self, number: int) -> dict[str, Tensor]:
        """The batch of step `number`, counted from 1; an earlier step than the last one asked for starts anew."""
        if number <= self._done:
            self._restart()
        while self._done < number:
            chosen = [next(self._stream) for _ in range(self.batch)]
            self._done += 1
        return {
            "clean": torch.from_numpy(np.stack([cut(self.clean, tile) for tile in chosen]))[:, None],
            "noisy": torch.from_numpy(np.stack([cut(self.noisy, tile) for tile in chosen]))[:, None],
        }

    def _restart(self) -> None:
        self._done = 0
        self._stream = shuffled(self.tiles, len(self.clean.images), self.seed)


def tiles(images: int, side: int, size: int) -> list[Tile]:
    """Every tile of every copy of every image, in raster order; the last of a row is flush with the border."""
    starts = [*range(0, side - size, size), side - size]
    return [Tile(i, c, y, x) for i in range(images) for c in range(8) for y in starts for x in starts]


def shuffled(stream: Sequence[Tile], buffer: int, seed: int) -> Iterator[Tile]:
    """The stream for ever, through a shuffle buffer of this length (as tf.data)."""
    random = np.random.Generator(np.random.Philox(key=seed))
    held = [stream[i % len(stream)] for i in range(buffer)]
    position = buffer
    while True:
        slot = int(random.integers(buffer))
        yield held[slot]
        held[slot] = stream[position % len(stream)]
        position += 1


def augment(image: NDArray[Any], copy: int) -> NDArray[Any]:
    """Copy 0 to 7 of an image: a quarter turn is always followed by a flip, so pure rotations are missing."""
    flip, turns = divmod(copy, 4)
    if copy == 0:
        return image
    turned = np.rot90(image, turns)
    return turned[::-1] if flip == 0 else turned[:, ::-1]


def cut(patches: Patches, tile: Tile) -> NDArray[np.float32]:
    """The pixels of a tile in [−1, 1]."""
    turned = augment(np.asarray(patches.images[tile.image]), tile.copy)
    piece = turned[tile.y : tile.y + patches.size, tile.x : tile.x + patches.size]
    return np.ascontiguousarray(patches.to_unit(piece))
