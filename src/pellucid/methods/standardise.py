"""Pixels brought to mean 0 and standard deviation 1 of the training data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid import process_group

MEASURED = 100
"""Batches that are measured; after them the two values stay."""


class Standardise(nn.Module):
    """(x − μ)/σ, with μ and σ² of all pixels of the first batches; they travel with the weights."""

    mean: Tensor
    var: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("var", torch.ones(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Take in a training batch, if it is one of the first, all of one size (Chan, Golub & LeVeque 1979)."""
        if self.batches >= MEASURED:
            return
        x = process_group.whole(x)
        self.batches += 1
        share = 1 / self.batches
        apart = x.mean() - self.mean
        self.var += share * (x.var(correction=0) - self.var) + share * (1 - share) * apart.square()
        self.mean += share * apart

    def forward(self, x: Tensor) -> Tensor:
        """Standardised pixels."""
        return (x - self.mean) * self._scale().reciprocal()

    def undo(self, x: Tensor) -> Tensor:
        """Pixels as they were."""
        return x * self._scale() + self.mean

    def _scale(self) -> Tensor:
        return self.var.clamp(min=1e-8).sqrt()  # images of one single value
