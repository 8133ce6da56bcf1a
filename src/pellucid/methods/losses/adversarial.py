"""Adversarial objectives: what a discriminator D and whoever tries to fool it descend on.

    name             D on real     D on fake     generator    beside
    hinge-published  relu(1 − D)   relu(D)       −D           the published ISCL code: no margin for fakes
    hinge            relu(1 − D)   relu(1 + D)   −D           Lim & Ye 2017
    lsgan            (D − 1)²      D²            (D − 1)²     Mao et al. 2017
    wgan             −D            D             −D           weights clipped to ±0.01 (Arjovsky et al. 2017)
    wgan-gp          −D            D             −D           and 10·(‖∇D‖ − 1)² for D (Gulrajani et al. 2017)

All are means over the batch and its map of judgements. `wgan` and `wgan-gp` are losses only: every method keeps its own
optimisers, and updates D once for each update of the generator, where their papers update it five times, by RMSProp
(5e-5) and by Adam (1e-4, β 0 and 0.9).

The penalty's 10 is relative to one distance D(fake) − D(real): whoever halves the distance halves the penalty too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from pellucid import process_group
from pellucid.ops import plain
from pellucid.seeding import generator

ObjectiveName = Literal["hinge-published", "hinge", "lsgan", "wgan", "wgan-gp"]


class Objective(ABC):
    """The two sides of an adversarial game."""

    @abstractmethod
    def real(self, judgement: Tensor) -> Tensor:
        """Loss of D for judgements of real images."""

    @abstractmethod
    def fake(self, judgement: Tensor) -> Tensor:
        """Loss of D for judgements of made ones."""

    def fool(self, judgement: Tensor) -> Tensor:
        """Loss of the generator for judgements of what it made."""
        return -judgement.mean()

    def share(self, fakes: int) -> float:  # noqa: ARG002
        """Weight of each of several made images that D judges for one real one."""
        return 1.0

    def penalty(self, judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG002
        """What D pays beside, as a function of the images it was shown."""
        return real.new_zeros(())

    def limit(self, judges: Iterable[nn.Module]) -> None:  # noqa: B027 (most do nothing)
        """What is done to the discriminators after their update."""


class Hinge(Objective):
    """D wants more than 1 for real images and less than −margin for fakes."""

    def __init__(self, margin: float) -> None:
        self.margin = margin

    def real(self, judgement: Tensor) -> Tensor:
        """relu(1 − D)."""
        return relu(1 - judgement).mean()

    def fake(self, judgement: Tensor) -> Tensor:
        """relu(margin + D)."""
        return relu(self.margin + judgement).mean()


class LeastSquares(Objective):
    """D wants 1 for real images and 0 for fakes."""

    def real(self, judgement: Tensor) -> Tensor:
        """(D − 1)²."""
        return (judgement - 1).square().mean()

    def fake(self, judgement: Tensor) -> Tensor:
        """D²."""
        return judgement.square().mean()

    def fool(self, judgement: Tensor) -> Tensor:
        """(D − 1)²."""
        return self.real(judgement)


class Wasserstein(Objective):
    """D estimates a distance of distributions; clipped weights keep its slope bounded."""

    bound = 0.01

    def real(self, judgement: Tensor) -> Tensor:
        """−D."""
        return -judgement.mean()

    def fake(self, judgement: Tensor) -> Tensor:
        """D."""
        return judgement.mean()

    def share(self, fakes: int) -> float:
        """An equal part: with more, a constant added to D would lower its loss for ever."""
        return 1 / fakes

    @torch.no_grad()
    def limit(self, judges: Iterable[nn.Module]) -> None:
        """Clip every weight to ±0.01."""
        for judge in judges:
            for weight in judge.parameters():
                weight.clamp_(-self.bound, self.bound)


class PenalisedWasserstein(Wasserstein):
    """The same distance; a penalty keeps D's slope near 1 between real and fake images."""

    weight = 10.0

    def penalty(self, judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """10·(‖∇D‖ − 1)² at a random point between each real image and a fake, the norm over all its pixels."""
        share = process_group.own(
            process_group.like_whole(real[:, :1, :1, :1]).uniform_(generator=generator(real.device))
        )
        between = torch.lerp(real, fake, share).detach().requires_grad_()
        with plain():  # for it is differentiated twice
            (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
        norm: Tensor = slope.flatten(1).norm(dim=1)
        return self.weight * (norm - 1).square().mean()

    def limit(self, judges: Iterable[nn.Module]) -> None:
        """Nothing is clipped."""


OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "hinge-published": lambda: Hinge(0.0),
    "hinge": lambda: Hinge(1.0),
    "lsgan": LeastSquares,
    "wgan": Wasserstein,
    "wgan-gp": PenalisedWasserstein,
}
"""Every objective by its name."""


def objective(name: ObjectiveName) -> Objective:
    """The objective of this name."""
    return OBJECTIVES[name]()


def discriminator_loss(game: Objective, judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Half of what D pays for real and made images: it learns at half the generators' pace (Zhu et al. 2017)."""
    return (game.real(judge(real)) + game.fake(judge(fake)) + game.penalty(judge, real, fake)) / 2
