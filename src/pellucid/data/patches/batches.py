"""Batches of random patches: a function of (seed, step) alone, and a patch in it of (seed, step, slot).

So a resumed run meets the same data without any saved state. The places of all patches of a batch are drawn at once,
which takes no time, and the patches cut at them are those of one process: several share a batch without talking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pellucid.data.patches.coordinates import Numbers
from pellucid.data.patches.gpu_patches import GpuPatches
from pellucid.data.patches.patches import Patches
from pellucid.launch import WHOLE, Share

_STREAMS = {"clean": 1, "noisy": 2, "pairs": 2, "noise": 3, "flat": 4}
"""Kinds that share a stream are cut at the same places."""


class Draws(Protocol):
    """Something that patches can be drawn from."""

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Where so many patches are cut, by patch."""

    def cut(self, numbers: Numbers) -> Tensor:
        """The patches of n such entries: (n, 1, size, size), in [−1, 1]."""


@dataclass(frozen=True)
class Flattest:
    """Patches of almost nothing but noise: of many noisy patches the one that varies least, less its mean.

    Attributes:
        patches: where they come from.
        candidates: how many are looked at for each that is taken.
    """

    patches: Patches | GpuPatches
    candidates: int = 16

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Positions of all candidates for so many patches: (count, candidates)."""
        return self.patches.positions.draw(random, (count, self.candidates))

    def cut(self, numbers: Numbers) -> Tensor:
        """The flattest of each n candidates: (n, 1, size, size), of mean 0."""
        drawn = self.patches.cut(numbers.reshape(-1))
        flattest = drawn.var(dim=(1, 2, 3)).view(numbers.shape).argmin(dim=1)
        first = torch.arange(0, len(drawn), self.candidates, device=drawn.device)
        chosen = drawn[first + flattest]
        chosen -= chosen.mean(dim=(1, 2, 3), keepdim=True)
        return chosen


@dataclass(frozen=True)
class RandomBatches:
    """Batches of patches of several kinds.

    Attributes:
        sources: where the patches of each kind come from. "pairs" are cut where the "noisy" ones are, so their
            images must be of the same sizes in the same order; all other kinds are drawn independently of each other.
        batch: patches of each kind in all processes together.
        seed: of the whole run.
        share: the part of each batch that this process takes.
    """

    sources: Mapping[str, Draws]
    batch: int
    seed: int
    share: Share = WHOLE

    def __call__(self, number: int) -> dict[str, Tensor]:
        """The batch of step `number`, counted from 1: this process's n patches of each kind, (n, 1, size, size)."""
        mine = slots(self.batch, self.share)
        return {kind: source.cut(self._places(kind, number)[mine]) for kind, source in self.sources.items()}

    def _places(self, kind: str, number: int) -> Numbers:
        random = np.random.default_rng((self.seed, number, _STREAMS[kind]))
        return self.sources[kind].draw(random, self.batch)


def slots(batch: int, share: Share) -> slice:
    """A process's part of a batch: the parts follow each other, and are as equal as can be."""
    return slice(batch * share.rank // share.size, batch * (share.rank + 1) // share.size)
