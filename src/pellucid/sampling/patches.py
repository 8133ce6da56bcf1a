"""Random patches: sample i of a run is a function of (seed, i) alone.

A counter-based generator draws each patch, so a resumed run meets the same data without any saved state,
and several processes can draw their share without talking to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[Any]
ToUnit = Callable[[Image], NDArray[np.float32]]

_STREAMS = {"clean": 0, "noisy": 1, "pairs": 1, "noise": 2, "flat": 3}
"""Kinds that share a stream are cut at the same places."""


@dataclass(frozen=True)
class Patches:
    """Where patches of one kind come from.

    Attributes:
        images: (Y, X) each, any size and dtype, in memory or mapped from disk.
        to_unit: brings pixels to [−1, 1].
        size: side of a patch; images smaller than it are mirrored up to it.
    """

    images: Sequence[Image]
    to_unit: ToUnit
    size: int

    def draw(self, random: np.random.Generator) -> NDArray[np.float32]:
        """One patch (size, size): uniform over all positions in all images, in one of eight orientations."""
        position = int(random.integers(self._starts[-1]))
        which = int(np.searchsorted(self._starts, position, side="right"))
        offset = position - (int(self._starts[which - 1]) if which else 0)
        image = self.images[which]
        y, x = divmod(offset, _places(image.shape[1], self.size))
        piece = fill(np.asarray(image[y : y + self.size, x : x + self.size]), self.size)
        return np.ascontiguousarray(orient(self.to_unit(piece), int(random.integers(8))))

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        places = [_places(h, self.size) * _places(w, self.size) for h, w in (i.shape for i in self.images)]
        return np.cumsum(places)


@dataclass(frozen=True)
class Flattest:
    """Patches of almost nothing but noise: of many noisy patches the one that varies least, less its mean.

    Attributes:
        patches: where they come from.
        candidates: how many are looked at for each that is taken.
    """

    patches: Patches
    candidates: int = 16

    def draw(self, random: np.random.Generator) -> NDArray[np.float32]:
        """One patch (size, size), of mean 0."""
        drawn = [self.patches.draw(random) for _ in range(self.candidates)]
        flattest = min(drawn, key=lambda patch: float(patch.var()))
        flattest -= flattest.mean()
        return flattest


class Draws(Protocol):
    """Something that patches can be drawn from."""

    def draw(self, random: np.random.Generator) -> NDArray[np.float32]: ...  # noqa: D102


@dataclass(frozen=True)
class RandomBatches:
    """Batches of patches of several kinds.

    Attributes:
        sources: where the patches of each kind come from. "pairs" are cut where the "noisy" ones are, so their
            images must be of the same sizes in the same order; all other kinds are drawn independently of each other.
        batch: patches of each kind.
        seed: of the whole run.
    """

    sources: Mapping[str, Draws]
    batch: int
    seed: int

    def __call__(self, number: int) -> dict[str, Tensor]:
        """The batch of step `number`, counted from 1: each kind (batch, 1, size, size)."""
        return {
            kind: torch.from_numpy(np.stack([self._patch(kind, number, slot) for slot in range(self.batch)]))[:, None]
            for kind in self.sources
        }

    def _patch(self, kind: str, number: int, slot: int) -> NDArray[np.float32]:
        counter = [0, 0, number * self.batch + slot, _STREAMS[kind]]
        random = np.random.Generator(np.random.Philox(key=self.seed, counter=counter))
        return self.sources[kind].draw(random)


def orient(image: NDArray[Any], which: int) -> NDArray[Any]:
    """One of the eight orientations of a square image: `which % 4` quarter turns, flipped from 4 on."""
    turned = np.rot90(image, which % 4)
    return turned[:, ::-1] if which >= 4 else turned


def fill(piece: Image, size: int) -> Image:
    """Mirror a piece that is too small up to (size, size)."""
    missing = [(0, max(0, size - side)) for side in piece.shape]
    return np.pad(piece, missing, mode="symmetric") if any(after for _, after in missing) else piece


def _places(side: int, size: int) -> int:
    return max(1, side - size + 1)
