"""Batches of random patches, which depend only on the seed and the step.

A resumed run therefore sees the same data without any saved state. Each process draws the positions of the whole batch,
which takes almost no time, and cuts only its own patches: processes share a batch without communication.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pellucid.data.patches.coordinates import TRANSPOSED, Numbers
from pellucid.data.patches.gpu_patches import GpuPatches
from pellucid.data.patches.patches import Patches
from pellucid.launch import WHOLE, Share

_STREAMS = {"clean": 1, "noisy": 2, "pairs": 2, "noise": 3, "flat": 4}
"""Random stream of each kind; kinds with the same stream are cut at the same positions."""


class Draws(Protocol):
    """A source of random patches."""

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Random positions of `count` patches, by patch."""

    def cut(self, numbers: Numbers) -> Tensor:
        """The patches at n of these positions: (n, 1, size, size), in [−1, 1]."""


@dataclass(frozen=True)
class Flattest:
    """Patches of almost pure noise: of several noisy patches the one that varies least, minus its mean.

    Attributes:
        patches: the noisy patches.
        candidates: the number of patches from which each is chosen.
    """

    patches: Patches | GpuPatches
    candidates: int = 16

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Random positions of all candidates for `count` patches: (count, candidates)."""
        return self.patches.positions.draw(random, (count, self.candidates))

    def cut(self, numbers: Numbers) -> Tensor:
        """The flattest of the candidates of n patches: (n, 1, size, size), of mean 0."""
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
        sources: the patches of each kind. "pairs" are cut at the positions of "noisy", so their images must have the
            same sizes in the same order; all other kinds are drawn independently.
        batch: number of patches of each kind, in all processes together.
        seed: of the whole run.
        share: this process's share of each batch.
        upright: kinds that are flipped but not transposed.
    """

    sources: Mapping[str, Draws]
    batch: int
    seed: int
    share: Share = WHOLE
    upright: Collection[str] = ()

    def __call__(self, number: int) -> dict[str, Tensor]:
        """The batch of step `number`, counted from 1: this process's n patches of each kind, (n, 1, size, size)."""
        mine = slots(self.batch, self.share)
        return {kind: source.cut(self._positions(kind, number)[mine]) for kind, source in self.sources.items()}

    def _positions(self, kind: str, number: int) -> Numbers:
        random = np.random.default_rng((self.seed, number, _STREAMS[kind]))
        numbers = self.sources[kind].draw(random, self.batch)
        return numbers & ~TRANSPOSED if kind in self.upright else numbers


def slots(batch: int, share: Share) -> slice:
    """The slots of a batch that belong to a process: consecutive, and as equal in number as possible."""
    return slice(batch * share.rank // share.size, batch * (share.rank + 1) // share.size)
