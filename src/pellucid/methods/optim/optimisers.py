"""Optimisers: Adam and rectified Adam, Lookahead around it, each with a learning rate that follows a schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from pellucid import process_group
from pellucid.methods.optim.schedules import Schedule, linear
from pellucid.norms import constrain
from pellucid.recipe import LearningRecipe

KERAS_EPSILON = 1e-7
"""ε of Keras' optimisers, where torch has 1e-8."""

MakeOptimiser = Callable[[list[Tensor]], torch.optim.Optimizer]


class Descent:
    """One of torch's optimisers over some networks, with a schedule for its rate and the norms' constraints.

    Args:
        networks: what learns.
        make: the optimiser for a list of parameters.
        schedule: learning rate of each step.
    """

    def __init__(self, networks: Iterable[nn.Module], make: MakeOptimiser, schedule: Schedule) -> None:
        self.networks = list(networks)
        self.schedule = schedule
        self._make = make

    @cached_property
    def inner(self) -> torch.optim.Optimizer:
        """torch's, made when first wanted: it imports torch's compiler, which takes as long as torch itself."""
        return self._make(self.parameters())

    def parameters(self) -> list[Tensor]:
        """Every trainable parameter of the networks, in order."""
        return [p for network in self.networks for p in network.parameters() if p.requires_grad]

    def step(self, loss: Tensor, number: int) -> None:
        """Descend once; `number` counts steps from 1. Networks of other optimisers get no gradient."""
        self.inner.zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=self.parameters())
        process_group.average_(p.grad for p in self.parameters() if p.grad is not None)
        for group in self.inner.param_groups:
            group["lr"] = self.schedule(number)
        self.inner.step()
        self.after_step(number)
        for network in self.networks:
            constrain(network)

    def after_step(self, number: int) -> None:
        """What a wrapper does once the weights have moved."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {"inner": self.inner.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.inner.load_state_dict(state["inner"])


class Adam(Descent):
    """Adam (Kingma & Ba 2015); `betas`, `eps` and `weight_decay` as torch's, the last added to the gradient."""

    def __init__(
        self,
        networks: Iterable[nn.Module],
        schedule: Schedule,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        def make(parameters: list[Tensor]) -> torch.optim.Optimizer:
            return torch.optim.Adam(parameters, schedule(1), betas, eps, weight_decay, foreach=True)

        super().__init__(networks, make, schedule)


class TensorFlowAdam(Adam):
    """Adam with ε as TensorFlow has it: added to the deviation before the bias of that is corrected.

    Early ε counts for more than in torch, by 1/√(1 − β₂ᵗ): at the first step 32 times with β₂ = 0.999. Only an ε as
    large as the gradients makes this felt. It has to take part in every step. Keras' Adam is the same.
    """

    def __init__(
        self,
        networks: Iterable[nn.Module],
        schedule: Schedule,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(networks, schedule, betas=betas, eps=eps)
        self.eps, self.decay = eps, betas[1]

    def step(self, loss: Tensor, number: int) -> None:
        """Descend once; `number` counts steps from 1."""
        for group in self.inner.param_groups:
            group["eps"] = self.eps / (1 - self.decay**number) ** 0.5
        super().step(loss, number)


class RectifiedAdam(Descent):
    """RAdam (Liu et al. 2020) with the recipe's linearly falling rate, as ISCL uses it.

    `factor` multiplies the rate. β 0.9 and 0.999, ε 1e-7, no weight decay. torch adds ε before the bias correction,
    tensorflow-addons after it.
    """

    def __init__(self, networks: Iterable[nn.Module], recipe: LearningRecipe, factor: float = 1.0) -> None:
        schedule = linear(recipe, factor)

        def make(parameters: list[Tensor]) -> torch.optim.Optimizer:
            return torch.optim.RAdam(parameters, schedule(1), eps=1e-7, foreach=True)

        super().__init__(networks, make, schedule)


class LookaheadRectifiedAdam(RectifiedAdam):
    """RAdam with Lookahead (Zhang et al. 2019): every 6th step go back half-way to the weights of 6 steps before."""

    period = 6
    alpha = 0.5

    def __init__(self, networks: Iterable[nn.Module], recipe: LearningRecipe, factor: float = 1.0) -> None:
        super().__init__(networks, recipe, factor)
        self.slow = [p.detach().clone() for p in self.parameters()]

    @torch.no_grad()
    def after_step(self, number: int) -> None:
        """slow ← slow + ½(fast − slow), fast ← slow; the moments of Adam stay."""
        if number % self.period:
            return
        for i, fast in enumerate(self.parameters()):
            self.slow[i] = self.slow[i].to(fast).lerp_(fast, self.alpha)  # the networks may have moved to a GPU
            fast.copy_(self.slow[i])

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {**super().state_dict(), "slow": [slow.clone() for slow in self.slow]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state)
        for slow, saved in zip(self.slow, state["slow"], strict=True):
            slow.copy_(saved)
