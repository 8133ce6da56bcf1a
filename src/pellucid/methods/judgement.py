"""What CycleGAN, ADN and DRGAN share of their adversarial games."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.methods.adversarial import Objective
from pellucid.networks.patchgan import map_side


def discriminator_loss(game: Objective, judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Half of what D pays for real and made images: it learns at half the generators' pace (Zhu et al. 2017)."""
    return (game.real(judge(real)) + game.fake(judge(fake)) + game.penalty(judge, real, fake)) / 2


def check_patch(patch: int, strides: Sequence[int]) -> None:
    """Refuse patches that a generator with two halvings or a PatchGAN with these strides cannot take.

    Raises:
        InputError: no multiple of 4, or nothing left to judge.
    """
    if patch % 4 or map_side(patch, strides) < 1:
        smallest = next(side for side in range(16, 1024, 4) if map_side(side, strides) > 0)
        raise InputError(f"patch={patch}: the networks need a multiple of 4 from {smallest} up")
